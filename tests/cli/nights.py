"""What tests of whole commands share: manifests, books, ledgers in any state, servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from batchdub.clock import SystemClock
from batchdub.ledger import open_for_reading
from batchdub.redact import Secret
from batchdub.run import account
from batchdub.sandbox.books import Books, read_books
from batchdub.sandbox.faults import parse_fault
from batchdub.sandbox.media_host import MediaHost
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED
from tests.ledger.support import add_jobs, bring_to, open_ledger

ROOT = Path(__file__).resolve().parents[2]
KEY = "planted-key-4f9a1c77"
_SALT = "00" * 16
FAST = ("--rate", "unlimited")
SANDBOX = ("--sandbox", *FAST)
CDN = "https://cdn.example.com"


def write_manifest(folder, rows=6, name="tonight.csv", *, query="", media=""):
    """Write a manifest of so many rows, S01E001 and on; `media` makes them other media."""
    lines = ["video_url,audio_url,reference_id,language"]
    for number in range(1, rows + 1):
        video = f"{CDN}/{media}{number}.mp4{query}"
        audio = f"{CDN}/{media}{number}.wav{query}"
        lines.append(f"{video},{audio},{ids(number)},{('ja', 'no')[number % 2]}")
    (folder / name).write_text("\n".join(lines) + "\n")
    return name


def ids(number):
    return f"S01E{number:03d}"


def books_of(folder, name="batchdub.books.jsonl"):
    """Count the sandbox's orders by reference_id: what was really paid for."""
    if not (folder / name).exists():
        return Counter()
    return Counter(order.reference_id for order in read_books(folder / name))


def once_each(rows):
    return Counter({ids(number): 1 for number in range(1, rows + 1)})


def counts(folder, name="batchdub.db"):
    """Count the ledger's rows by state, as plain text, without those of no state."""
    with open_for_reading(folder / name) as ledger:
        return {str(state): number for state, number in ledger.counts().items()}


def ledger_with(folder, api="sandbox", **states):
    """Make a ledger with one job in each of these states: `first=JobState.FAILED`.

    It knows the sandbox's key, as a ledger does from which something was ordered there.
    """
    ledger = open_ledger(folder / "batchdub.db")
    job_ids = add_jobs(ledger, *states)
    for job_id, state in zip(job_ids, states.values(), strict=True):
        bring_to(ledger, job_id, state)
    with ledger.transaction():
        ledger.set_meta("api", api)
        ledger.set_meta("key_salt", _SALT)
        ledger.set_meta("key_fingerprint", account._fingerprint(Secret("sandbox"), _SALT))
        ledger.end_run(0, "")
    return ledger, dict(zip(states, job_ids, strict=True))


def told(result):
    """Give what a command told to type next."""
    lines = [line for line in result.err.splitlines() if line.startswith("next: ")]
    return [line.removeprefix("next: ") for line in lines]


@contextmanager
def sandbox_on_a_port(*faults, key=None, **settings):
    """Serve a sandbox of its own; gives the options that lead a command to it, and its books.

    `media` is a folder whose files it serves as well.
    """
    books, media = Books(), settings.pop("media", None)
    chosen = SandboxSettings(
        key=Secret(key) if key else None,
        rate=settings.pop("rate", UNLIMITED),
        faults=tuple(map(parse_fault, faults)),
        **settings,
    )
    provider = Provider(books, chosen, SystemClock().now)
    with RunningSandbox(provider, media=media and MediaHost(media)) as sandbox:
        yield ("--base-url", sandbox.base_url, *FAST, "--settle", "0.2s", "--no-canary"), books


def api_that_answers(status, body):
    """Serve an API whose list is empty and that answers every order alike; gives its base URL."""
    page = {"data": [], "pagination": {"limit": 100, "offset": 0, "total": 0}}
    return api_server(lambda _: (200, page), (status, body))


@contextmanager
def api_server(answer_to, to_orders=(500, {"error": "internal error"})):
    """Serve what `answer_to` gives for a GET's path, a status and a body; gives the base URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._answer(*answer_to(self.path))

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(*to_orders)

        def _answer(self, code, content):
            text = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/api"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def started(folder, *arguments, **environ):
    """Start batchdub as a process of its own, and see to it that it ends."""
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "batchdub", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition, patience_s=20.0):
    """Wait for something that another process does."""
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)

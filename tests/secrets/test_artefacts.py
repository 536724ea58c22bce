"""No planted secret is in anything that batchdub prints or writes: one case for each kind."""

from __future__ import annotations

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.report.unpacking import packed_text
from tests.secrets import planted
from tests.secrets.hostile_api import hostile_api, reference
from tests.secrets.scene import QUICK, Scene

# One scene for all, so one process takes them all.
pytestmark = [pytest.mark.real_time, pytest.mark.xdist_group("secrets")]

_PS = shutil.which("ps")
_REPORTS = ("csv", "json", "jsonl", "markdown", "html")
KINDS = (
    "validate", "plan", "run", "run: the first call is refused", "run: through a proxy",
    "run: a key file that is none", "resume", "status", "show", "audit", "reconcile",
    "ledger rebuild", "rehearse", "ledger check", "ledger backup", "sandbox books", "doctor",
    "every log", "the events", "the log file", "wait: downloads", "the notes beside dubs",
    "wait: a hostile store", "support-bundle", "the support bundle",
    "a fault of ours", "the interpreter's death", "the sandbox's talk", "the sandbox's books",
    "the ledger", "the ledger while a run goes on", "the backup", "the certificate",
    "the lock", "the plan's file", "the process list", "report xlsx", "report as manifest",
    *(f"report {name}" for name in _REPORTS),
)  # fmt: skip
_CODES = {
    "validate": {0, 2}, "run": {6}, "wait: a hostile store": {8},
    "run: the first call is refused": {9},
    "run: through a proxy": {9}, "run: a key file that is none": {3}, "a fault of ours": {1},
    "the interpreter's death": {-signal.SIGABRT},
}  # fmt: skip


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """One night for all cases: real processes take their time."""
    with hostile_api() as api:
        night = Scene(tmp_path_factory.mktemp("secrets"), api)
        night.plant()
        parts = (_among_enemies, _among_friends, _far_away)
        with ThreadPoolExecutor(len(parts)) as threads:
            for done in [threads.submit(part, night) for part in parts]:
                done.result()
        night.collect()
        yield night


def _among_enemies(night):
    """Everything that meets the hostile API, which repeats all that it is told."""
    api = night.api
    there = ("--base-url", api.base_url, *QUICK[:4])
    run = ("good.csv", *there, "--no-canary", "--on-unknown", "hold", "--ledger", "hostile.db")
    api.on_order = lambda: night.look_around() if len(api.orders) == 20 else None
    hook = api.base_url.replace("http://", f"http://me:{planted.HOOK_TOKEN}@")
    hook = hook.replace("/api", f"/hook?token={planted.HOOK_TOKEN}")
    hooks = {"BATCHDUB_WEBHOOK": hook, "BATCHDUB_PING": hook}
    records = ("--events", "a.events", "--log-file", "a.log")
    night.run("run", "run", *run, "--concurrency", "1", *records, **hooks)
    night.run("doctor", "doctor", *there[:2], "--ledger", "hostile.db", **hooks)
    night.run("status", "status", "--ledger", "hostile.db")
    for number in (1, 4, 8):
        night.run("show", "show", reference(number), "--ledger", "hostile.db")
    for name in _REPORTS:
        written = night.run(f"report {name}", "report", "--format", name, "--ledger", "hostile.db")
        # The page's rows are compressed, which hides them from a search and from nobody else.
        night.artefacts["report html"] += packed_text(written).encode() if name == "html" else b""
    night.report_files("hostile.db")
    for names in ((), ("--with-names",)):
        pack = ("support-bundle", "--ledger", "hostile.db", *records, *names)
        night.run("support-bundle", *pack, "--output", f"{len(names)}.zip", **hooks)
    night.run("ledger check", "ledger", "check", "--ledger", "hostile.db")
    night.run("ledger backup", "ledger", "backup", "copy.bak", "--ledger", "hostile.db")
    night.wrapped("a fault of ours", "crashing", "run", *run[:-1], "crashed.db")
    api.mode = "errors"
    night.run("run: the first call is refused", "run", *run[:-1], "refused.db")
    api.mode = "finished"
    night.run("ledger rebuild", "ledger", "rebuild", "good.csv", *there[:2], "--ledger", "back.db")
    waiting = ("wait", *there[:2], "--ledger", "back.db", "--wait-limit", "1s")
    night.run("wait: a hostile store", *waiting, "--download", "none")
    night.run("report csv", "report", "--format", "csv", "--ledger", "back.db")
    # Why a dub is not on disk stands in these as well.
    night.run("status", "status", "--ledger", "back.db")
    written = night.run("report html", "report", "--format", "html", "--ledger", "back.db")
    night.artefacts["report html"] += packed_text(written).encode()
    night.run("show", "show", reference(2), "--ledger", "back.db")
    audit = ("audit", "good.csv", *there[:2], "--ledger", "back.db", "--certificate", "a.proof")
    night.run("audit", *audit, "--all", "--format", "jsonl")


def _far_away(night):
    """What looks for the real API: the proxy in between is hostile, too."""
    far = ("--base-url", "https://api.example.com/api", "--ledger", "far.db")
    night.run("run: through a proxy", "run", "good.csv", *far)
    no_key = ("run", "good.csv", "--key-file", "two-lines.key", *far)
    night.run("run: a key file that is none", *no_key)


def _among_friends(night):
    """Everything that can be had from a sandbox, and what needs no API at all."""
    night.run("validate", "validate", "bad.csv")
    night.run("validate", "validate", "good.csv", "--format", "json")
    night.run("plan", "plan", "good.csv", "--format", "jsonl")
    night.run("plan", "plan", "good.csv", "--output", "a.plan", "--price", "1/job")
    with night.sandbox("drop-after=0.2", "error-before=0.2", "junk-after=0.2") as base_url:
        there = ("--base-url", base_url, *QUICK[:4], "--ledger", "friendly.db")
        first = ("run", "good.csv", "--no-canary", *there[:-1], "dead.db")
        night.wrapped("the interpreter's death", "dying", *first)
        night.wrapped("every log", "chatty", "run", "good.csv", "--no-canary", *there)
        night.run("resume", "resume", "--no-canary", *there)
        night.run("reconcile", "reconcile", *there)
        night.wrapped("wait: downloads", "chatty", "wait", *there, "--download", "dubs")
    night.run("rehearse", "rehearse", "good.csv", "--kills", "0", "--keep", "kept")
    night.run("sandbox books", "sandbox", "books", "--state", "books.jsonl", "--format", "json")


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_is_in(scene, kind):
    """Neither raw nor encoded, whole or cut off: not the key, not a login, not a signature.

    F-69: a secret in the manifest (a login, a signature) is redacted everywhere.
    """
    if kind == "the process list" and not _PS:
        pytest.skip("this machine has no `ps`")
    content = scene.artefacts[kind]

    assert content, f"the scene made nothing of this kind: {scene.codes[kind]}"
    assert planted.found_in(content) == []


def test_no_secret_is_in_any_other_file(scene):
    """Whatever was left in the folder, in HOME or among temporary files."""
    assert planted.found_in(scene.artefacts["any other file"]) == []


def test_the_secrets_were_really_used(scene):
    """A search for what never was there would prove nothing."""
    unused = {name for name, text in planted.SECRETS.items() if not scene.api.used(text)}

    assert unused <= {"the bearer token", "the video's column-signature",
                      "the audio's column-signature"}  # fmt: skip
    assert "batchdub run good.csv" in scene.artefacts["the process list"].decode() or not _PS


def test_every_end_was_the_one_that_was_meant(scene):
    """A command that fails early prints nothing that could give anything away."""
    assert {kind: codes for kind, codes in scene.codes.items() if codes != {0}} == _CODES


@pytest.mark.parametrize("form", range(9))
def test_the_search_finds_each_form(form):
    """The control: a secret in a text is found, also where it was cut off."""
    for name, secret in planted.SECRETS.items():
        _, needle = list(planted.forms(secret))[form]

        assert any(found.startswith(name) for found in planted.found_in(b"..." + needle + b"..."))

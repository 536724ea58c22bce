"""The sandbox from the command line: it says how to use it, and its books can be read."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from batchdub.cli.commands.sandbox import BOOKS_COLUMNS
from batchdub.sandbox.orders import Order, OrderInput, order_line

BODY = {
    "inputs": [
        {"type": "video", "url": "https://cdn.example.com/42.mp4?X-Amz-Signature=s3cr3t"},
        {"type": "audio", "url": "https://cdn.example.com/42.wav"},
    ],
    "reference_id": "dub-episode-42",
}


@contextmanager
def serving(folder, *arguments):
    """Run `batchdub sandbox` for as long as the block; gives its base URL and what it said."""
    sandbox = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, "-m", "batchdub", "sandbox", "--port", "0", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = []
    try:
        yield sandbox.stdout.readline().strip(), said
    finally:
        sandbox.send_signal(signal.SIGINT)
        said.append(sandbox.communicate(timeout=30)[1])


def order(base_url, key="any-text"):
    """Order one dub and give the status."""
    request = Request(  # noqa: S310  our own server
        f"{base_url}/v1/lipsync/generate",
        data=json.dumps(BODY).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310  our own server
            return answer.status
    except HTTPError as error:
        with error:
            return error.code


@pytest.mark.real_time
def test_the_sandbox_says_how_to_use_it_and_keeps_books(tmp_path, cli):
    """The base URL on standard output, for scripts; the rest is talk."""
    with serving(tmp_path) as (base_url, said):
        assert order(base_url) == 200

    assert base_url.startswith("http://127.0.0.1:")
    assert base_url.endswith("/api")
    assert "nothing is ordered for real" in said[0]
    assert f"--base-url {base_url}" in said[0]
    books = cli("sandbox", "books", "--format", "jsonl")
    [row] = map(json.loads, books.out.splitlines())
    assert row["reference_id"] == "dub-episode-42"
    assert row["video_url"].startswith("https://cdn.example.com/42.mp4")
    assert "s3cr3t" not in books.out


@pytest.mark.real_time
def test_the_sandbox_takes_only_the_key_that_it_was_given(tmp_path):
    """And does not repeat it."""
    with serving(tmp_path, "--key", "sk-only-this", "--tokens", "1") as (base_url, said):
        assert order(base_url, "another") == 401
        assert order(base_url, "sk-only-this") == 200
        assert order(base_url, "sk-only-this") == 412

    assert "sk-only-this" not in said[0]


def written(path, *orders, torn=b""):
    path.write_bytes(b"".join(map(order_line, orders)) + torn)


def order_at(moment, request_id="id-1"):
    return Order(
        request_id=request_id,
        reference_id="=S01",
        created_at=moment,
        listed_at=moment,
        inputs=(OrderInput("video", "https://v", "h"), OrderInput("audio", "https://a", "h")),
        disable_active_speaker_detection=False,
    )


def test_books_are_printed_in_any_format(cli, tmp_path):
    """For people, for scripts and for spreadsheets, which run no formula from them."""
    written(tmp_path / "b.jsonl", order_at(datetime(2026, 3, 1, tzinfo=UTC)))

    header, cells = csv.reader(
        io.StringIO(cli("sandbox", "books", "--state", "b.jsonl", "--format", "csv").out)
    )

    assert tuple(header) == BOOKS_COLUMNS
    assert cells == ["id-1", "'=S01", "2026-03-01T00:00:00.000Z", "https://v", "https://a", "false"]


def test_an_order_held_back_is_not_in_the_books_yet(cli, tmp_path):
    """The API would not know it either."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    written(tmp_path / "sandbox.books.jsonl", order_at(tomorrow))

    assert cli("sandbox", "books", "--format", "jsonl").out == ""


def test_a_line_cut_short_is_left_out_and_told(cli, tmp_path):
    """A kill in the middle of a write leaves one; it was never answered."""
    moment = datetime(2026, 3, 1, tzinfo=UTC)
    written(tmp_path / "b.jsonl", order_at(moment), torn=b'{"request_id": "id-')

    result = cli("sandbox", "books", "--state", "b.jsonl", "--format", "jsonl")

    assert len(result.out.splitlines()) == 1
    assert "b.jsonl:2" in result.err
    assert result.code == 0


@pytest.mark.real_time
def test_a_line_cut_short_is_removed_when_the_sandbox_starts(tmp_path):
    """And told."""
    written(tmp_path / "sandbox.books.jsonl", torn=b'{"request_id": "id-')

    with serving(tmp_path) as (_, said):
        pass

    assert "sandbox.books.jsonl:1" in said[0]


@pytest.mark.parametrize("arguments", [["books"], ["--port", "0"]])
def test_a_file_that_holds_no_books_is_refused(cli, tmp_path, arguments):
    """It may be somebody's work."""
    (tmp_path / "mine.txt").write_text("mine\n")

    result = cli("sandbox", *arguments, "--state", "mine.txt")

    assert result.code == 2
    assert "mine.txt" in result.err
    assert (tmp_path / "mine.txt").read_text() == "mine\n"

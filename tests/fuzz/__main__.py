"""`python -m tests.fuzz manifest|reply --seconds N`: bytes that atheris makes up, for so long.

What it finds is written to the current folder as `crash-…`; give that file again to replay it.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).resolve().parents[2]
_LARGEST_BYTES = 4096
_MOST_MEMORY_MIB = 1024
_ONE_INPUT_S = 10


def main() -> int:
    """Fuzz what was asked for; libFuzzer ends the process with its own code."""
    arguments = _parse()
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: `pip install atheris`", file=sys.stderr)  # noqa: T201
        return 2
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["batchdub"]):
        targets = importlib.import_module("tests.fuzz.targets")
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        corpus = _seed(Path(folder), arguments.what)
        options = [
            f"-max_total_time={arguments.seconds}", f"-max_len={_LARGEST_BYTES}",
            f"-rss_limit_mb={_MOST_MEMORY_MIB}", f"-timeout={_ONE_INPUT_S}",
            "-print_final_stats=1", *([str(each) for each in arguments.replay] or [str(corpus)]),
        ]  # fmt: skip
        target = {
            "manifest": _reader(targets, folder),
            "reply": lambda data: targets.read_reply(data, runner.run),
        }[arguments.what]
        atheris.Setup([sys.argv[0], *options], target)
        atheris.Fuzz()
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("what", choices=["manifest", "reply"])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("replay", nargs="*", type=Path, help="files to read again")
    return parser.parse_args()


def _reader(targets: Any, folder: str) -> Callable[[bytes], None]:
    """Read the bytes as each kind in turn: the first byte chooses."""

    def read(data: bytes) -> None:
        name = targets.NAMES[data[0] % len(targets.NAMES)] if data else "m"
        targets.read_manifest(Path(folder), name, data[1:])

    return read


def _seed(folder: Path, what: str) -> Path:
    """Begin with what is meant: the shipped manifests, and answers as they are documented."""
    corpus = folder / "corpus"
    corpus.mkdir()
    shipped = [path.read_bytes()[:_LARGEST_BYTES] for path in (_ROOT / "manifests").iterdir()]
    page = {
        "data": [{"id": "a", "created_at": "2026-03-01T22:00:00Z", "status": "queued"}],
        "pagination": {"limit": 100, "offset": 0, "total": 1},
    }
    given = {"status": "success", "request_id": "8f14e45f-ceea-467f-a1f5-0c1c7d3f9b2a"}
    pages = [json.dumps(each).encode() for each in (page, given, {"error": "invalid token"})]
    starts = [bytes([kind]) for kind in range(4)] if what == "manifest" else [b"\0\x64\0"]
    for number, text in enumerate(shipped if what == "manifest" else pages):
        for kind, start in enumerate(starts):
            (corpus / f"{number}-{kind}").write_bytes(start + text)
    return corpus


if __name__ == "__main__":
    sys.exit(main())

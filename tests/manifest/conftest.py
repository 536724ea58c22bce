"""Reading a manifest that a test writes out in place."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from batchdub.manifest import Problems, read_manifests

VIDEO = "https://cdn.example.com/e1.mp4"
AUDIO = "https://cdn.example.com/e1.wav"


@dataclass
class Read:
    """What came of reading: the rows, the problems as lines, and the collector itself."""

    rows: list
    lines: list[str]
    warnings: list[str]
    problems: Problems
    files: list


def read_paths(*paths: str) -> Read:
    problems, files = Problems(), []
    rows = list(read_manifests(list(paths), problems, files=files))
    lines = [str(problem) for problem in problems.first()]
    return Read(rows, lines, [str(each) for each in problems.warnings()], problems, files)


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Write one manifest into an empty current folder, under a relative name, and read it."""
    monkeypatch.chdir(tmp_path)

    def write_and_read(content, name="m.csv"):
        data = content.encode() if isinstance(content, str) else content
        (tmp_path / name).write_bytes(data)
        return read_paths(name)

    return write_and_read


@pytest.fixture
def read_yaml(read):
    return lambda content: read(content, "m.yaml")


@pytest.fixture
def read_json(read):
    return lambda content: read(content, "m.json")

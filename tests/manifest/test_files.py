"""Files: what is not a readable manifest is told, whatever it is, and hashes match the rows."""

from __future__ import annotations

import hashlib
import os

import pytest

from batchdub.errors import UnusableInputError
from batchdub.manifest import ManifestFile, Problems, fingerprint, read_manifests
from batchdub.manifest import files as files_room
from batchdub.manifest.files import HashedFile, TooLargeError
from tests.manifest.conftest import AUDIO, VIDEO, read_paths

CSV = f"video,audio,reference_id\n{VIDEO},{AUDIO},a\n"
YAML = f"jobs:\n  - {{video: '{VIDEO}', audio: '{AUDIO}', reference_id: b}}\n"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_hash_is_of_the_very_bytes_that_the_rows_came_from(tmp_path):
    """A file opened twice may be two files."""
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.yaml").write_text(YAML)
    problems, files = Problems(), []
    rows = read_manifests(["a.csv", "b.yaml"], problems, files=files)
    next(rows)
    os.replace(tmp_path / "b.yaml", tmp_path / "c.yaml")  # noqa: PTH105  as another program would
    (tmp_path / "b.yaml").write_text(YAML.replace("b}", "z}"))

    assert [row.reference_id for row in rows] == ["z"]
    assert files == [fingerprint("a.csv"), fingerprint("b.yaml")]
    assert files[0] == ManifestFile(
        "a.csv", hashlib.sha256(CSV.encode()).hexdigest(), len(CSV.encode())
    )


def test_a_file_swapped_after_opening_is_read_as_it_was(tmp_path):
    """The open handle counts, not the name.

    Faults: F-70.
    """
    (tmp_path / "a.csv").write_text(CSV + f"{VIDEO},{AUDIO},b\n")
    files = []
    rows = read_manifests(["a.csv"], Problems(), files=files)
    next(rows)
    (tmp_path / "new").write_text("nonsense")
    (tmp_path / "new").replace(tmp_path / "a.csv")

    assert [row.reference_id for row in rows] == ["b"]
    assert files[0].sha256 != fingerprint("a.csv").sha256


def test_a_file_with_problems_of_its_rows_is_hashed_to_its_end(tmp_path):
    """With invalid rows left out it is still the manifest of the run."""
    (tmp_path / "a.csv").write_text(CSV + "x,y,z\n")

    assert read_paths("a.csv").files == [fingerprint("a.csv")]


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("missing.csv", "missing.csv: no such file"),
        ("folder.csv", "folder.csv: is a directory"),
        ("pipe.csv", "pipe.csv: is not a regular file"),
        ("/dev/null", "/dev/null: is not a regular file"),
        ("loop.csv", "loop.csv: cannot be read: Too many levels of symbolic links"),
        ("-", "-: a manifest is not read from standard input"),
        ("a\0b.csv", "a\0b.csv: not a usable file name"),
        ("book.xlsx", "book.xlsx: a spreadsheet's own file, not text"),
        ("book.csv", "book.csv: a spreadsheet's own file, not text"),
        ("caf\udce9.csv", "caf\udce9.csv: its path is not UTF-8, so no ledger can hold it"),
        ("what", "what: neither a table nor YAML nor JSON by its looks"),
    ],
)
def test_what_is_no_manifest_is_told_at_once(tmp_path, path, told):
    """None of them may hang, crash or be taken for an empty manifest.

    Faults: F-70.
    """
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    (tmp_path / "book.xlsx").write_bytes(b"whatever")
    (tmp_path / "caf\udce9.csv").write_text("video_url,audio_url\nhttps://a/v,https://a/w\n")
    (tmp_path / "book.csv").write_bytes(b"PK\x03\x04\x00\x00")
    (tmp_path / "what").write_text("hello\n")

    got = read_paths(path)

    assert got.rows == got.files == []
    assert len(got.lines) == 1
    assert got.lines[0].startswith(told)
    assert got.problems.blocking


def test_an_unreadable_file_is_told():
    """Permissions cannot be tested as root, so the error itself is translated."""
    what, hint = files_room.open_error(PermissionError(13, "Permission denied"))

    assert (what, hint) == ("may not be read", "check the file's permissions")


def test_one_bad_file_does_not_stop_the_others(tmp_path):
    """All problems of all files in one go."""
    (tmp_path / "a.csv").write_text(CSV)

    got = read_paths("missing.csv", "a.csv", "-")

    assert [row.reference_id for row in got.rows] == ["a"]
    assert [line.partition(":")[0] for line in got.lines] == ["missing.csv", "-"]


def test_a_file_given_twice_is_told_once_and_not_row_by_row(tmp_path):
    """Also under another name."""
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").symlink_to("a.csv")

    got = read_paths("a.csv", "b.csv")

    assert got.lines == ["b.csv: the same file as a.csv, given before (give it once)"]


@pytest.mark.parametrize(("name", "limit"), [("m.csv", "2,048"), ("m.yaml", "64")])
def test_a_file_larger_than_its_kind_may_be_is_told_before_it_is_read(tmp_path, name, limit):
    """10 GB would take minutes and all the memory. The file is sparse, so it costs nothing here.

    Faults: F-70.
    """
    with (tmp_path / name).open("wb") as file:
        file.write(b"video,audio\n")
        file.truncate(10 << 30)

    got = read_paths(name)

    assert got.lines == [f"{name}: has more than {limit} MiB (split it into several manifests)"]


def test_a_file_that_grows_past_its_limit_while_it_is_read_is_told(tmp_path):
    """Its size at the start promises nothing."""
    (tmp_path / "a.csv").write_bytes(b"x" * 10)
    with HashedFile("a.csv") as file:
        file.limit(10)
        (tmp_path / "a.csv").write_bytes(b"x" * 11)
        with pytest.raises(TooLargeError):
            file.finish()


def test_a_fingerprint_of_what_cannot_be_read_names_the_file():
    """`resume` reads the manifests again, and says which is gone."""
    with pytest.raises(UnusableInputError, match=r"gone\.csv: no such file"):
        fingerprint("gone.csv")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CSV, "table"),
        ("\ufeff" + CSV.replace(",", "\t"), "table"),
        ('"video_url";"audio_url"\n' + f"{VIDEO};{AUDIO}\n", "table"),
        (YAML, "yaml"),
        ("# tonight\n---\n" + YAML, "yaml"),
        ("\n" + f'{{"jobs": [{{"video": "{VIDEO}", "audio": "{AUDIO}"}}]}}', "json"),
        (CSV, "upper.CSV"),
        (CSV, "notes.txt"),
    ],
)
def test_without_a_telling_extension_the_beginning_tells_the_kind(tmp_path, text, name):
    """Downloads come without extensions."""
    (tmp_path / name).write_text(text)

    got = read_paths(name)

    assert got.lines == []
    assert len(got.rows) == 1


def test_nothing_is_left_open(tmp_path):
    """A thousand manifests must not use up the handles."""
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "b.csv").write_text("")
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208  a bare count
    for _ in range(5):
        read_paths("a.csv", "a.csv", "b.csv", "missing.csv")
    after = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208  a bare count

    assert after == before

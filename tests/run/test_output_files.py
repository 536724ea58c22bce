"""A dub's files: nothing of anybody's is overwritten, and what is whole is known as whole."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat

import pytest

from batchdub.ledger.outputs import KnownOutput
from batchdub.run.output_files import (
    Draft,
    Standing,
    give_name,
    is_whole,
    look_at,
    place_of,
    write_note,
)
from batchdub.sandbox.media import make_mp4

DUB = make_mp4("a")
HASH = hashlib.sha256(DUB).hexdigest()


@pytest.fixture
def place(tmp_path):
    return place_of(tmp_path / "ja", "a.mp4", "request-1")


def drafted(place, content=DUB):
    draft = Draft(place, 0)
    draft.write(content)
    draft.sync()
    draft.close()


def note(place, **changes):
    write_note(place, {"request_id": "request-1", "bytes": len(DUB), "sha256": HASH, **changes})


def names_beside(place):
    return [path.name for path in place.target.parent.iterdir()]


@pytest.mark.parametrize("link", [True, False])
def test_what_stands_where_a_folder_goes_is_what_is_told(place, link):
    """Not the dub's own name: nothing stands there."""
    there = place.target.parent
    if link:
        there.symlink_to("nowhere")
    else:
        there.write_text("mine")

    with pytest.raises(NotADirectoryError) as raised:
        Draft(place, 0)

    assert raised.value.filename == str(there)


def test_a_folder_that_another_download_makes_meanwhile_is_no_obstacle(place, monkeypatch):
    """A few come at once, and a season's first ones want the same folder."""
    there, asked = os.path.lexists, []

    def made_meanwhile(path):
        asked.append(path)
        place.target.parent.mkdir(exist_ok=True)
        return there(path)

    monkeypatch.setattr(os.path, "lexists", made_meanwhile)
    drafted(place)

    assert place.target.parent in asked
    assert place.part.read_bytes() == DUB


def refuse_links(monkeypatch, code):
    def link(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "link", link)


@pytest.mark.parametrize("links", [True, False])
def test_a_file_that_has_come_meanwhile_is_not_overwritten(place, monkeypatch, links):
    """Also where a file system has no links, so that the name is given by a move."""
    drafted(place)
    place.target.write_text("mine")
    if not links:
        refuse_links(monkeypatch, errno.EPERM)

    with pytest.raises(FileExistsError):
        give_name(place)

    assert place.target.read_text() == "mine"
    assert place.part.read_bytes() == DUB


def test_a_dub_that_was_moved_after_a_death_is_not_cut(place, tmp_path):
    """Killed after the dub had its name and before its part was gone: both are one file."""
    drafted(place)
    os.link(place.part, tmp_path / "moved.mp4")

    drafted(place, DUB[:100])

    assert (tmp_path / "moved.mp4").read_bytes() == DUB
    assert place.part.read_bytes() == DUB[:100]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_is_given_to_the_whole(place, monkeypatch, links):
    drafted(place)
    if not links:
        refuse_links(monkeypatch, errno.EOPNOTSUPP)

    modified_ns = give_name(place)

    assert place.target.read_bytes() == DUB
    assert modified_ns == place.target.stat().st_mtime_ns
    assert names_beside(place) == ["a.mp4"]


def test_a_disk_that_fails_at_the_name_is_told(place, monkeypatch):
    drafted(place)
    refuse_links(monkeypatch, errno.EIO)

    with pytest.raises(OSError, match="Input/output"):
        give_name(place)


def test_a_share_that_cannot_sync_a_folder_is_good_enough(place, monkeypatch):
    """Of other machines' file systems some refuse it; the name is looked for at the next run."""
    real = os.fsync

    def fsync(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    drafted(place)

    assert give_name(place)


def test_a_note_of_another_order_proves_nothing(place):
    """Its bytes may be right by chance of a copy; the row would be told to have another's dub."""
    drafted(place)
    give_name(place)
    note(place, request_id="request-2")
    assert look_at(place, None, "request-1").standing is Standing.FOREIGN

    note(place)
    assert look_at(place, None, "request-1").standing is Standing.PROVEN
    for changes in ({"bytes": 1}, {"sha256": "0" * 64}):
        note(place, **changes)
        assert look_at(place, None, "request-1").standing is Standing.FOREIGN


@pytest.mark.parametrize("text", ["", "[]", "{", "nul", '"' * 9, "[" * 100_000])
def test_a_note_that_is_none_proves_nothing(place, text):
    drafted(place)
    give_name(place)
    place.note.write_text(text)

    assert look_at(place, None, "request-1").standing is Standing.FOREIGN


def test_a_file_on_record_elsewhere_is_no_file_here(place, tmp_path):
    """Another folder, or another template: it is fetched to where it is wanted now."""
    known = KnownOutput(str(tmp_path / "b.mp4"), "", len(DUB), len(DUB), HASH, 1)

    assert look_at(place, known, "request-1").standing is Standing.NOTHING
    here = KnownOutput(str(place.target), "", len(DUB), len(DUB), HASH, 1)
    assert look_at(place, here, "request-1").standing is Standing.GONE
    place.target.mkdir(parents=True)
    assert look_at(place, here, "request-1").standing is Standing.CHANGED


def test_a_part_is_cut_back_to_what_is_known(place):
    """What stands after that was never promised by the disk."""
    drafted(place, b"0123456789")

    draft = Draft(place, 4)
    draft.write(b"abc")
    draft.close()

    assert place.part.read_bytes() == b"0123abc"
    assert draft.sha256() == hashlib.sha256(b"0123abc").hexdigest()
    short = Draft(place, 99)
    assert short.length == 0, "there is less than was promised: begin anew"
    short.close()


def test_a_part_that_leads_elsewhere_is_not_followed(place, tmp_path):
    """A link in the folder must not have us write over what it leads to."""
    place.part.parent.mkdir()
    (tmp_path / "theirs").write_text("theirs")
    place.part.symlink_to(tmp_path / "theirs")

    with pytest.raises(OSError, match="symbolic links"):
        Draft(place, 0)
    assert (tmp_path / "theirs").read_text() == "theirs"


def test_two_orders_never_share_a_part(tmp_path):
    """r1 and r2, or what was ordered twice by mistake."""
    parts = {place_of(tmp_path, "a.mp4", each).part for each in ("request-1", "request-2")}

    assert len(parts) == 2


def test_a_note_is_whole_or_not_there(place):
    """Names in any script are written as they are; half a character is not written at all."""
    place.target.parent.mkdir()
    write_note(place, {"title": "日本 \ud800"})

    assert json.loads(place.note.read_text()) == {"title": "日本 ?"}
    assert names_beside(place) == ["a.mp4.json"]


@pytest.mark.parametrize("cut", [1, 9, 500, len(DUB) - 8])
def test_an_mp4_that_was_cut_is_not_whole(tmp_path, cut):
    """Where nobody told its length its own boxes do."""
    part = tmp_path / "a.part"
    part.write_bytes(DUB)
    assert is_whole(part)
    part.write_bytes(DUB[:-cut])
    assert not is_whole(part)


def test_of_other_files_nothing_is_known(tmp_path):
    """And a last box may reach to the end, or have a length of 64 bits."""
    part = tmp_path / "a.part"
    ftyp = DUB[: int.from_bytes(DUB[:4], "big")]
    for tail in (b"\0\0\0\0mdat...", b"\0\0\0\1mdat" + (20).to_bytes(8, "big") + b"1234"):
        part.write_bytes(ftyp + tail)
        assert is_whole(part)
    part.write_bytes(b"\x1aE\xdf\xa3 webm")
    assert is_whole(part)
    part.write_bytes(ftyp + b"\0\0\0\3bad!")
    assert not is_whole(part)

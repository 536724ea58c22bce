"""The dub's file: a valid MP4, checked box by box."""

from __future__ import annotations

import struct
from itertools import pairwise

from batchdub.sandbox.media import make_mp4

CONTAINERS = {"moov", "trak", "mdia", "minf", "dinf", "stbl"}


def boxes(data, at=0, end=None):
    """Walk all boxes: (kind, position of its content, end)."""
    end = len(data) if end is None else end
    while at < end:
        size, kind = struct.unpack_from(">I4s", data, at)
        assert 8 <= size <= end - at
        yield kind.decode(), at + 8, at + size
        if kind.decode() in CONTAINERS:
            yield from boxes(data, at + 8, at + size)
        at += size
    assert at == end


def words(data, at, count):
    return struct.unpack_from(f">{count}I", data, at)


def test_the_boxes_nest_and_fill_the_file_exactly():
    """A player walks the sizes; one that is off by one ends it."""
    data = make_mp4("label")
    kinds = [kind for kind, _, _ in boxes(data)]
    assert kinds[:3] == ["ftyp", "free", "moov"]
    assert kinds[-1] == "mdat"
    assert {"mvhd", "tkhd", "mdhd", "hdlr", "vmhd", "dref", "stsd", "stts", "stsc"} <= set(kinds)


def test_the_sample_table_points_at_the_pictures():
    """Each sample is one H.264 unit with its length in front, and they fill `mdat`."""
    data = make_mp4("label")
    found = {kind: (start, end) for kind, start, end in boxes(data)}
    count = words(data, found["stsz"][0], 3)[2]
    sizes = words(data, found["stsz"][0] + 12, count)
    at = words(data, found["stco"][0], 3)[2]
    assert at == found["mdat"][0]
    for size in sizes:
        length, header = struct.unpack_from(">IB", data, at)
        assert (length, header) == (size - 4, 0x65)
        at += size
    assert at == found["mdat"][1]


def test_no_picture_holds_a_start_code():
    """Three such bytes inside a unit would have to be escaped."""
    data = make_mp4("label")
    start, end = next((start, end) for kind, start, end in boxes(data) if kind == "mdat")
    at = start
    while at < end:
        length = words(data, at, 1)[0]
        unit = data[at + 4 : at + 4 + length]
        assert not any(unit[n : n + 2] == b"\0\0" and unit[n + 2] <= 3 for n in range(length - 2))
        at += 4 + length


def test_neighbouring_pictures_have_different_ids():
    """H.264 asks it of pictures that each stand alone; a decoder may take two for one."""
    data = make_mp4("label")
    at, end = next((start, end) for kind, start, end in boxes(data) if kind == "mdat")
    ids = []
    while at < end:
        ids.append(data[at + 5 : at + 8])
        at += 4 + words(data, at, 1)[0]
    assert all(one != other for one, other in pairwise(ids))


def test_the_label_makes_the_file_one_of_a_kind_and_repeatable():
    """So that a download that got another row's file is noticed."""
    assert make_mp4("a") == make_mp4("a")
    assert make_mp4("a") != make_mp4("b")
    assert 5_000 < len(make_mp4("a")) < 20_000

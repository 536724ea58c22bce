"""The dub that every completed order gets: a second of grey video, a few kilobytes, valid MP4.

Written out bit by bit, so that neither an encoder nor a binary file has to be shipped: H.264
baseline, 25 pictures of one raw (I_PCM) block, which every player decodes.
"""

from __future__ import annotations

import struct
from functools import cache

_PICTURES = 25
_TICKS_PER_S = 25
_SIZE_PX = 16
_IDENTITY_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_LANGUAGE_UNDEFINED = 0x55C4


def make_mp4(label: str) -> bytes:
    """Make a valid MP4 that carries `label` in a box that players skip.

    The same label gives the same bytes, another label other bytes: downloads can be told apart.
    """
    pictures = [_picture(idr_id=number % 2, grey=64 + 4 * number) for number in range(_PICTURES)]
    head = _box("ftyp", b"isom", struct.pack(">I", 0x200), b"isomiso2avc1mp41")
    head += _box("free", label.encode())
    # The tables have the same length wherever the pictures start, so size comes from a dry run.
    start = len(head) + len(_movie(pictures, 0)) + 8
    return head + _movie(pictures, start) + _box("mdat", *pictures)


def _box(kind: str, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind.encode()) + body


def _full_box(kind: str, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack(">I", flags), *parts)


def _words(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def _movie(pictures: list[bytes], start: int) -> bytes:
    header = _full_box(
        "mvhd", 0, _words(0, 0, _TICKS_PER_S, _PICTURES, 0x10000), struct.pack(">H", 0x100),
        bytes(10), _IDENTITY_MATRIX, bytes(24), _words(2),
    )  # fmt: skip
    return _box("moov", header, _box("trak", _track_header(), _media(pictures, start)))


def _track_header() -> bytes:
    return _full_box(
        "tkhd", 3, _words(0, 0, 1, 0, _PICTURES), bytes(16), _IDENTITY_MATRIX,
        _words(_SIZE_PX << 16, _SIZE_PX << 16),
    )  # fmt: skip


def _media(pictures: list[bytes], start: int) -> bytes:
    header = _full_box(
        "mdhd", 0, _words(0, 0, _TICKS_PER_S, _PICTURES), struct.pack(">HH", _LANGUAGE_UNDEFINED, 0)
    )
    handler = _full_box("hdlr", 0, _words(0), b"vide", bytes(12), b"VideoHandler\0")
    place = _box("dinf", _full_box("dref", 0, _words(1), _full_box("url ", 1)))
    information = _box(
        "minf", _full_box("vmhd", 1, bytes(8)), place, _sample_tables(pictures, start)
    )
    return _box("mdia", header, handler, information)


def _sample_tables(pictures: list[bytes], start: int) -> bytes:
    sizes = [len(picture) for picture in pictures]
    return _box(
        "stbl",
        _full_box("stsd", 0, _words(1), _codec()),
        _full_box("stts", 0, _words(1, len(sizes), 1)),
        _full_box("stsc", 0, _words(1, 1, len(sizes), 1)),
        _full_box("stsz", 0, _words(0, len(sizes), *sizes)),
        _full_box("stco", 0, _words(1, start)),
    )


def _codec() -> bytes:
    sequence, picture = _sequence_parameters(), _picture_parameters()
    settings = _box(
        "avcC", b"\x01", sequence[1:4], b"\xff\xe1", struct.pack(">H", len(sequence)), sequence,
        b"\x01", struct.pack(">H", len(picture)), picture,
    )  # fmt: skip
    shape = struct.pack(">HHIII", _SIZE_PX, _SIZE_PX, 0x480000, 0x480000, 0)
    rest = struct.pack(">H32sHh", 1, b"", 24, -1)
    return _box("avc1", bytes(6), struct.pack(">H", 1), bytes(16), shape, rest, settings)


def _sequence_parameters() -> bytes:
    # id 0, frame numbers of 4 bits, order type 2, no reference frames, no gaps, one block wide
    # and high, frames only, 8x8 inference; no cropping, no usability information.
    fields = (*map(_golomb, (0, 0, 2, 0)), "0", _golomb(0), _golomb(0), "1", "1", "0", "0")
    return b"\x67\x42\xc0\x0a" + _closed("".join(fields))


def _picture_parameters() -> bytes:
    # ids 0 and 0, CAVLC, one slice group, one reference each way, no weights, quantisers at
    # their defaults, deblocking controlled by the slice.
    fields = (
        _golomb(0), _golomb(0), "0", "0", _golomb(0), _golomb(0), _golomb(0), "0", "00",
        _golomb(0), _golomb(0), _golomb(0), "1", "0", "0",
    )  # fmt: skip
    return b"\x68" + _closed("".join(fields))


@cache
def _picture(idr_id: int, grey: int) -> bytes:
    """Give one picture with its length in front. Neighbours must differ in `idr_id`."""
    # First block, an intra slice, parameters 0, frame 0; the id; no reordering flags, default
    # quantiser, no deblocking; then a raw block, aligned to the byte.
    fields = (
        _golomb(0), _golomb(7), _golomb(0), "0000", _golomb(idr_id), "0", "0", _golomb(0),
        _golomb(1), _golomb(25),
    )  # fmt: skip
    samples = bytes([grey]) * _SIZE_PX**2 + b"\x80" * (_SIZE_PX**2 // 2)
    unit = b"\x65" + _packed("".join(fields)) + samples + b"\x80"
    return struct.pack(">I", len(unit)) + unit


def _golomb(number: int) -> str:
    """Write an unsigned number in exponential Golomb code (zero is the same when signed)."""
    digits = f"{number + 1:b}"
    return "0" * (len(digits) - 1) + digits


def _closed(bits: str) -> bytes:
    return _packed(bits + "1")


def _packed(bits: str) -> bytes:
    padded = bits + "0" * (-len(bits) % 8)
    return bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))

"""Choosing moments evenly: any first part of the sequence is spread over the whole run."""

from __future__ import annotations

from itertools import zip_longest

from tests.crash.tracing import READS, Point


def spread(count):
    """Give 1 to `count`, each once, so that any beginning of it is spread evenly.

    The order of a binary search: the middle, the quarters, the eighths.
    """
    bits = max(1, count).bit_length()
    mirrored = (int(f"{number:0{bits}b}"[::-1], 2) for number in range(2**bits))
    return [number for number in mirrored if 1 <= number <= count]


def points(counts):
    """Give every point of a recorded run, kind by kind in turn, so that rare kinds come first."""
    kinds = [
        [Point(where, call, nth) for nth in spread(number)]
        for (where, call), number in sorted(counts.items())
        if call not in READS
    ]
    return [point for turn in zip_longest(*kinds) for point in turn if point is not None]


def in_turn(sequences):
    """Give the first of each sequence, then the second of each, until all are through."""
    for turn in zip_longest(*sequences):
        yield from (item for item in turn if item is not None)

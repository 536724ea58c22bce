"""The manifest, and what people do to it between two nights."""

from __future__ import annotations

import csv
import itertools

from tests.simulate.faults import Fault
from tests.simulate.scenario import length_of

SIGNATURE = "PLANTEDSIGNATURE"
_COLUMNS = ("video_url", "audio_url", "reference_id", "language", "length")


def number_of(sent_as: str) -> int:
    """Give the number of the row that a reference_id, of whichever revision, is of."""
    return int(sent_as.partition("~r")[0].removeprefix("S01E"))


def reference_of(number: int) -> str:
    """Name a row."""
    return f"S01E{number:03d}"


class Season:
    """The rows of one manifest by number, each with a version of its media and of its links."""

    def __init__(self, path, rows: int, *parts) -> None:
        """Export `parts` of so many rows one after the other, and at last the whole season."""
        self.path = path
        self.rows = {}
        self.changed: set[str] = set()
        whole = tuple(range(rows))
        parts = [part for part in parts if part]
        self._exports = parts if parts[-1] == whole else [*parts, whole]
        self.grow()

    @property
    def references(self) -> list[str]:
        """Give the reference_ids of the manifest as it is now."""
        return [reference_of(number) for number in self.rows]

    def grow(self) -> bool:
        """Export the next part, or the whole season, if it has not been exported so far."""
        if not self._exports:
            return False
        now, *self._exports = self._exports
        self.dropped = sorted({*itertools.chain(*self._exports)} - {*now})
        # What people have added stands in the next export, too.
        more = {*self.rows} if not self._exports else set()
        self.rows = {number: self.rows.get(number, (0, 0)) for number in sorted({*now, *more})}
        self.write()
        return True

    def edit(self, fault: Fault, dice) -> bool:
        """Do one thing to the manifest; False where there is nothing to do it to."""
        numbers = list(self.rows)
        match fault:
            case Fault.ROW_REMOVED if len(numbers) > 2:
                gone = dice.choice(numbers)
                del self.rows[gone]
                self.dropped.append(gone)
            case Fault.ROW_ADDED:
                back = self.dropped.pop() if self.dropped else max(numbers) + 1
                self.rows[back] = (0, 0)
            case Fault.REORDERED:
                dice.shuffle(numbers)
                self.rows = {number: self.rows[number] for number in numbers}
            case Fault.SIGNATURE_ROTATED:
                self.rows = {
                    number: (media, link + 1) for number, (media, link) in self.rows.items()
                }
            case Fault.MEDIA_CHANGED:
                number = dice.choice(numbers)
                media, link = self.rows[number]
                self.rows[number] = (media + 1, link)
                self.changed.add(reference_of(number))
            case _:
                return False
        self.write()
        return True

    def write(self) -> None:
        """Export the manifest."""
        with self.path.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(_COLUMNS)
            for number, (media, link) in self.rows.items():
                urls = [_url(number, media, link, kind) for kind in ("mp4", "wav")]
                language, length = ("ja", "no")[number % 2], length_of(number)
                table.writerow([*urls, reference_of(number), language, length])


def _url(number: int, media: int, link: int, kind: str) -> str:
    # Two rows share a file name and differ in a parameter alone: that is a difference.
    signed = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={SIGNATURE}{number}v{link}"
    return f"https://cdn.example.com/{number // 2}-{media}.{kind}?cut={number % 2}&{signed}"

"""How far a run is, shown while it goes on: one live line, or now and then a plain one."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from batchdub.progress import Snapshot, left_now, orders_per_min, time_left_s
from batchdub.units import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from batchdub.cli.talk import Talk

_BETWEEN = " · "
_PLAIN_EVERY_S = 30.0
_LIVE_EVERY_S = 0.1
_RATE_AFTER_S = 1.0  # of less time a rate is only noise


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """Where a run reports how far it is, and the Talk to use meanwhile.

    On a terminal `talk` prints above the live line; the one from before would break it.
    """

    on_progress: Callable[[Snapshot], None]
    talk: Talk


@contextmanager
def progress_line(talk: Talk) -> Iterator[ProgressLine]:
    """Show progress while the block runs; quiet shows none. It never raises for the stream."""
    if talk.quiet:
        yield ProgressLine(lambda _: None, talk)
    elif talk.terminal:
        with _live_line(talk) as line:
            yield line
    else:
        plain = _Paced(_PLAIN_EVERY_S, lambda snapshot: talk.say(describe(snapshot)))
        yield ProgressLine(plain, talk)
        plain.finish()


def describe(snapshot: Snapshot) -> str:
    """Say in one line where a run stands."""
    return _BETWEEN.join(text for text, _ in _parts(snapshot))


def is_due(shown: Snapshot | None, now: Snapshot, every_s: float) -> bool:
    """Whether a snapshot is worth a new line: the first, another phase, or time has passed."""
    if shown is None or shown.phase != now.phase:
        return True
    return now.elapsed_s - shown.elapsed_s >= every_s


def _parts(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Give the pieces of the line, each with the colour it has on a terminal.

    What is not there is not said, so that it all mostly fits into 80 columns.
    """
    yield snapshot.phase, "bold"
    yield f"{snapshot.done:,} done", "green"
    if snapshot.left or not snapshot.at_api:
        goes = left_now(snapshot)
        fewer = goes < snapshot.left and snapshot.phase != "ending"
        yield f"{snapshot.left:,} left" + (f", {goes:,} now" if fewer else ""), ""
    for number, words, style in (
        (snapshot.in_flight, "in flight", ""),
        (snapshot.at_api, "at the API", ""),
        (snapshot.to_download, "to download", ""),
        (snapshot.in_doubt, "in doubt", "yellow"),
        (snapshot.failed, "failed", "red"),
        (snapshot.rate_limited, "rate-limited", "yellow"),
    ):
        if number:
            yield f"{number:,} {words}", style
    per_min = orders_per_min(snapshot)
    known = snapshot.elapsed_s >= _RATE_AFTER_S and (per_min or not snapshot.orders)
    if known and snapshot.phase not in ("waiting", "downloading"):
        yield f"{per_min:.0f}/min", ""
    left_s = time_left_s(snapshot)
    if left_s and snapshot.phase not in ("waiting", "downloading", "ending"):
        yield f"{format_duration(left_s)} to go", "cyan"


def _broken(parts: Iterable[tuple[str, str]], width: int) -> list[list[tuple[str, str]]]:
    """Break the pieces into lines of at most so many columns: none of them is cut off."""
    lines: list[list[tuple[str, str]]] = [[]]
    used = 0
    for part in parts:
        needed = len(part[0]) + (len(_BETWEEN) if lines[-1] else 0)
        if lines[-1] and used + needed > width:
            lines.append([])
            used, needed = 0, len(part[0])
        lines[-1].append(part)
        used += needed
    return lines


class _Paced:
    """Hands on the snapshots that are due, and at the end the last one if it was not shown."""

    def __init__(self, every_s: float, show: Callable[[Snapshot], None]) -> None:
        self._every_s = every_s
        self._show = show
        self._shown: Snapshot | None = None
        self._last: Snapshot | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        self._last = snapshot
        if is_due(self._shown, snapshot, self._every_s):
            self._shown = snapshot
            self._show(snapshot)

    def finish(self) -> None:
        if self._last is not None and self._last is not self._shown:
            self._show(self._last)


class _AboveLine:
    """A stream whose lines appear above the live line."""

    def __init__(self, print_above: Callable[[str], None]) -> None:
        self._print_above = print_above

    def write(self, text: str) -> int:
        self._print_above(text.removesuffix("\n"))
        return len(text)

    def flush(self) -> None:
        """Every line is printed at once."""


@contextmanager
def _live_line(talk: Talk) -> Iterator[ProgressLine]:
    from rich.console import Console  # noqa: PLC0415  slow to import, needed on terminals only
    from rich.live import Live  # noqa: PLC0415  as above
    from rich.text import Text  # noqa: PLC0415  as above

    def coloured(snapshot: Snapshot) -> Any:
        lines = []
        for row in _broken(_parts(snapshot), console.width):
            line = Text(no_wrap=True, overflow="ellipsis")
            for number, (text, style) in enumerate(row):
                line.append(_BETWEEN if number else "").append(text, style=style)
            lines.append(line)
        return Text("\n").join(lines)

    def show(snapshot: Snapshot) -> None:
        with suppress(OSError, ValueError):
            live.start()  # only now: where nothing goes on no empty line is left
            live.update(coloured(snapshot), refresh=True)

    def print_above(text: str) -> None:
        console.print(Text.from_ansi(text), soft_wrap=True)

    console = Console(file=talk.stream, force_terminal=True, no_color=not talk.colour)
    live = Live(console=console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
    paced = _Paced(_LIVE_EVERY_S, show)
    above = replace(talk, stream=cast("TextIO", _AboveLine(print_above)))
    try:
        yield ProgressLine(paced, above)
    finally:
        paced.finish()
        with suppress(OSError, ValueError):
            live.stop()

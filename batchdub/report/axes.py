"""Which of the manifests' own columns make the grid: languages down, seasons across.

Found by their names, in the words that spreadsheets use; else those that group the rows best; or
as the reader says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from batchdub.errors import UnusableInputError
from batchdub.select.nearness import near

_DOWN = (
    "language", "lang", "target_language", "target", "locale", "language_code", "dub_language",
    "sprache", "langue", "idioma", "lingua",
)  # fmt: skip
_ACROSS = ("season", "staffel", "saison", "temporada", "stagione", "block", "batch", "week")
_SHOWS = ("show", "series", "programme", "program", "title_group", "serie", "sendung")
_EPISODES = ("episode", "ep", "episode_no", "episode_number", "folge", "episodio", "chapter")

MOST_DOWN = 80
MOST_ACROSS = 40
_KEPT = 2_000


@dataclass(frozen=True, slots=True)
class Axes:
    """The columns of the grid by name: one down, some across; none where there is no grid.

    `episode` names what is in a cell; without one that is the reference_id.
    """

    down: str = ""
    across: tuple[str, ...] = ()
    episode: str = ""

    def __bool__(self) -> bool:
        return bool(self.down)


@dataclass(slots=True)
class ColumnValues:
    """Notes which values the manifests' own columns have, as rows pass by."""

    rows: int = 0
    values: dict[str, set[str]] = field(default_factory=dict)

    def add(self, columns: Mapping[str, str]) -> None:
        """Take in one more row."""
        self.rows += 1
        for name, value in columns.items():
            known = self.values.setdefault(name, set())
            if len(known) <= _KEPT:
                known.add(value)

    def groups(self, name: str, most: int) -> bool:
        """Whether a column groups the rows: of a few values, each of several rows."""
        found = len(self.values.get(name, ()))
        return 1 < found <= most and found * 2 <= self.rows


def parse_axes(text: str, seen: ColumnValues) -> Axes:
    """Read which columns the reader wants: `language,season`, or one for a plain list.

    Raises UnusableInputError for a column that no row has, or that has too many values to read.
    """
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len(names) > 2:
        raise UnusableInputError(
            f"--grid: `{text}` is not one or two columns", "write DOWN,ACROSS: language,season"
        )
    for name, most in zip(names, (MOST_DOWN, MOST_ACROSS), strict=False):
        if name not in seen.values:
            raise UnusableInputError(
                f"--grid: no row has a column `{name}`",
                near([name], seen.values, "the columns are"),
            )
        if len(seen.values[name]) > most:
            raise UnusableInputError(
                f"--grid: `{name}` has more than {most} values", "choose a column that groups rows"
            )
    return Axes(names[0], tuple(names[1:]), _named(_EPISODES, seen.values))


def find_axes(seen: ColumnValues) -> Axes:
    """Choose the columns by their names, else those that group the rows best."""
    down = _readable(_DOWN, seen, MOST_DOWN)
    across = _readable(_ACROSS, seen, MOST_ACROSS)
    show = _readable(_SHOWS, seen, MOST_ACROSS)
    episode = _named(_EPISODES, seen.values)
    if not down:
        rest = [
            name
            for name in seen.values
            if name not in (across, show, episode) and seen.groups(name, MOST_DOWN)
        ]
        down = max(rest, key=lambda name: len(seen.values[name]), default="")
    if not down:
        down, across, show = across or show, "", ""
    # A season's number tells little without its show, where there are several.
    several = show and len(seen.values[show]) > 1
    chosen = (show, across) if several and across else (across or (show if several else ""),)
    return Axes(down, tuple(name for name in chosen if name), episode)


def _readable(words: Sequence[str], seen: ColumnValues, most: int) -> str:
    name = _named(words, seen.values)
    return name if name and len(seen.values[name]) <= most else ""


def _named(words: Sequence[str], names: Iterable[str]) -> str:
    """Give the first of the words that is a column's name, however that is written."""
    written = {name.strip().casefold().replace(" ", "_").replace("-", "_"): name for name in names}
    return next((written[word] for word in words if word in written), "")

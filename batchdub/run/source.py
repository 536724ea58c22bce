"""The rows of a run: the manifests read, the wanted rows chosen, and held against the ledger.

A manifest is read twice, so that a million rows need no room: once to find every problem, once to
plan. The second reading must give the same bytes as the first, so it need not look for problems
where there was none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count, islice

from batchdub.clock import Clock
from batchdub.errors import UnusableInputError
from batchdub.ledger import Queries
from batchdub.manifest import ManifestFile, Problems, fingerprint, read_again, read_manifests
from batchdub.models import Row
from batchdub.plan import Fate, Holds, PlannedRow, Revise, plan_rows
from batchdub.preflight import Signed, Turns
from batchdub.run.inspecting import Checks, Inspector, asking_ledger
from batchdub.select import Choosing, Selector
from batchdub.units import Rate, counted

Numbered = tuple[int, Row]
_SHOWN_WARNINGS = 20  # what follows, the question above all, must stay on the screen


@dataclass(frozen=True, slots=True)
class Choice:
    """Which rows of the manifests take part: the first `limit`, and of these what `rows` chooses.

    `among` are the only reference_ids that take part, where a ledger says which are left.
    """

    rows: Selector = field(default_factory=Selector)
    limit: int | None = None
    among: Collection[str] | None = None

    def of(self, rows: Iterable[Row], choosing: Choosing | None = None) -> Iterator[Numbered]:
        """Choose rows, each with its place in the manifest from 1; `choosing` may watch."""
        chooser = choosing or self.rows
        for position, row in islice(enumerate(rows, 1), self.limit):
            if self.among is not None and row.reference_id not in self.among:
                continue
            if chooser.chooses(row.reference_id, row.columns):
                yield position, row

    def chooses(self, row: Row) -> bool:
        """Whether a row is chosen, its place apart."""
        if self.among is not None and row.reference_id not in self.among:
            return False
        return self.rows.chooses(row.reference_id, row.columns)

    def counting(self) -> Callable[[Row], bool]:
        """Give what tells of each row in turn, from the first one on, whether it is chosen."""
        places = count(1)

        def takes(row: Row) -> bool:
            place = next(places)
            return (self.limit is None or place <= self.limit) and self.chooses(row)

        return takes


@dataclass(frozen=True, slots=True)
class Source:
    """Manifests that have been read once and can be read again, to the same bytes.

    `rows` counts the chosen ones, `invalid` those that were left out for a problem because the
    caller wanted it so; `missing` are wanted reference_ids that no manifest has any more.
    `without` are reference_ids of valid rows that were left out all the same. `sound` tells that no
    problem was found, so that nothing has to be left out again; `keys` are then all rows' media
    keys, packed.
    """

    paths: tuple[str, ...]
    files: tuple[ManifestFile, ...]
    choice: Choice
    rows: int
    invalid: int = 0
    missing: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    sound: bool = False
    keys: bytes = field(default=b"", repr=False)

    def numbered(self) -> Iterator[Numbered]:
        """Read the manifests again and give the chosen rows.

        Raises UnusableInputError, at once or at the end, if a manifest is not what it was.
        """
        # No row of other bytes should come as far as a look-up: it may not even have been checked.
        self._require_unchanged([fingerprint(path) for path in self.paths])
        files: list[ManifestFile] = []
        everything = (
            read_again(self.paths, files, self.keys)
            if self.sound
            else read_manifests(self.paths, Problems(), files=files)
        )
        for position, row in self.choice.of(everything):
            if row.reference_id not in self.without:
                yield position, row
        for _ in everything:  # what lies beyond a limit is read as well, for its hash
            pass
        self._require_unchanged(files)

    def planned(
        self,
        ledger: Queries | None,
        *,
        allow_same_media: bool,
        holds: Holds = lambda _row, _ahead: "",
        revise: Revise = lambda planned: planned,
    ) -> Iterator[PlannedRow]:
        """Give every chosen row with its fate; without a ledger nothing is known yet.

        The rest is as for `plan_rows`.
        """
        return plan_rows(
            self.numbered(),
            ledger.latest_jobs if ledger else lambda _: {},
            ledger.jobs_of_media if ledger else lambda _: {},
            allow_same_media=allow_same_media,
            holds=holds,
            revise=revise,
        )

    def _require_unchanged(self, files: Iterable[ManifestFile]) -> None:
        hashes = {file.path: file.sha256 for file in files}
        for before in self.files:
            if hashes.get(before.path) != before.sha256:
                raise UnusableInputError(
                    f"{before.path}: changed while it was read", "run the same command again"
                )


def open_source(
    paths: Sequence[str],
    choice: Choice,
    warn: Callable[[str], None],
    *,
    skip_invalid: bool = False,
    checks: Checks | None = None,
) -> Source:
    """Read manifests for the first time.

    Raises ManifestError with every problem, those that the `checks` find among them, unless
    `skip_invalid`: then the rows that have one are left out and told as warnings. A row whose link
    is dead is not left out then but held, by the plan. Raises UnusableInputError if no row is
    chosen.
    """
    problems = Problems()
    files: list[ManifestFile] = []
    keys = bytearray()
    choosing = Choosing(choice.rows)
    looked = checks or Checks(datetime.now(UTC), dead=False, pairs=False)
    looked = replace(looked, dead=looked.dead and not skip_invalid)
    with asking_ledger(looked.ledger_path) as sends:
        inspector = Inspector(looked, problems, choice.counting(), sends)
        inspect = inspector if checks else None
        rows = read_manifests(paths, problems, files=files, inspect=inspect, keys=keys)
        found = _found(choice, rows, choosing)
    without = inspector.finish()
    _tell_warnings(problems, warn)
    problems.raise_if_any(skip_rows=skip_invalid)
    if not choosing.chosen and choice.among is None:
        problems.raise_if_any()
    choosing.require_all()
    for problem in problems.first():
        warn(f"left out: {problem}")
    missing = sorted(set(choice.among or ()) - found)
    return Source(
        tuple(paths),
        tuple(files),
        choice,
        choosing.chosen - len(without),
        problems.rows_left_out + len(without),
        tuple(missing),
        without,
        sound=not problems.total,
        keys=b"" if problems.total else bytes(keys),
    )


def starting_at(opens_at: datetime | None, clock: Clock) -> datetime:
    """Give when the first order may go: now, or when the run's window opens."""
    return max(clock.now(), opens_at or clock.now())


def turns_of(
    ledger: Queries | None,
    rate: Rate,
    margin_s: float,
    first_at: datetime,
    *,
    in_order: bool = True,
) -> Turns:
    """Project when each row's turn comes at the earliest.

    Not `in_order` any row may be the first one, since a column decides who is served first.
    """
    learned = ledger.meta("learned_per_s") if ledger else None
    turns = Turns.at_rate(first_at, rate, margin_s, float(learned) if learned else None)
    return turns if in_order else replace(turns, interval_s=0.0)


def noting_links(planned: Iterable[PlannedRow], signed: Signed) -> Iterator[PlannedRow]:
    """Pass planned rows on, and note the links of those that are to be sent, now or later."""
    for item in planned:
        if item.fate.sends or item.fate is Fate.HELD:
            signed.add(item.row)
        yield item


def _tell_warnings(problems: Problems, warn: Callable[[str], None]) -> None:
    shown = problems.warnings()[:_SHOWN_WARNINGS]
    for warning in shown:
        warn(str(warning))
    more = problems.warnings_total - len(shown)
    if more:
        warn(f"… and {counted(more, 'more warning')}; `batchdub validate` tells them")


def _found(choice: Choice, rows: Iterator[Row], choosing: Choosing) -> set[str]:
    """Choose to the end of the manifests; gives which of the rows wanted by name there are."""
    found = set()
    for _, row in choice.of(rows, choosing):
        if choice.among is not None:
            found.add(row.reference_id)
    for _ in rows:
        pass
    return found

"""The whole of a run in one call: what `run` and `resume` do once they know what is wanted."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path

from batchdub.clock import Clock
from batchdub.errors import LedgerUnusableError
from batchdub.ledger import Ledger, held_batch, synced_folder
from batchdub.plan import Totals
from batchdub.preflight import Signed
from batchdub.progress import Snapshot
from batchdub.redact import Secret
from batchdub.run.again import Again, put_back
from batchdub.run.applying import Applying
from batchdub.run.asking import Say
from batchdub.run.changes import with_changes
from batchdub.run.connecting import Target
from batchdub.run.destinations import destinations
from batchdub.run.events import Feed, OnEvent
from batchdub.run.file_names import DEFAULT_NAME
from batchdub.run.groups import Groups
from batchdub.run.looping import MakeLoop, run_on
from batchdub.run.name_memory import names_in, remember_names
from batchdub.run.options import Download, RunOptions
from batchdub.run.picking import pick_jobs
from batchdub.run.prepare import Prepared, register
from batchdub.run.pricing import Offer, Pricing, make_offer, put_prices, spent_today
from batchdub.run.probing import Probed, keep_looks
from batchdub.run.reaching import reaching
from batchdub.run.result import RunResult, summary_of
from batchdub.run.runner import run_orders
from batchdub.run.serving import Serving, served_in_turn
from batchdub.run.session import Session, open_session
from batchdub.run.showing import OnProgress
from batchdub.run.source import Source, noting_links, starting_at, turns_of
from batchdub.select import Selector
from batchdub.states import JobState


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever watches: told lines and progress, and asked once before anything is spent.

    `confirm` gets the plan's counts, what would be sent of it and the rows that would not, grouped
    by cause, and raises to decline.
    `on_event` takes the run's events, if anybody wants them.
    """

    say: Say
    on_progress: OnProgress
    confirm: Callable[[Totals, Offer, Groups], None] = lambda _totals, _offer, _waiting: None
    on_event: OnEvent | None = None


@dataclass(frozen=True, slots=True)
class Tonight:
    """A run as it is wanted: which ledger and API, how, and in whose name."""

    ledger_path: Path
    target: Target
    options: RunOptions
    command: str
    version: str
    clock: Clock
    allow_same_media: bool = False
    serving: Serving | None = None
    locks: Path | None = None
    """Where runs from different ledgers keep each other from ordering the same manifest."""
    proxy_of: Callable[[str], Secret | None] = lambda _: None
    """The proxy that leads to the servers which have finished dubs."""
    rng: random.Random = field(default_factory=random.Random)
    make_loop: MakeLoop | None = None
    """What makes the run's event loop; None for asyncio's own."""


Watching = tuple[Person, Feed]
"""Who watches a run, and the feed of its events."""


def order(
    tonight: Tonight,
    source: Source,
    person: Person,
    again: Again | None = None,
    probed: Probed | None = None,
    *,
    all_submitted: bool = False,
    applying: Applying | None = None,
    decider: str = "",
) -> RunResult:
    """Order what is left of the manifests' rows, and settle what is in doubt.

    `again` is a person's decision about rows that have been ordered or refused: it is recorded
    before anything is sent, in the transaction that draws the orders up. What was `probed` before
    is kept, and holds the rows whose media cannot be fetched. With `all_submitted` a run that
    waits does so for every submitted row of the ledger, and fetches every finished dub. `applying`
    holds it all against a plan that was saved: StalePlanError if anything has changed. `decider`
    has rows that are done ordered again if the probe shows that their media changed since; empty:
    nobody has, and such rows are told. Raises a
    BatchdubError where nothing was sent. The ledger is closed and the run recorded, whatever
    happens.
    """
    if applying is not None:
        applying.require_target(tonight.ledger_path, tonight.target.name)
    with _session(tonight, person) as session, _alone(tonight, source, person):
        prepared = _prepare(
            session,
            tonight,
            source,
            person,
            again=again,
            probed=probed or Probed(),
            applying=applying,
            all_submitted=all_submitted,
            decider=decider,
        )
        return _carry_out(tonight, session, prepared, person, source.invalid)


def settle(tonight: Tonight, person: Person, rows: Selector | None = None) -> RunResult:
    """Settle what is in doubt, of all rows or of chosen ones, and send nothing. Raises as `order`.

    The result and its exit code are about the rows that were in doubt when it began.
    """
    with _session(tonight, person) as session:
        jobs = pick_jobs(session.ledger, rows or Selector(), JobState.IN_DOUBT)
        doubtful = [job.job_id for job in jobs if job.state is JobState.IN_DOUBT]
        chosen = frozenset(doubtful) if rows and rows.clauses else None
        prepared = Prepared(scope=array("q", doubtful), settles=chosen)
        return _carry_out(tonight, session, prepared, person, 0)


def wait(tonight: Tonight, person: Person, chosen: Selector) -> RunResult:
    """Ask about the submitted rows until every one has ended, and send nothing. Raises as `order`.

    The result and its exit code are about the rows that were submitted when it began; where dubs
    are downloaded also about those that were completed. Raises UnusableInputError if a choice was
    made and no row is in it.
    """
    with _session(tonight, person) as session:
        states = _awaited(tonight.options)
        jobs = pick_jobs(session.ledger, chosen, *states)
        scope = array("q", [job.job_id for job in jobs if job.state in states])
        with session.ledger.transaction():
            names = _names(session.ledger, scope, tonight.options.download, person)
        prepared = Prepared(scope=scope, settles=frozenset(), names=names)
        return _carry_out(tonight, session, prepared, person, 0)


def _awaited(options: RunOptions) -> tuple[JobState, ...]:
    """Give the states of the jobs that something may still come of without an order."""
    both = JobState.SUBMITTED, JobState.COMPLETED
    return both if options.download else both[:1]


@contextmanager
def _alone(tonight: Tonight, source: Source, person: Person) -> Iterator[None]:
    """Keep other ledgers on this machine from ordering the same manifests meanwhile."""
    if tonight.locks is None:
        yield
        return
    batches = [(file.path, f"{tonight.target.name} {file.sha256}") for file in source.files]
    with ExitStack() as held:
        try:
            held.enter_context(held_batch(tonight.locks, batches, tonight.clock))
        except LedgerUnusableError as error:
            # Of use only where someone has two ledgers: no reason to order nothing.
            person.say(f"other ledgers are not kept from ordering these rows: {error.message}")
        yield


@contextmanager
def _session(tonight: Tonight, person: Person) -> Iterator[Session]:
    with open_session(
        tonight.ledger_path,
        clock=tonight.clock,
        command=tonight.command,
        target=tonight.target.name,
        version=tonight.version,
    ) as session:
        if session.gave_way:
            person.say(
                f"the ledger was bound to {session.gave_way}, which never answered like the API;"
                f" now it is bound to {tonight.target.name}"
            )
        if session.recovered:
            person.say(f"{session.recovered} calls were cut short by an earlier end: in doubt")
        synced = synced_folder(tonight.ledger_path)
        if synced is not None:
            person.say(
                f"{tonight.ledger_path}: stands in `{synced}`, which a cloud client may copy about"
                " while it is written: name a ledger elsewhere with --ledger"
            )
        if session.ledger.may_lack_orders():
            person.say(
                f"{tonight.ledger_path}: was copied or left without its `-wal` file, so orders may"
                " be missing from it: each row is looked up just before it is sent;"
                " `batchdub ledger rebuild` into a new ledger ends this"
            )
        yield session


def _prepare(
    session: Session,
    tonight: Tonight,
    source: Source,
    person: Person,
    *,
    again: Again | None,
    probed: Probed,
    applying: Applying | None,
    all_submitted: bool,
    decider: str,
) -> Prepared:
    ledger, options = session.ledger, tonight.options
    # The question stands inside the transaction: whoever declines leaves no trace of the rows.
    with ledger.transaction():
        ids = {file.path: ledger.remember_manifest(file.path, file.sha256) for file in source.files}
        gone = _decide(ledger, again, source, ids, person) if again else []
        turns = turns_of(
            ledger,
            options.rate,
            options.link_margin_s,
            starting_at(options.window.opens_at, tonight.clock),
            in_order=tonight.serving is None,
        )
        pricing = Pricing(options.tariff, options.caps)
        planned = source.planned(
            ledger,
            allow_same_media=tonight.allow_same_media,
            holds=pricing.holds(probed.before(turns.holds)),
            revise=with_changes(ledger, None if again else probed, reorder=bool(decider)),
        )
        if applying is not None:
            planned = applying.compare(ledger, planned)
        signed = Signed()
        noted = pricing.noting(noting_links(planned, signed))
        prepared = register(ledger, noted, ids, decider)
        if applying is not None:
            applying.require_same()
            applying.record(ledger, session.run_id)
        prepared.missing = () if again else source.missing
        prepared.scope.extend(gone)
        if all_submitted and options.wait:
            known = set(prepared.scope)
            jobs = ledger.jobs_in(*_awaited(options))
            prepared.scope.extend(job.job_id for job in jobs if job.job_id not in known)
        prepared.names = _names(ledger, prepared.scope, options.download, person)
        keep_looks(ledger, probed, chain(prepared.orders, prepared.doubtful.values()))
        if tonight.serving is not None:
            prepared.orders = served_in_turn(prepared.orders, tonight.serving)
        for line in chain(signed.lines(), pricing.lines()):
            person.say(line)
        put_prices(options, prepared)
        today = spent_today(ledger, options, tonight.clock.now())
        costs = (order.cost for order in prepared.orders)
        offer = make_offer(costs, options, tonight.clock, today)
        person.confirm(prepared.totals, offer, prepared.waiting)
    return prepared


def _names(
    ledger: Ledger, scope: array[int], download: Download | None, person: Person
) -> dict[int, str]:
    """Settle the names of these jobs' files, and remember how: in the caller's transaction."""
    if download is None:
        return {}
    template = names_in(ledger, download)
    if download.names is None and template.text != DEFAULT_NAME:
        person.say(f"names as in this folder before: {template.text}")
    names = destinations(ledger, scope, download)
    remember_names(ledger, download.folder, template)
    return names


def _decide(
    ledger: Ledger, again: Again, source: Source, ids: Mapping[str, int], person: Person
) -> list[int]:
    """Carry a decision out and tell what it leaves as it is; gives the jobs that are gone."""
    done = put_back(ledger, again, source.numbered(), ids)
    for refused in (*done.refused, *done.gone):
        person.say(str(refused))
    return [refused.job.job_id for refused in done.gone]


def _carry_out(
    tonight: Tonight, session: Session, prepared: Prepared, person: Person, invalid: int
) -> RunResult:
    with _telling(tonight, session, prepared, person) as watching:
        going = _run(tonight, session, prepared, watching, invalid)
        result = run_on(tonight.make_loop, going)
        session.exit_code = result.exit_code
        session.summary = "; ".join(summary_of(result))
    watching[1].tell(
        "run.end",
        exit_code=int(result.exit_code),
        ordered=result.ordered,
        adopted=result.adopted,
        rate_limited=result.rate_limited,
        summary=session.summary or None,
        states={str(state): number for state, number in result.standing.states.items()},
    )
    return result


@contextmanager
def _telling(
    tonight: Tonight, session: Session, prepared: Prepared, person: Person
) -> Iterator[Watching]:
    """Have the run's events told as well, whenever it shows how far it is, and at its end."""
    feed = Feed(session.ledger, session.run_id, tonight.clock, person.on_event)
    feed.tell(
        "run.begin",
        command=tonight.command,
        api=tonight.target.name,
        rows=prepared.totals.rows,
        to_send=prepared.totals.to_send,
    )

    def say(line: str) -> None:
        person.say(line)
        feed.tell("run.note", message=line)

    def on_progress(snapshot: Snapshot) -> None:
        person.on_progress(snapshot)
        feed.pump()

    try:
        yield replace(person, say=say, on_progress=on_progress), feed
    finally:
        with suppress(LedgerUnusableError):  # told by the run itself
            feed.pump()


async def _run(
    tonight: Tonight, session: Session, prepared: Prepared, watching: Watching, invalid: int
) -> RunResult:
    person, feed = watching
    async with reaching(tonight, person, feed.tell_file) as outside:
        return await run_orders(session, prepared, tonight.options, outside, invalid=invalid)

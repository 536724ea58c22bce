"""The person in the morning: does what the run's last words say, and decides what only they can.

They can see the provider's own books, in a web page of its own, so they never decide wrongly.
"""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta

from batchdub.exits import Exit
from batchdub.ledger import Actor
from batchdub.models import JobKey, RemoteRequest
from batchdub.run.again import Again
from batchdub.run.connecting import Target
from batchdub.run.proving import Proving, audit_manifests, rebuild_ledger
from batchdub.run.session import open_session
from batchdub.run.source import Choice, open_source
from batchdub.sandbox.lifecycle import progress
from batchdub.states import Event, JobState
from batchdub.units import UNLIMITED
from tests.simulate import disk, polling
from tests.simulate.faults import Fault
from tests.simulate.keys import BASE_URL
from tests.simulate.scenario import Mishap, dice
from tests.support.virtual import EPOCH

_ACTOR = Actor("the coordinator", "seen in the provider's own books")
_REFUSED_YET_ORDERED = """
    SELECT reference_id FROM jobs WHERE state = 'rejected' AND latest = 1 AND EXISTS
    (SELECT 1 FROM other_requests WHERE job_id = jobs.job_id AND kind = 'duplicate')
    ORDER BY reference_id"""
_UNORDERED = """
    SELECT job_id, reference_id FROM jobs WHERE latest = 1 AND NOT EXISTS
    (SELECT 1 FROM other_requests WHERE job_id = jobs.job_id AND kind = 'duplicate')"""
_TAKEN_OUT = f"""{_UNORDERED}
    AND state = 'cancelled' AND 'the coordinator pending' =
    (SELECT actor || ' ' || from_state FROM transitions WHERE job_id = jobs.job_id
     ORDER BY transition_id DESC LIMIT 1)"""  # noqa: S608  our own text


def act_in_the_morning(campaign, ending, *, quiet: bool = False) -> bool:
    """Do what the run asks for; True if there was anything to do."""
    world = campaign.world
    if ending.code is Exit.LEDGER_UNUSABLE and "the old key" in ending.error:
        world.key = world.old_key
        return True
    if ending.code is Exit.NEEDS_A_LOOK and ending.error:
        return rebuild(campaign, quiet=quiet)
    # `status` shows held rows of every manifest there ever was; the exit code only tonight's.
    if (quiet or ending.code is Exit.NEEDS_A_LOOK) and _decide(campaign, quiet=quiet):
        return True
    return _second_chances(campaign, ending, quiet=quiet) or order_again(campaign, ending)


# -- questions to a ledger at rest ----------------------------------------------------------------


def ask(path, query: str, *values):
    """Put one question to a ledger that nobody has open."""
    if not path.exists() or not path.stat().st_size:
        return []
    with closing(disk.connect_really(f"file:{path}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'jobs'").fetchone():
            return []
        return connection.execute(query, values).fetchall()


def has_doubts(path) -> bool:
    """Whether a ledger begins the night with rows in doubt."""
    return bool(ask(path, "SELECT 1 FROM jobs WHERE state IN ('sending', 'in_doubt') LIMIT 1"))


def has_orders(path) -> bool:
    """Whether a ledger knows of any order, or of one that may be."""
    query = (
        "SELECT 1 FROM jobs WHERE request_id IS NOT NULL OR state IN ('sending', 'in_doubt')"
        " LIMIT 1"
    )
    return bool(ask(path, query))


# -- proofs ---------------------------------------------------------------------------------------


def rebuild(campaign, *, quiet: bool = False) -> bool:
    """Run `ledger rebuild`; where older orders stand under the same ids, with `--since`."""
    world = campaign.world
    since = EPOCH - timedelta(hours=1) if world.plan.older else None

    def action() -> Exit:
        source = open_source([str(world.season.path)], Choice(), world.say)
        rebuild_ledger(_proving(world), source, since)
        return Exit.DONE

    world.tell("a person rebuilds the ledger")
    campaign.process(action, _mishaps_of_people(world, quiet=quiet))
    return True


def audit(campaign):
    """Run `audit`; gives its findings by reference_id, None if it could not be made."""
    world = campaign.world
    found = {}

    def action() -> Exit:
        source = open_source([str(world.season.path)], Choice(), world.say)
        result, _ = audit_manifests(_proving(world), source)
        found.update({finding.sent_as: finding for finding in result.findings})
        return result.exit_code

    campaign.process(action)
    return found


def _proving(world) -> Proving:
    target = Target(BASE_URL, world.key, BASE_URL)
    return Proving(world.ledger_path, target, UNLIMITED, world.clock, "0", world.say)


def _mishaps_of_people(world, *, quiet: bool):
    if quiet or world.dice.random() < 0.7:
        return ()
    kind = world.dice.choice((Fault.KILL_BEFORE_COMMIT, Fault.KILL_AFTER_COMMIT, Fault.KILL_STEP))
    return (Mishap(kind, world.dice.randint(1, 12)),)


# -- decisions ------------------------------------------------------------------------------------


def _decide(campaign, *, quiet: bool) -> bool:
    """Decide about held rows in doubt, and acknowledge duplicates; True if there were any."""
    world = campaign.world
    doubts = ask(
        world.ledger_path,
        "SELECT job_id, reference_id, revision FROM jobs"
        " WHERE state = 'in_doubt' AND held IS NOT NULL AND latest = 1",
    )
    open_ones = ask(
        world.ledger_path,
        "SELECT request_id FROM other_requests WHERE kind = 'duplicate'"
        " AND acknowledged_at IS NULL",
    )
    if not doubts and not open_ones:
        return False

    def action() -> Exit:
        with _session(world) as session:
            for job_id, reference_id, revision in doubts:
                with session.ledger.transaction():
                    _settle(world, session.ledger, job_id, JobKey(reference_id, revision))
            with session.ledger.transaction():
                for (request_id,) in open_ones:
                    session.ledger.acknowledge(request_id, _ACTOR)
            session.exit_code = Exit.DONE
        return Exit.DONE

    campaign.process(action, _mishaps_of_people(world, quiet=quiet))
    return True


def _settle(world, ledger, job_id: int, key: JobKey) -> None:
    reference_id, sent_as = key.reference_id, key.sent_as
    orders = sorted(
        (o for o in world.books.by_reference(sent_as) if o.request_id in world.ours),
        key=lambda order: (order.created_at, order.request_id),
    )
    now = world.server_now()
    # What is still to come, or is another row's for good, has to be cleared up first. An order that
    # was taken for this row's second one is free: `reconcile --adopt` takes it.
    if any(o.created_at > now or _is_another_rows(ledger, job_id, o.request_id) for o in orders):
        return
    if orders:
        found = RemoteRequest(orders[0].request_id, orders[0].created_at, "queued", sent_as)
        ledger.adopt(job_id, JobState.IN_DOUBT, found, _ACTOR)
        world.tell(f"a person adopts {orders[0].request_id} for {reference_id}")
    elif world.dice.random() < 0.2:
        world.oracle.cancelled.add(reference_id)
        ledger.cancel(job_id, JobState.IN_DOUBT, _ACTOR)
        world.tell(f"a person cancels {reference_id}")
    else:
        ledger.settle_absent(job_id, _ACTOR)
        world.tell(f"a person has {reference_id} ordered again")


def _is_another_rows(ledger, job_id: int, request_id: str) -> bool:
    # Of a submitted job it is taken back: the list shows under whose reference_id it was made.
    query = "SELECT 1 FROM jobs WHERE request_id = ? AND job_id <> ? AND state <> 'submitted'"
    return next(iter(ledger.ask(query, (request_id, job_id))), None) is not None


def _second_chances(campaign, ending, *, quiet: bool) -> bool:
    """Now and then put a rejected row back, take a pending one out, or put that back, too."""
    world = campaign.world
    if ending.code not in (Exit.ROWS_FAILED, Exit.CAP) or world.dice.random() < 0.5:
        return False
    # As the commands do it: an older revision is done with.
    rejected = ask(world.ledger_path, f"{_UNORDERED} AND state = 'rejected'")
    pending = ask(
        world.ledger_path,
        "SELECT job_id, reference_id FROM jobs"
        " WHERE state = 'pending' AND attempts = 0 AND latest = 1",
    )
    taken_out = ask(world.ledger_path, _TAKEN_OUT)
    taken_out = taken_out if dice("back", world.seed, campaign.runs).random() < 0.5 else []
    if not (rejected or pending or taken_out):
        return False

    def action() -> Exit:
        with _session(world) as session, session.ledger.transaction():
            for job_id, _ in rejected:
                session.ledger.put_back(job_id, JobState.REJECTED, _ACTOR)
            for job_id, reference_id in taken_out:
                world.oracle.cancelled.discard(reference_id)
                session.ledger.put_back(job_id, JobState.CANCELLED, _ACTOR)
            for job_id, reference_id in pending[:1]:
                world.oracle.cancelled.add(reference_id)
                session.ledger.cancel(job_id, JobState.PENDING, _ACTOR)
            session.exit_code = Exit.DONE
        return Exit.DONE

    campaign.process(action)
    return True


def order_again(campaign, ending) -> bool:
    """Now and then see how orders ended, and have some of them ordered again, on purpose.

    Failed ones are retried, and refused ones that were ordered after all; all that have ended are
    reordered. The run that does it may die, too.
    """
    world = campaign.world
    chance = dice("again", world.seed, campaign.runs)
    if ending.code not in (Exit.DONE, Exit.ROWS_FAILED) or chance.random() < 0.6:
        return False
    if campaign.process(lambda: _poll(world)).code is not Exit.DONE:
        return False
    event, end = chance.choice(((Event.RETRY, "failed"), (Event.REORDER, "completed")))
    mended = dice("mended", world.seed, campaign.runs)
    # Refused rows are rare, so their links are mended whenever there are any.
    refused = ask(world.ledger_path, "SELECT 1 FROM jobs WHERE state = 'rejected' AND latest")
    if refused or mended.random() < 0.3:
        event, end = Event.REORDER, "rejected" if refused else "failed"
    query = "SELECT reference_id FROM jobs WHERE state = ? AND latest = 1 ORDER BY 1"
    there = ask(world.ledger_path, query, end)
    apart = ask(world.ledger_path, _REFUSED_YET_ORDERED)
    if apart and dice("apart", world.seed, campaign.runs).random() < 0.5:
        event, there = Event.RETRY, apart
    names = [name for (name,) in chance.sample(there, min(len(there), 3))]
    if not names:
        return False
    world.tell(f"a person has ordered again: {event} {' '.join(names)}")
    kinds = (Fault.KILL_BEFORE_COMMIT, Fault.KILL_AFTER_COMMIT, Fault.KILL_STEP)
    mishaps = [Mishap(chance.choice(kinds), chance.randint(1, 20))] * (chance.random() < 0.5)
    campaign.run_again(Again(event, _ACTOR, frozenset(names)), tuple(mishaps))
    return True


def _poll(world) -> Exit:
    """Record how orders have ended, as polling does: not on an answer about another row."""
    with _session(world) as session, session.ledger.transaction():
        for job in list(session.ledger.jobs_in(JobState.SUBMITTED)):
            order = world.books.by_id(job.request_id)
            if polling.nature(world.adversary, job.request_id) is Fault.FOREIGN_ECHO:
                continue
            came = progress(order, world.server_now()).status if order else ""
            if came in ("failed", "completed") and order.reference_id == job.key.sent_as:
                seen = RemoteRequest(job.request_id, order.created_at, came, job.key.sent_as)
                session.ledger.record_status(job.job_id, seen, Event(came))
        session.exit_code = Exit.DONE
    return Exit.DONE


def _session(world):
    return open_session(
        world.ledger_path, clock=world.clock, command="reconcile", target=BASE_URL, version="0"
    )

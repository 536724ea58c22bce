"""What the ledger's tests share: a clock that ticks, rows to order, and jobs in any state."""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from batchdub.ledger import Actor, Ledger
from batchdub.media_url import media_key
from batchdub.models import Cause, Outcome, RemoteRequest, Row, Source
from batchdub.states import Event, JobState

START = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
PERSON = Actor("ana", "asked by the studio")
ENDS = {
    Event.NOT_SENT: Outcome(Event.NOT_SENT, Cause.CONNECT, "connection refused"),
    Event.TURNED_AWAY: Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, "rate limit exceeded", 429),
    Event.REFUSED: Outcome(Event.REFUSED, Cause.ROW, "invalid request body", 400),
    Event.LOST: Outcome(Event.LOST, Cause.TIMEOUT, "no answer in 60 s"),
}


class TickingClock:
    """A wall clock that is a second later each time it is read."""

    def __init__(self) -> None:
        self.reads = 0

    def now(self) -> datetime:
        self.reads += 1
        return START + timedelta(seconds=self.reads)

    def monotonic_s(self) -> float:
        return float(self.reads)

    async def sleep(self, seconds: float) -> None:
        self.reads += int(seconds)


def open_ledger(path: Path, run_id: str = "run-1") -> Ledger:
    """Open a ledger with a run begun, as the run does before it touches a job."""
    ledger = Ledger(path, TickingClock())
    with ledger.transaction():
        ledger.begin_run(run_id, "run tonight.csv", host="studio", pid=1, version="0.1.0")
    return ledger


def make_row(reference_id: str = "S02E07-ja", line: int = 2, *, query: str = "") -> Row:
    video = f"https://cdn.example.com/{reference_id}.mp4{query}"
    audio = f"https://cdn.example.com/{reference_id}.wav"
    key = media_key(video, audio, disable_speaker_detection=False)
    source = Source("tonight.csv", line)
    return Row(reference_id, source, video, audio, False, key, {"language": "ja"})


def add_jobs(ledger: Ledger, *reference_ids: str) -> list[int]:
    """Add pending jobs and give their ids, in order."""
    with ledger.transaction():
        manifest_id = ledger.remember_manifest("tonight.csv", "a" * 64)
        ledger.add_rows(
            (make_row(reference_id, line), manifest_id, line)
            for line, reference_id in enumerate(reference_ids, start=2)
        )
    jobs = ledger.latest_jobs(reference_ids)
    return [jobs[reference_id].job_id for reference_id in reference_ids]


def accepted(request_id: str) -> Outcome:
    return Outcome(Event.ACCEPTED, Cause.ACCEPTED, "", 200, request_id)


def remote(request_id: str, status: str = "queued", reference_id: str = "S02E07-ja"):
    return RemoteRequest(request_id, START, status, reference_id)


def attempt(ledger: Ledger, job_id: int, outcome: Outcome) -> Outcome:
    """Send once: the intent in one commit, the outcome in the next."""
    with ledger.transaction():
        begun = ledger.begin_attempt(job_id, START)
    with ledger.transaction():
        return ledger.end_attempt(begun, outcome)


def bring_to(ledger: Ledger, job_id: int, state: JobState) -> None:
    """Take a pending job to a state, by moves that a run would make."""
    request_id = f"request-{job_id}"
    if state is JobState.PENDING:
        return
    if state is JobState.SENDING:
        with ledger.transaction():
            ledger.begin_attempt(job_id, START)
    elif state is JobState.IN_DOUBT:
        attempt(ledger, job_id, ENDS[Event.LOST])
    elif state is JobState.REJECTED:
        attempt(ledger, job_id, ENDS[Event.REFUSED])
    elif state is JobState.CANCELLED:
        with ledger.transaction():
            ledger.cancel(job_id, JobState.PENDING, PERSON)
    else:
        attempt(ledger, job_id, accepted(request_id))
        if state is not JobState.SUBMITTED:
            with ledger.transaction():
                ledger.record_status(job_id, remote(request_id, str(state)), Event(str(state)))


def state_of(ledger: Ledger, job_id: int) -> JobState:
    return JobState(next(ledger.ask("SELECT state FROM jobs WHERE job_id = ?", (job_id,)))[0])


def tamper(path: Path, *statements: str) -> None:
    """Write into a ledger as another program would: past our code, against its guards."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def dying(ledger: Ledger):
    """A transaction in which the person at the keyboard gives up before the commit."""
    with ledger.transaction():
        yield
        raise KeyboardInterrupt


@contextmanager
def no_file_may_grow_beyond(size: int):
    """Make the operating system refuse longer files, as a full disk does, until the end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def child_process(task: str, path: Path):
    """Run `tests.ledger.child` and kill it at the end, if it has not been killed before."""
    command = [sys.executable, "-m", "tests.ledger.child", task, str(path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(  # noqa: S603  our own interpreter and our own module
        command, cwd=root, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def all_but(*states: JobState) -> list[JobState]:
    """The other states, always in the same order: parallel test workers must agree on it."""
    return [state for state in JobState if state not in states]

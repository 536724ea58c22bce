"""The ledger against a model in a few lines: after any sequence of calls the two agree.

Legal and illegal calls come in any order and grouping; whatever the ledger refuses must leave it
as it was, and `check_ledger` must find nothing after any of it.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from batchdub.errors import IllegalTransitionError
from batchdub.ledger import Attempt, check_ledger
from batchdub.states import IN_PLACE_UNLESS_ORDERED, NEXT_REVISION, TRANSITIONS, Event, JobState
from tests.ledger.support import (
    ENDS,
    PERSON,
    START,
    accepted,
    add_jobs,
    dying,
    make_row,
    open_ledger,
    remote,
)

NAMES = ["a", "b", "c"]
IDS = st.sampled_from(["r1", "r2", "r3", "r4"])
ROWS = st.sampled_from(NAMES)


@dataclass
class Model:
    """What a job is, in the model: `given` are the ids that its attempts were ever given."""

    job_id: int
    revision: int = 1
    state: JobState = JobState.PENDING
    request_id: str | None = None
    open_attempt: Attempt | None = None
    attempts: int = 0
    may_be_ordered: bool = False
    duplicated: bool = False


class LedgerMachine(RuleBasedStateMachine):
    """Drives a real ledger and the model side by side."""

    @initialize()
    def open(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "batchdub.db"
        self.ledger = open_ledger(self.path)
        self.runs = 1
        job_ids = add_jobs(self.ledger, *NAMES)
        self.jobs = {name: Model(job_id) for name, job_id in zip(NAMES, job_ids, strict=True)}
        self.ended: list[Model] = []
        self.others: set[str] = set()
        self.given: dict[str, set[int]] = {}

    def teardown(self):
        if hasattr(self, "ledger"):
            self.ledger.close()
            self.folder.cleanup()

    def attempted(self, legal, change):
        """Run a change that must succeed exactly if the model says that it is legal."""
        if legal:
            with self.ledger.transaction():
                return change()
        with pytest.raises(IllegalTransitionError), self.ledger.transaction():
            change()
        return None

    def taken(self, request_id, name=None):
        """Whether a request is some other job's order, or recorded as another."""
        jobs = [*self.jobs.values(), *self.ended]
        mine = self.jobs[name] if name else None
        return request_id in self.others or any(
            job.request_id == request_id for job in jobs if job is not mine
        )

    @rule(name=ROWS)
    def begin(self, name):
        job = self.jobs[name]
        begun = self.attempted(
            job.state is JobState.PENDING, lambda: self.ledger.begin_attempt(job.job_id, START)
        )
        if begun:
            job.state, job.open_attempt, job.attempts = JobState.SENDING, begun, job.attempts + 1

    @rule(name=ROWS, event=st.sampled_from(list(ENDS)))
    def end(self, name, event):
        job = self.jobs[name]
        attempt = job.open_attempt or Attempt(999, job.job_id, 1)
        legal = job.open_attempt is not None
        self.attempted(legal, lambda: self.ledger.end_attempt(attempt, ENDS[event]))
        if legal:
            job.state, job.open_attempt = TRANSITIONS[JobState.SENDING, event], None

    @rule(name=ROWS, request_id=IDS)
    def accept(self, name, request_id):
        job = self.jobs[name]
        if job.open_attempt is None:
            return
        attempt, job.open_attempt = job.open_attempt, None
        recorded = self.attempted(
            True, lambda: self.ledger.end_attempt(attempt, accepted(request_id))
        )
        owners = self.given.setdefault(request_id, set())
        if self.taken(request_id, name) or owners - {job.job_id}:
            assert recorded.event is Event.LOST
            job.state = JobState.IN_DOUBT
            for other in self.jobs.values():
                if other.request_id == request_id and other.state is JobState.SUBMITTED:
                    other.state, other.request_id = JobState.IN_DOUBT, None
        else:
            owners.add(job.job_id)
            job.state, job.request_id = JobState.SUBMITTED, request_id

    @rule(names=st.lists(ROWS, min_size=1, max_size=5))
    def begin_group(self, names):
        """Under one commit each stands or falls alone, a name given twice among them."""
        expected = []
        for name in names:
            expected.append(self.jobs[name].state is JobState.PENDING)
            if expected[-1]:
                self.jobs[name].state = JobState.SENDING
        results = self.ledger.apply_group(
            [
                lambda job_id=self.jobs[name].job_id: self.ledger.begin_attempt(job_id)
                for name in names
            ]
        )
        assert [isinstance(result, Attempt) for result in results] == expected
        for name, result in zip(names, results, strict=True):
            if isinstance(result, Attempt):
                self.jobs[name].open_attempt = result
                self.jobs[name].attempts += 1

    @rule(name=ROWS, request_id=IDS, state=st.sampled_from(JobState), person=st.booleans())
    def adopt(self, name, request_id, state, person):
        job = self.jobs[name]
        free = self.others if person else set()
        # The list shows it under this row, so a submitted job that holds it gives way.
        claims = [
            other
            for other in self.jobs.values()
            if other.request_id == request_id and other.state is JobState.SUBMITTED
        ]
        taken = self.taken(request_id) and request_id not in free and not claims
        legal = job.state is state and state in {JobState.PENDING, JobState.IN_DOUBT} and not taken
        actor = PERSON if person else None
        self.attempted(
            legal, lambda: self.ledger.adopt(job.job_id, state, remote(request_id), actor)
        )
        if legal:
            for claim in claims:
                claim.state, claim.request_id = JobState.IN_DOUBT, None
            job.state, job.request_id = JobState.SUBMITTED, request_id
            self.others -= {request_id}

    @rule(name=ROWS)
    def settle_absent(self, name):
        job = self.jobs[name]
        legal = job.state is JobState.IN_DOUBT
        self.attempted(legal, lambda: self.ledger.settle_absent(job.job_id))
        if legal:
            job.state = JobState.PENDING

    @rule(name=ROWS, event=st.sampled_from([Event.COMPLETED, Event.FAILED]))
    def poll(self, name, event):
        job = self.jobs[name]
        legal = job.state is JobState.SUBMITTED
        seen = remote(job.request_id or "none", str(event))
        self.attempted(legal, lambda: self.ledger.record_status(job.job_id, seen, event))
        if legal:
            job.state = JobState(str(event))

    @rule(name=ROWS)
    def dispute(self, name):
        job = self.jobs[name]
        legal = job.state is JobState.SUBMITTED
        self.attempted(legal, lambda: self.ledger.dispute(job.job_id, "404"))
        if legal:
            job.state, job.request_id = JobState.IN_DOUBT, None

    @rule(request_id=IDS, name=ROWS, kind=st.sampled_from(["duplicate", "not_ours"]))
    def record_other(self, request_id, name, kind):
        job_id = self.jobs[name].job_id
        taken = self.taken(request_id) and request_id not in self.others
        self.attempted(
            not taken, lambda: self.ledger.record_other(job_id, remote(request_id), kind)
        )
        if not taken:
            self.jobs[name].duplicated |= kind == "duplicate" and request_id not in self.others
            self.others.add(request_id)

    @rule(name=ROWS, state=st.sampled_from(JobState))
    def cancel(self, name, state):
        job = self.jobs[name]
        legal = job.state is state and state in {JobState.PENDING, JobState.IN_DOUBT}
        self.attempted(legal, lambda: self.ledger.cancel(job.job_id, state, PERSON))
        if legal:
            job.state, job.may_be_ordered = JobState.CANCELLED, state is JobState.IN_DOUBT

    @rule(name=ROWS, state=st.sampled_from(JobState))
    def put_back(self, name, state):
        job = self.jobs[name]
        legal = job.state is state and (
            state is JobState.REJECTED or (state is JobState.CANCELLED and not job.may_be_ordered)
        )
        legal = legal and not job.duplicated
        self.attempted(legal, lambda: self.ledger.put_back(job.job_id, state, PERSON))
        if legal:
            job.state = JobState.PENDING

    @rule(name=ROWS, event=st.sampled_from([Event.RETRY, Event.REORDER, Event.SEND]))
    def next_revision(self, name, event):
        job = self.jobs[name]
        legal = (job.state, event) in NEXT_REVISION or (
            (job.state, event) in IN_PLACE_UNLESS_ORDERED
            and job.duplicated
            and not job.may_be_ordered
        )
        row = make_row(name)
        new_id = self.attempted(
            legal,
            lambda: self.ledger.next_revision(
                job.job_id, event, PERSON, row, manifest_id=1, position=9
            ),
        )
        if legal:
            self.ended.append(job)
            self.jobs[name] = Model(new_id, job.revision + 1)

    @rule()
    def die_and_come_back(self):
        """A new process: what was sending is in doubt, all else is as it was committed."""
        self.ledger.close()
        self.runs += 1
        self.ledger = open_ledger(self.path, f"run-{self.runs}")
        left = [job for job in self.jobs.values() if job.state is JobState.SENDING]
        with self.ledger.transaction():
            assert self.ledger.recover() == len(left)
        for job in left:
            job.state, job.open_attempt = JobState.IN_DOUBT, None

    @precondition(lambda self: self.runs < 4)
    @rule()
    def die_mid_transaction(self):
        """What was not committed is not there, and nobody was told that it was."""
        job_id = self.jobs["a"].job_id
        with pytest.raises(KeyboardInterrupt), dying(self.ledger):
            self.ledger.hold(job_id, "never committed")

    @invariant()
    def they_agree(self):
        if not hasattr(self, "ledger"):
            return
        found = self.ledger.latest_jobs(NAMES)
        for name, job in self.jobs.items():
            seen = found[name]
            assert (seen.job_id, seen.key.revision, seen.state, seen.request_id, seen.attempts) == (
                job.job_id, job.revision, job.state, job.request_id, job.attempts,
            )  # fmt: skip
            assert seen.held != "never committed"
            assert seen.may_be_ordered is (job.state is JobState.CANCELLED and job.may_be_ordered)

    @invariant()
    def the_check_finds_nothing(self):
        if hasattr(self, "ledger"):
            assert check_ledger(self.ledger) == []


LedgerMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestLedgerAgainstAModel = LedgerMachine.TestCase

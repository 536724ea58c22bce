"""The paid path and what the API's list shows: the only writer of a job's order.

Every change of a job passes here or through `decisions`, inside a transaction of `writer`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from batchdub.errors import IllegalTransitionError
from batchdub.ledger.decisions import Decisions
from batchdub.ledger.media_versions import version_to
from batchdub.ledger.writer import Actor
from batchdub.media_url import shown_url
from batchdub.models import Cause, MediaVersion, Outcome, RemoteRequest
from batchdub.price import Amount
from batchdub.states import Event, JobState, next_state
from batchdub.units import to_stored_time

PAID_REASON = "the API took the order but gave no usable request_id, so it was probably paid"
"""Why such a job is held for a person."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at one POST whose intent is on disk."""

    attempt_id: int
    job_id: int
    attempt_no: int


class Ledger(Decisions):
    """A ledger open for writing, on behalf of one run."""

    # -- the paid path ------------------------------------------------------------------------

    def begin_attempt(
        self,
        job_id: int,
        server_at: datetime | None = None,
        cost: Amount | None = None,
        media: tuple[MediaVersion | None, MediaVersion | None] = (None, None),
    ) -> Attempt:
        """Move a pending job to sending and open its next attempt.

        Once committed the intent is on disk: a crash from here on leaves the job in doubt.
        `server_at` is the earliest time that the server's clock may show now; `cost` is what the
        order costs by the price of this run, None if that is not known; `media` are the versions
        of video and audio that a probe has seen, final from here on.
        Raises IllegalTransitionError if the job is not pending; send nothing then.
        """
        now = self._now()
        made = self._connection.execute(
            "INSERT INTO attempts"
            " (job_id, attempt_no, run_id, intended_at, server_at, cost, currency,"
            " video_version, audio_version)"
            " SELECT job_id, attempts + 1, ?, ?, ?, ?, ?, ?, ? FROM jobs"
            " WHERE job_id = ? AND state = 'pending' RETURNING attempt_id, attempt_no",
            (self._run_id, now, _stored(server_at), cost and cost.millionths,
             cost and cost.currency, *map(version_to, media), job_id),
        ).fetchall()  # fmt: skip
        if len(made) != 1:
            raise IllegalTransitionError(f"job {job_id} is not pending, so nothing is sent")
        attempt_id, attempt_no = made[0]
        self._record(job_id, Event.SEND, JobState.PENDING, JobState.SENDING, at=now)
        self._connection.execute(
            "UPDATE jobs SET attempts = attempts + 1, run_id = ? WHERE job_id = ?",
            (self._run_id, job_id),
        )
        return Attempt(attempt_id, job_id, attempt_no)

    def end_attempt(self, attempt: Attempt, outcome: Outcome) -> Outcome:
        """Settle an open attempt and move its job. Gives the outcome as it was recorded.

        A request_id that another job has already is no proof of anything: both jobs are put in
        doubt. Raises IllegalTransitionError if the attempt was settled before.
        """
        accepted = outcome.event is Event.ACCEPTED
        if accepted:
            outcome = self._refuse_foreign_id(attempt.job_id, outcome)
            accepted = outcome.event is Event.ACCEPTED
        now = self._now()
        self._close_attempt(attempt.attempt_id, outcome, now)
        request_id, submitted_at = (outcome.request_id, now) if accepted else (None, None)
        held = PAID_REASON if outcome.cause is Cause.PAID_WITHOUT_ID else None
        self._connection.execute(
            "UPDATE jobs SET request_id = ?, http_status = ?, error = ?, submitted_at = ?, held = ?"
            " WHERE job_id = ?",
            (request_id, outcome.http_status, outcome.message or None, submitted_at,
             held, attempt.job_id),
        )  # fmt: skip
        to_state = next_state(JobState.SENDING, outcome.event)
        self._record(attempt.job_id, outcome.event, JobState.SENDING, to_state, at=now)
        return outcome

    def recover(self) -> int:
        """Put every job that a dead process left `sending` in doubt; gives how many there were."""
        rows = self._connection.execute(
            # In this order, for open attempts are few and have an index.
            "SELECT job_id, attempt_id FROM attempts CROSS JOIN jobs USING (job_id)"
            " WHERE attempts.event IS NULL AND jobs.state = 'sending'"
        ).fetchall()
        cut_short = Outcome(Event.LOST, Cause.CUT_SHORT, "the process ended during the call")
        for job_id, attempt_id in rows:
            self._close_attempt(attempt_id, cut_short)
            self._connection.execute(
                "UPDATE jobs SET error = ? WHERE job_id = ?", (cut_short.message, job_id)
            )
            self._move(job_id, JobState.SENDING, Event.LOST)
        return len(rows)

    # -- what the API's list shows ------------------------------------------------------------

    def adopt(self, job_id: int, state: JobState, found: RemoteRequest, actor: Actor | None = None
              ) -> None:  # fmt: skip
        """Take a request that the API's list shows as this job's order.

        A person may also take one that was recorded as another's; the look alone may not. A
        submitted job that holds the same id is put in doubt: the API's own list shows under
        whose reference_id it was made. Raises IllegalTransitionError if the job is not in
        `state`, or the request is the order of a job that has ended.
        """
        self._dispute_owner(job_id, found.request_id)
        if actor is not None:
            self._connection.execute(
                "DELETE FROM other_requests WHERE request_id = ?", (found.request_id,)
            )
        self._connection.execute(
            "UPDATE jobs SET request_id = ?, remote_status = ?, error = NULL, held = NULL,"
            " submitted_at = ?, run_id = coalesce(run_id, ?) WHERE job_id = ?",
            (found.request_id, found.status, to_stored_time(found.created_at),
             self._run_id, job_id),
        )  # fmt: skip
        self._move(job_id, state, Event.FOUND, actor)

    def settle_absent(self, job_id: int, actor: Actor | None = None) -> None:
        """Put a job back to pending: it has been shown that its order does not exist."""
        self._connection.execute(
            "UPDATE jobs SET held = NULL, error = NULL WHERE job_id = ?", (job_id,)
        )
        self._move(job_id, JobState.IN_DOUBT, Event.ABSENT, actor)

    def record_other(self, job_id: int | None, request: RemoteRequest, kind: str) -> None:
        """Record a request that is not a job's order: `duplicate` (of it) or `not_ours`."""
        self._connection.execute(
            "INSERT INTO other_requests"
            " (request_id, reference_id, created_at, kind, job_id, seen_at, run_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (request_id) DO NOTHING",
            (request.request_id, request.reference_id or "", to_stored_time(request.created_at),
             kind, job_id, self._now(), self._run_id),
        )  # fmt: skip

    def note_rebuild(self, since: datetime | None) -> None:
        """Keep when rows were last restored from the API's list, and since when it was to count.

        See `Queries.restored` and `Queries.rebuilt_since`.
        """
        self.set_meta("rebuilt_at", self._now())
        self.set_meta("rebuilt_since", to_stored_time(since) if since else "")
        self.note_loss()

    def note_loss(self) -> None:
        """Keep that calls this ledger does not know of may still be on their way to the API."""
        self.set_meta("loss", "open")

    def note_proven(self) -> None:
        """Keep that what was on its way before a loss has arrived, and was looked for."""
        self.set_meta("loss", "proven")

    def hold(self, job_id: int, reason: str | None) -> None:
        """Keep a job where it is, for a reason that is shown; None frees it."""
        self._connection.execute("UPDATE jobs SET held = ? WHERE job_id = ?", (reason, job_id))

    def dispute(self, job_id: int, reason: str) -> None:
        """Put a submitted job in doubt: its request_id turned out not to be its own."""
        self._move(job_id, JobState.SUBMITTED, Event.DISPUTED)
        self._connection.execute(
            "UPDATE jobs SET request_id = NULL, error = ?, held = ? WHERE job_id = ?",
            (reason, reason, job_id),
        )

    def _dispute_owner(self, job_id: int, request_id: str) -> None:
        owner = self._maybe(
            "SELECT job_id FROM jobs WHERE request_id = ? AND job_id <> ? AND state = ?",
            (request_id, job_id, JobState.SUBMITTED),
        )
        if owner is not None:
            reason = f"request {request_id} stands under another reference_id in the API's list"
            self.dispute(owner[0], reason)

    # -- polling ------------------------------------------------------------------------------

    def record_status(self, job_id: int, seen: RemoteRequest, event: Event | None = None) -> None:
        """Note what the API says of a submitted job; `completed` or `failed` also ends it.

        The output's link is kept cut, as every URL is. An unknown status is kept as it is.
        Raises IllegalTransitionError if the job is not submitted and `event` would end it.
        """
        output_url = None if seen.output_url is None else _shown_url(seen.output_url)
        finished_at = None if event is None else _stored(seen.finished_at) or self._now()
        self._connection.execute(
            "UPDATE jobs SET remote_status = ?, error = ?, output_url = ?, finished_at = ?"
            " WHERE job_id = ? AND state = ?",
            (seen.status, seen.error_message, output_url, finished_at,
             job_id, JobState.SUBMITTED),
        )  # fmt: skip
        if event is not None:
            self._move(job_id, JobState.SUBMITTED, event)

    # -- inside -------------------------------------------------------------------------------

    def _close_attempt(self, attempt_id: int, outcome: Outcome, now: str = "") -> None:
        cursor = self._connection.execute(
            "UPDATE attempts SET ended_at = ?, event = ?, cause = ?, http_status = ?,"
            " request_id = ?, message = ? WHERE attempt_id = ? AND event IS NULL",
            (now or self._now(), outcome.event.value, outcome.cause.value, outcome.http_status,
             outcome.request_id, outcome.message or None, attempt_id),
        )  # fmt: skip
        if cursor.rowcount != 1:
            raise IllegalTransitionError(f"attempt {attempt_id} is settled already")

    def _refuse_foreign_id(self, job_id: int, outcome: Outcome) -> Outcome:
        """Doubt an id that was ever given to another row, and the row that has it now."""
        owners = self._connection.execute(
            "SELECT job_id, state FROM jobs WHERE request_id = ?1 AND job_id <> ?2"
            " UNION ALL SELECT job_id, NULL FROM attempts WHERE request_id = ?1 AND job_id <> ?2"
            " UNION ALL SELECT NULL, NULL FROM other_requests WHERE request_id = ?1",
            (outcome.request_id, job_id),
        ).fetchall()
        if not owners:
            return outcome
        reason = f"the API gave request {outcome.request_id} to this row and to another"
        for owner_id, state in owners:
            if state == JobState.SUBMITTED:
                self.dispute(owner_id, reason)
        return replace(
            outcome, event=Event.LOST, cause=Cause.PAID_WITHOUT_ID, request_id=None, message=reason
        )


def _shown_url(url: str) -> str:
    """Cut a URL of the API's for keeping; what is not a URL at all is not kept."""
    try:
        return shown_url(url)
    except ValueError:
        return "[not a URL]"


def _stored(moment: datetime | None) -> str | None:
    return None if moment is None else to_stored_time(moment)

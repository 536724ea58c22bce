"""A person's decisions about a job: who decided, and why, is recorded with each.

Each method changes one thing and expects an open transaction, as in `writer`.
"""

from __future__ import annotations

from batchdub.errors import IllegalTransitionError
from batchdub.ledger.outputs import Outputs
from batchdub.ledger.writer import Actor
from batchdub.models import Row
from batchdub.states import IN_PLACE_UNLESS_ORDERED, NEXT_REVISION, Event, JobState, next_state


class Decisions(Outputs):
    """A ledger in which a person may decide."""

    def cancel(self, job_id: int, state: JobState, actor: Actor) -> None:
        """Take a pending or in-doubt job out."""
        self._connection.execute("UPDATE jobs SET held = NULL WHERE job_id = ?", (job_id,))
        self._move(job_id, state, Event.CANCEL, actor)

    def acknowledge(self, request_id: str, actor: Actor) -> bool:
        """Note that a person has seen a duplicate; False if there is none of that id."""
        cursor = self._connection.execute(
            "UPDATE other_requests SET acknowledged_at = ?, acknowledged_by = ?, note = ?"
            " WHERE request_id = ? AND kind = 'duplicate'",
            (self._now(), actor.name, actor.note, request_id),
        )
        return cursor.rowcount == 1

    def put_back(self, job_id: int, state: JobState, actor: Actor) -> None:
        """Put a rejected or cancelled job back to pending: it is unpaid, so it is the same order.

        Raises IllegalTransitionError if the job is not in `state`, in no such one, is not the
        latest, was taken out while it was in doubt, or was ordered after all: that needs
        `next_revision`.
        """
        self._connection.execute(
            "UPDATE jobs SET held = NULL, error = NULL, http_status = NULL"
            " WHERE job_id = ? AND state = ?",
            (job_id, state),
        )
        self._move(job_id, state, Event.RETRY, actor)

    def next_revision(
        self, job_id: int, event: Event, actor: Actor, row: Row, *, manifest_id: int, position: int
    ) -> int:
        """Order a failed (`retry`) or any ended (`reorder`) job again; gives the new job's id.

        `retry` of a rejected or cancelled one only if an order of it was found after all.
        The row is inserted as the next revision, pending and the latest; the old one stays as it
        ended, for it may have been paid. The transition is recorded with the new job and starts
        from the old one's state. `row` is the manifest's row as it is now; after `reorder` it may
        have other media, but its reference_id must be the job's.
        Raises IllegalTransitionError if the job is not the latest, or not in such a state.
        """
        revision, state = self._latest(job_id, row.reference_id)
        to_state = next_state(state, event)
        begins = (state, event) in NEXT_REVISION or (
            (state, event) in IN_PLACE_UNLESS_ORDERED and job_id in self.ordered_after_all([job_id])
        )
        if not begins:
            raise IllegalTransitionError(f"`{event}` of a {state} job starts no next revision")
        self._connection.execute("UPDATE jobs SET latest = 0 WHERE job_id = ?", (job_id,))
        new_id = self._insert_revision(row, revision + 1, manifest_id, position)
        self._record(new_id, event, state, to_state, actor=actor)
        return new_id

    def _latest(self, job_id: int, reference_id: str) -> tuple[int, JobState]:
        found = self._maybe(
            "SELECT revision, state FROM jobs WHERE job_id = ? AND reference_id = ? AND latest = 1",
            (job_id, reference_id),
        )
        if found is None:
            raise IllegalTransitionError(f"job {job_id} is not the latest of `{reference_id}`")
        return found[0], JobState(found[1])

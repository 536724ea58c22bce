"""The audit: what the provider's own list says of every row, held against the ledger.

It changes nothing. `judge` is pure; `ask_for_all` reads the list by whichever way is fewer calls.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from batchdub.errors import ApiUnavailableError, KeyRefusedError
from batchdub.exits import Exit
from batchdub.models import Job, RemoteRequest
from batchdub.run.asking import Asking
from batchdub.run.lookup import Way, look_up_by
from batchdub.states import ORDERED, JobState


class Verdict(StrEnum):
    """What the provider's list says of a row."""

    ONCE = "once"
    """Ordered once, and the ledger says the same."""
    NEVER = "never"
    """Never ordered, and the ledger says the same."""
    TWICE = "twice"
    """Ordered more than once."""
    MISSING = "missing"
    """The ledger says ordered, the provider does not have it."""
    UNKNOWN = "unknown"
    """The provider has it, the ledger does not."""
    IN_DOUBT = "in_doubt"
    """The ledger does not know, and the provider shows nothing so far."""


_FINE = frozenset({Verdict.ONCE, Verdict.NEVER})


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one reference_id as it was sent, with the requests it rests on."""

    sent_as: str
    source: str
    verdict: Verdict
    ledger_state: JobState | None
    ledger_request_id: str | None
    requests: tuple[RemoteRequest, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is audited: a reference_id as it was sent, where it stands, and the ledger's job.

    `beyond` is for the revision after the ledger's last: only if the API has it is it found.
    """

    sent_as: str
    source: str
    job: Job | None
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Audit:
    """All findings, which way was asked, and when (by our clock and the server's)."""

    findings: tuple[Finding, ...]
    way: Way
    began_at: datetime
    ended_at: datetime
    server_at: datetime | None

    @property
    def counts(self) -> Counter[Verdict]:
        """Count the findings by verdict."""
        return Counter(finding.verdict for finding in self.findings)

    @property
    def exit_code(self) -> Exit:
        """0 only if every row is as the ledger says, and no more than once."""
        proven = all(finding.verdict in _FINE for finding in self.findings)
        return Exit.DONE if proven else Exit.NEEDS_A_LOOK


def judge(
    subjects: Iterable[Subject],
    found: Mapping[str, Sequence[RemoteRequest]],
    not_ours: Collection[str],
) -> tuple[Finding, ...]:
    """Hold the provider's requests against the ledger's jobs.

    `found` has the requests of each reference_id as it was sent, `not_ours` the ids of older
    requests that a person has told not to be this manifest's.
    """
    findings = []
    for subject in subjects:
        requests = tuple(
            request for request in found[subject.sent_as] if request.request_id not in not_ours
        )
        if requests or not subject.beyond:
            findings.append(_find(subject, requests))
    return tuple(findings)


def _find(subject: Subject, requests: tuple[RemoteRequest, ...]) -> Finding:
    job = subject.job
    return Finding(
        subject.sent_as,
        subject.source,
        _verdict(job, requests),
        job.state if job else None,
        job.request_id if job else None,
        requests,
    )


def _verdict(job: Job | None, requests: Sequence[RemoteRequest]) -> Verdict:
    if len(requests) > 1:
        return Verdict.TWICE
    ordered = job is not None and job.state in ORDERED
    if requests:
        same = job is not None and job.request_id == requests[0].request_id
        return Verdict.ONCE if ordered and same else Verdict.UNKNOWN
    if ordered:
        return Verdict.MISSING
    doubtful = job is not None and job.state in {JobState.IN_DOUBT, JobState.SENDING}
    return Verdict.IN_DOUBT if doubtful else Verdict.NEVER


async def ask_for_all(
    asking: Asking, subjects: Sequence[Subject], not_ours: Collection[str]
) -> Audit:
    """Ask the API for all subjects and judge them.

    Raises KeyRefusedError or ApiUnavailableError if any answer is missing: half an audit proves
    nothing.
    """
    began_at = asking.clock.now()
    asked = await look_up_by(asking, [subject.sent_as for subject in subjects])
    if asked is None:
        raise cannot_ask(asking)
    found, way = asked
    return Audit(
        judge(subjects, found, not_ours),
        way,
        began_at,
        asking.clock.now(),
        asking.server_clock.at_least(),
    )


def cannot_ask(asking: Asking) -> ApiUnavailableError | KeyRefusedError:
    """Explain why the list could not be read, from the last failure."""
    codes = {reason.code for reason in asking.stop.reasons}
    kind = KeyRefusedError if Exit.KEY in codes else ApiUnavailableError
    failure = asking.last_failure
    why = failure.message if failure else "the list did not answer completely"
    return kind(f"the API's list cannot be read: {why}", "try again later")

"""What the ledger keeps of downloaded files, and what it does not let in."""

from __future__ import annotations

import pytest

from batchdub.errors import IllegalTransitionError, LedgerUnusableError
from batchdub.ledger import check_ledger, open_for_reading
from batchdub.ledger.outputs import KnownOutput, finished_dub, known_output, named_rows
from batchdub.states import JobState
from tests.ledger.support import add_jobs, all_but, bring_to, open_ledger, tamper

HASH = "a" * 64


@pytest.fixture
def done(path):
    """A ledger with a completed job, and its number."""
    ledger = open_ledger(path)
    (job_id,) = add_jobs(ledger, "a")
    bring_to(ledger, job_id, JobState.COMPLETED)
    yield ledger, job_id
    ledger.close()


def write(ledger, method, *values):
    with ledger.transaction():
        getattr(ledger, method)(*values)


def test_how_much_is_on_disk_is_known_and_then_the_whole(done):
    """The report tells of a file only once it is whole."""
    ledger, job_id = done
    assert known_output(ledger, job_id) is None

    write(ledger, "note_part", job_id, "/d/a.mp4", '"v1"', 100, 40)
    assert known_output(ledger, job_id) == KnownOutput("/d/a.mp4", '"v1"', 100, 40, None, None)
    assert next(ledger.report_rows())["output_file"] is None

    write(ledger, "record_output", job_id, "/d/a.mp4", 100, HASH, 7)
    assert known_output(ledger, job_id) == KnownOutput("/d/a.mp4", '"v1"', 100, 100, HASH, 7)
    assert next(ledger.report_rows())["output_file"] == "/d/a.mp4"
    assert check_ledger(ledger) == []

    write(ledger, "note_part", job_id, "/d/a.mp4", '"v2"', None, 0)
    assert known_output(ledger, job_id) == KnownOutput("/d/a.mp4", '"v2"', None, 0, None, None)
    assert next(ledger.report_rows())["output_file"] is None


@pytest.mark.parametrize("state", all_but(JobState.COMPLETED))
def test_only_a_finished_dub_has_a_file(path, state):
    """A guard of SQLite's own holds it, whoever writes."""
    with open_ledger(path) as ledger:
        (job_id,) = add_jobs(ledger, "a")
        bring_to(ledger, job_id, state)

        assert finished_dub(ledger, job_id) is None
        with pytest.raises(IllegalTransitionError, match="only a finished dub"):
            write(ledger, "note_part", job_id, "/d/a.mp4", "", None, 0)


def test_a_finished_dub_is_told_with_what_its_note_needs(done):
    ledger, job_id = done
    dub = finished_dub(ledger, job_id)

    assert (dub.key.sent_as, dub.request_id, str(dub.source)) == ("a", "request-1", "tonight.csv:2")
    assert dub.columns == {"language": "ja"}
    assert [row.state for row in named_rows(ledger, [job_id])] == [JobState.COMPLETED]


@pytest.mark.parametrize(
    ("tampering", "finding"),
    [
        ("UPDATE jobs SET output_file = '/d/b.mp4'", "its output file is not the one on record"),
        ("UPDATE outputs SET sha256 = replace(sha256, 'a', 'z')", "is not a SHA-256"),
        ("UPDATE jobs SET output_file = NULL", "its output file is not the one on record"),
    ],
)
def test_check_finds_a_file_that_does_not_add_up(done, path, tampering, finding):
    ledger, job_id = done
    write(ledger, "record_output", job_id, "/d/a.mp4", 100, HASH, 7)

    tamper(path, tampering)

    with open_for_reading(path) as opened:
        (found,) = check_ledger(opened)
    assert finding in found


def test_a_run_refuses_values_that_none_can_be(done, path):
    """As of every other table."""
    ledger, job_id = done
    write(ledger, "record_output", job_id, "/d/a.mp4", 100, HASH, 7)
    ledger.close()
    tamper(path, "PRAGMA ignore_check_constraints = ON", "UPDATE outputs SET kept = -1")

    with pytest.raises(LedgerUnusableError, match="`outputs` has a value that none can be"):
        open_ledger(path, "run-2")

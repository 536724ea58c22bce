"""What an answer means for a submitted job, and when it is asked about: pure."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from batchdub.models import JobKey, RemoteRequest
from batchdub.run.watch import (
    Disputed,
    Ended,
    Going,
    Gone,
    Odd,
    Watched,
    first_due_s,
    judge_answer,
    pages_are_cheaper,
    wait_s,
)
from batchdub.run.watchlist import Watchlist
from batchdub.states import Event

SETTLE_S = 300.0
NOW = datetime(2026, 3, 1, tzinfo=UTC)
KEY = JobKey("S01E01", 2)
JOB = Watched(7, KEY, "r1", since_s=0.0, until_s=1000.0)

statuses = st.sampled_from(["queued", "processing", "completed", "failed"]) | st.text(min_size=1)
references = st.sampled_from([KEY.sent_as, KEY.reference_id, "OTHER", None])
links = st.sampled_from([None, "", "https://cdn.example.com/1.mp4"])
answers = st.none() | st.builds(
    RemoteRequest,
    request_id=st.just("r1"),
    created_at=st.just(NOW),
    status=statuses,
    reference_id=references,
    output_url=links,
)


def judged(job, seen, now_s=10.0):
    return judge_answer(job, seen, now_s=now_s, settle_s=SETTLE_S)


def answer(status="queued", reference_id=KEY.sent_as, **more):
    return RemoteRequest("r1", NOW, status, reference_id, **more)


@given(answers, st.booleans())
def test_a_job_ends_only_by_a_plain_word_under_its_own_reference_id(seen, disputed):
    """`S01E01` is another order than `S01E01~r2`, and a status like `Completed` is none we know."""
    verdict = judged(Watched(7, KEY, "r1", 0.0, 1000.0, disputed=disputed), seen)

    plain = seen is not None and seen.reference_id == "S01E01~r2"
    done = plain and seen.status == "completed" and bool(seen.output_url)
    assert isinstance(verdict, Ended) == (done or (plain and seen.status == "failed"))
    if isinstance(verdict, Ended):
        assert verdict.event is (Event.COMPLETED if done else Event.FAILED)


@given(answers)
def test_only_another_reference_id_disputes_at_once(seen):
    foreign = seen is not None and seen.reference_id not in {None, KEY.sent_as}

    assert isinstance(judged(JOB, seen), Disputed) == foreign


@given(st.lists(answers, max_size=60))
def test_a_job_is_disputed_once_in_a_run(several):
    """An API that contradicts itself must not make a loop."""
    job = Watched(7, KEY, "r1", 0.0, 1000.0, disputed=True)
    for number, seen in enumerate(several):
        verdict = judged(job, seen, now_s=number * SETTLE_S)
        assert not isinstance(verdict, Disputed | Gone)
        if not isinstance(verdict, Going):
            return
        job = verdict.noted


@given(st.lists(st.floats(0, 2 * SETTLE_S), min_size=1, max_size=20))
def test_an_id_is_gone_only_after_two_404s_the_settle_window_apart(times_s):
    """A list lag or a lagging replica must not dispute a fresh job."""
    job, times_s = JOB, sorted(times_s)
    for now_s in times_s:
        verdict = judged(job, None, now_s)
        if now_s - times_s[0] >= SETTLE_S:
            assert isinstance(verdict, Gone)
            return
        job = verdict.noted


def test_an_id_that_is_seen_again_was_never_gone():
    missing = judged(JOB, None, 0.0).noted
    seen = judged(missing, answer(), 200.0).noted

    assert isinstance(judged(seen, None, 400.0), Going)


def test_answers_without_an_end_are_bounded():
    """Completed without a link: asked again some twenty times, and then a person is told."""
    job, asked = JOB, 0
    while isinstance(verdict := judged(job, answer("completed")), Going):
        job, asked = verdict.noted, asked + 1

    assert isinstance(verdict, Odd)
    assert asked == 20


def test_another_answer_in_between_starts_the_count_anew():
    job = JOB
    for number in range(200):
        verdict = judged(job, answer("completed" if number % 10 else "processing"))
        assert isinstance(verdict, Going)
        job = verdict.noted


def test_waits_are_2_s_times_one_and_a_half_up_to_a_minute():
    age_s, waits_s = 0.0, []
    for _ in range(12):
        waits_s.append(wait_s(age_s))
        age_s += waits_s[-1]

    assert waits_s == [min(2.0 * 1.5**number, 60.0) for number in range(12)]


@given(st.floats(-1e6, 1e6))
def test_a_wait_is_never_shorter_than_2_s_nor_longer_than_a_minute(age_s):
    """Also for a job that a wrong clock has made younger than nothing."""
    assert 2.0 <= wait_s(age_s) <= 60.0


def test_a_new_job_is_asked_about_after_2_s_and_an_old_one_at_once():
    assert first_due_s(JOB, now_s=0.0) == 2.0
    assert first_due_s(JOB, now_s=500.0) == 500.0


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(1, 100))
def test_pages_are_read_exactly_if_they_are_fewer_calls(unseen, rows_left, rows_a_page):
    calls = len(range(0, rows_left, rows_a_page))

    assert pages_are_cheaper(unseen, rows_left, rows_a_page) == (0 < calls < unseen)


def test_five_thousand_jobs_are_fifty_pages():
    assert pages_are_cheaper(5000, 5000, 100)
    assert pages_are_cheaper(5000, None, 100)
    assert not pages_are_cheaper(3, None, 100)


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from(["put", "again", "drop", "due"]))))
def test_a_watchlist_counts_what_it_holds_and_forgets_nobody(steps):
    """Whatever comes: every job on the list is due some day, and none twice at a time."""
    watching, known, now_s = Watchlist(), {}, 0.0
    for job_id, step in steps:
        now_s += 1.0
        if step == "put":
            known[job_id] = Watched(job_id, KEY, f"r{job_id}-{now_s}", now_s, now_s + 20)
            watching.put(known[job_id], now_s)
        elif step == "again" and job_id in known:
            if not watching.again(known[job_id], now_s):
                del known[job_id]
        elif step == "drop" and job_id in known:
            watching.drop(known.pop(job_id))
        elif step == "due":
            for watched in watching.take_due(now_s):
                if not watching.again(watched, now_s):
                    del known[watched.job_id]

    assert len(watching) == watching.awaited == len(known)
    assert all(watching.of_request(job.request_id) is job for job in known.values())
    assert {job.job_id for job in watching.take_due(1e9)} == set(known)


def test_a_job_that_has_got_another_request_is_not_dropped_with_the_old_one():
    """A dispute that was settled while the answer was on its way."""
    watching = Watchlist()
    watching.put(JOB, 0.0)
    new = Watched(7, KEY, "r2", 0.0, 1000.0)
    watching.put(new, 1.0)

    watching.drop(JOB)

    assert watching.has(new)
    assert watching.of_request("R2") is new
    assert watching.of_request("r1") is None


def test_a_request_that_is_another_jobs_now_stays_with_it():
    """The list showed it under the other's reference_id, while this one was watched with it."""
    watching = Watchlist()
    watching.put(JOB, 0.0)
    other = Watched(8, JobKey("OTHER"), "r1", 0.0, 1000.0)
    watching.put(other, 1.0)

    watching.drop(JOB)

    assert watching.of_request("r1") is other
    watching.drop(other)
    assert len(watching) == 0

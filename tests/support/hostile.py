"""A hostile night, drawn from a seed: faults, lying clocks, outages, and a process that dies.

Everything that is left to chance comes from the one generator, so a seed is a whole night.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field

from batchdub.errors import BatchdubError
from batchdub.states import JobState
from batchdub.units import UNLIMITED, parse_rate
from tests.support.night import Disk, Night, make_rows

_ENDINGS = (
    "drop-before", "drop-after", "error-before", "error-after", "gateway-before",
    "gateway-after", "junk-after",
)  # fmt: skip
_REPLIES = (
    ("accept_then_reply", 429, {"error": "rate limit exceeded"}),
    ("reply", 429, {"error": "rate limit exceeded"}),
    ("reply", 429, "<html>slow down</html>"),
    ("accept_then_reply", 422, "<html>no</html>"),
    ("reply", 422, {"error": "invalid request body"}),
    ("reply", 412, {"error": "token limit reached"}),
    ("reply", 401, {"error": "invalid token"}),
    ("accept_then_reply", 307, ""),
    ("accept_then_reply", 204, ""),
    ("accept_then_hang", 0, ""),
    ("hang", 0, ""),
    ("drop", 0, ""),
    ("refuse_connection", 0, ""),
)
_LEFT = {JobState.PENDING, JobState.SENDING, JobState.IN_DOUBT}


@dataclass
class Hostile:
    """What is asked of a night afterwards.

    `late` tells that orders may come after the window; `skewed` that the server's clocks lie, and
    `dateless` that it does not always tell the time: then rows may wait for a person. `exit_code`
    is the last run's.
    """

    night: Night
    late: bool
    skewed: bool = False
    dateless: bool = False
    naked_posts: list[str] = field(default_factory=list)
    exit_code: int = -1

    def violations(self) -> list[str]:
        """Give every broken promise; none for a good night."""
        found = [f"POST without an intent on disk: {each}" for each in self.naked_posts]
        person = (self.skewed or self.dateless) and self.exit_code == 6
        found.extend(each for each in self.night.findings() if not (person and "unknown" in each))
        with self.night.ledger() as ledger:
            flagged = Counter(reference_id for reference_id, _ in ledger.open_duplicates())
            jobs = list(ledger.jobs_in(*JobState))
        for reference_id, number in self.night.orders().items():
            told = person or flagged[reference_id] == number - 1
            if number > 1 and not (self.late and told):
                found.append(f"{reference_id} ordered {number} times")
        left = [job for job in jobs if job.state in _LEFT and not job.held and not person]
        return [*found, *(f"{job.key.reference_id} left {job.state}" for job in left)]


async def hostile_night(folder, seed: int) -> Hostile:
    """Live through a night until every row is settled or waits for a person."""
    rng = random.Random(seed)  # noqa: S311  chance that can be repeated
    late = rng.random() < 0.2
    night = Night(folder, *_faults(rng, late=late), seed=seed, **_settings(rng))
    hostile = Hostile(night, late)
    rows = make_rows(rng.randint(5, 30))
    dates = _spoil(night, rng)
    hostile.skewed, hostile.dateless = any(dates), None in dates
    night.transport.before_post = lambda request: _witness(hostile, request)
    for _ in range(rng.randint(0, 5)):
        await _cut_short(night, rng, rows)
        if not hostile.skewed:  # with all clocks wrong alike nobody could know the time
            night.clock.skew_s = rng.choice([0.0, 0.0, 3.0, 7200.0, -7200.0])
        rng.shuffle(rows)
        await asyncio.sleep(rng.choice([0.0, 1.0, 20.0]))
    await _let_it_end(hostile, rng, rows)
    return hostile


async def _let_it_end(hostile: Hostile, rng: random.Random, rows) -> None:
    """Run until nothing is left to do, and once more when nothing can come late any more."""
    ends: list[int] = []
    posts = -1
    while len(ends) < 40 and (ends[-1:] not in ([0], [6], [8]) or posts != _posts(hostile)):
        posts = _posts(hostile)
        await asyncio.sleep(60.0)
        try:
            result = await hostile.night.run(rows, **_options(rng, gentle=True))
            ends.append(result.exit_code)
        except BatchdubError as error:
            ends.append(error.exit_code)
    hostile.exit_code = ends[-1]


def _posts(hostile: Hostile) -> int:
    return len(hostile.night.transport.posts())


def _faults(rng: random.Random, *, late: bool):
    chosen = rng.sample(_ENDINGS, rng.randint(0, 4))
    yield from (f"{kind}={rng.uniform(0, 0.4):.2f}" for kind in chosen)
    yield f"list-error={rng.choice([0.0, 0.1, 0.3]):.2f}"
    yield f"slow={rng.uniform(0, 0.3):.2f}:{rng.choice([1, 90])}s"
    if late:
        yield f"late={rng.uniform(0.1, 0.5):.2f}:{rng.uniform(6, 40):.1f}s"
    else:
        yield f"late={rng.uniform(0, 0.3):.2f}:{rng.uniform(0.1, 2.4):.1f}s"
    yield f"list-lag={rng.uniform(0, 0.5):.2f}:{rng.uniform(0.1, 2.4):.1f}s"


def _settings(rng: random.Random):
    return {
        "list_order": rng.choice(["desc", "asc", "hash"]),
        "list_limit_max": rng.choice([3, 100]),
        "rate": rng.choice([UNLIMITED, UNLIMITED, parse_rate("60/min")]),
        "retry_after": rng.random() < 0.5,
    }


def _options(rng: random.Random, *, gentle: bool = False):
    return {
        "concurrency": rng.choice([1, 3, 8, 32]),
        "canary": rng.random() < 0.3,
        "verify": rng.random() < 0.1,
        "max_attempts": rng.choice([2, 5]),
        "max_jobs": None if gentle else rng.choice([None, None, 3]),
        "rate": rng.choice([UNLIMITED, UNLIMITED, parse_rate("60/min")]),
    }


def _spoil(night: Night, rng: random.Random) -> list[float | None]:
    """Set the network up, and how wrong the Dates of its answers may be."""
    transport = night.transport
    slow_s = rng.choice([0.0, 0.05, 2.0])
    transport.latency_s = lambda: rng.uniform(0.0, slow_s)
    dates = rng.choice([[0.0], [0.0], [None], [None, 0.0], [7200.0], [-7200.0], [0, 7200, -7200]])
    transport.date_skews_s = lambda: rng.choice(dates)
    for _ in range(rng.randint(0, 2)):
        begins_s = rng.uniform(0, 60)
        transport.down.append(
            (rng.choice(["GET", "POST"]), begins_s, begins_s + rng.choice([5, 60, 900]))
        )
    for _ in range(rng.randint(0, 6)):
        name, status, body = rng.choice(_REPLIES)
        transport.script("pass", times=rng.randint(1, 6))
        transport.script(name, status, body)
    return dates


async def _cut_short(night: Night, rng: random.Random, rows) -> None:
    options = _options(rng)
    how = rng.random()
    with suppress(BatchdubError):
        if how < 0.4:
            await night.run_killed(rows, after_s=rng.choice([0.01, 0.5, 5, 30]), **options)
        elif how < 0.7:
            night.on_session = Disk(rng.randint(0, 40), lies=rng.random() < 0.5).watch
            await night.run(rows, **options)
        elif how < 0.9:
            first_s = rng.uniform(0, 20)
            await _interrupted(night, rows, first_s, rng.choice([1, 3]), options)
        else:
            await night.run(rows, **options)
    night.on_session = lambda _session: None


async def _interrupted(night: Night, rows, first_s, signals, options) -> None:
    task = asyncio.ensure_future(night.run(rows, **options))
    for number in range(signals):
        asyncio.get_running_loop().call_later(first_s + number, _raise_if_running, task)
    await task


def _raise_if_running(task) -> None:
    if not task.done() and signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        signal.raise_signal(signal.SIGINT)


def _witness(hostile: Hostile, request) -> None:
    """Look at the ledger as another process would, at the moment when an order leaves."""
    reference_id = json.loads(request.content)["reference_id"]
    uri = hostile.night.ledger_path.absolute().as_uri() + "?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        (number,) = connection.execute(
            "SELECT count(*) FROM attempts JOIN jobs USING (job_id)"
            " WHERE reference_id = ? AND event IS NULL AND state = 'sending'",
            (reference_id,),
        ).fetchone()
    if number != 1:
        hostile.naked_posts.append(reference_id)

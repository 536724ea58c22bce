"""A ledger after a night, as large as wanted: made by the ledger's own methods, on a set clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from batchdub.ledger import Ledger
from batchdub.media_url import media_key
from batchdub.models import Cause, Outcome, RemoteRequest, Row, Source
from batchdub.states import Event

BEGAN = datetime(2026, 11, 25, 21, 0, tzinfo=UTC)
LANGUAGES = ("de", "fr", "ja", "ko", "no", "pt-BR", "sv")
CLIENTS = ("Nordlicht TV", "Canal Rivage", "Skärgård Play")
_TURNED_AWAY = Outcome(Event.TURNED_AWAY, Cause.RATE_LIMIT, "rate limit exceeded", 429)
_LOST = Outcome(Event.LOST, Cause.DROPPED, "the connection ended without an answer")
_DIES = (
    "its audio link (AWS V4) dies on 2026-11-26 04:10:00 CET, before its turn at 04:32; make fresh"
    " links, for example by exporting the manifest again"
)
_REFUSED = Outcome(Event.REFUSED, Cause.ROW, "expected exactly one audio input", 400)


class SetClock:
    """A wall clock that says what it was set to."""

    def __init__(self, at=BEGAN):
        self.at = at

    def now(self):
        return self.at

    def monotonic_s(self):
        return self.at.timestamp()

    async def sleep(self, seconds):
        self.at += timedelta(seconds=seconds)


def make_row(number, line, **columns):
    """Make a row of a season of ten episodes a language; `columns` are more of its own."""
    language = LANGUAGES[number // 10 % len(LANGUAGES)]
    season, episode = number // (10 * len(LANGUAGES)) % 9 + 1, number % 10 + 1
    name = f"S{season:02d}E{episode:02d}-{language}" + (f"-{number}" if number >= 630 else "")
    video = f"https://media.example.com/harbour-lights/s{season:02d}/e{episode:02d}.{number}.mp4"
    audio = video.replace(".mp4", f".{language}.wav")
    own = {
        "season": f"{season:02d}",
        "episode": f"{episode:02d}",
        "language": language,
        "client": CLIENTS[number % len(CLIENTS)],
        **columns,
    }
    key = media_key(video, audio, disable_speaker_detection=False)
    return Row(name, Source("tonight.csv", line), video, audio, False, key, own)


def make_night(path, rows=430, *, left=15, text=None):
    """Make a ledger of so many rows, the last `left` still pending; gives it, open.

    Every so many rows one is rejected, failed, in doubt or held; there was a pause after a 429.
    `text` is written into a column, the error and the id of a few rows.
    """
    clock = SetClock()
    ledger = Ledger(path, clock)
    with ledger.transaction():
        ledger.begin_run("20261125T210000Z-1", "run tonight.csv", host="studio", pid=1, version="1")
        manifest_id = ledger.remember_manifest("tonight.csv", "a" * 64)
        made = [_row(number, text) for number in range(rows)]
        ledger.add_rows((row, manifest_id, place) for place, row in enumerate(made, 1))
        jobs = {
            name: job.job_id
            for name, job in ledger.latest_jobs([row.reference_id for row in made]).items()
        }
        ledger.set_meta("api", "https://api.chamelaion.com/api")
        for number, row in enumerate(made[: rows - left]):
            _order(
                ledger, clock, (jobs[row.reference_id], row), number=number, rows=rows, text=text
            )
        clock.at += timedelta(minutes=4)
        ledger.end_run(8, "")
        for row in made[-3:]:
            ledger.hold(jobs[row.reference_id], _DIES)
    return ledger


def _row(number, text):
    row = make_row(number, number + 2, note=text or "")
    if text is None or number % 50 != 9:
        return row
    return Row(f"{text}{number}", row.source, row.video_url, row.audio_url, False, row.media_key,
               row.columns)  # fmt: skip


def _order(ledger, clock, job, *, number, rows, text):
    job_id, row = job
    clock.at += timedelta(seconds=1.015 if number != rows // 3 else 640)
    if number % 97 == 40 or number == rows // 3 - 1:
        _try(ledger, clock, job_id, _TURNED_AWAY)
        clock.at += timedelta(seconds=30)
    if number % 143 == 60:
        _try(ledger, clock, job_id, _LOST)
        return
    if number % 140 == 77:
        _try(ledger, clock, job_id, _REFUSED)
        return
    request_id = f"{number:08d}-0000-4000-8000-{number:012d}"
    _try(ledger, clock, job_id, Outcome(Event.ACCEPTED, Cause.ACCEPTED, "", 200, request_id))
    if number > rows * 0.92:
        return
    ended_at = clock.at + timedelta(seconds=200 + number % 60)
    failed = number % 47 == 12 or (text is not None and number % 50 == 9)
    error = (text or "video URL is not accessible") if failed else None
    seen = RemoteRequest(
        request_id, clock.at, "failed" if failed else "completed", row.reference_id, clock.at,
        ended_at, None if failed else f"https://cdn.example.com/{request_id}.mp4", error,
    )  # fmt: skip
    ledger.record_status(job_id, seen, Event.FAILED if failed else Event.COMPLETED)


def _try(ledger, clock, job_id, outcome):
    begun = ledger.begin_attempt(job_id, clock.at)
    clock.at += timedelta(seconds=0.3)
    ledger.end_attempt(begun, outcome)

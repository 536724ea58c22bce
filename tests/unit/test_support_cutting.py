"""What leaves the house in a support bundle is chosen: what is not known to be harmless is cut."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.cli.recording import json_line, log_line
from batchdub.ledger.extract import PARTS
from batchdub.redact import Secret
from batchdub.support import Cutter, Names, Part, gather, readme, zipped
from batchdub.support.bundle import MOST_BYTES
from batchdub.support.tails import events_tail, log_tail
from tests.ledger.support import open_ledger

NAMES = Names(b"a ledger's own")
ROW = "Stranger Things S05E01~de"
CUTTER = Cutter(NAMES, [ROW])
NOW = datetime(2026, 3, 1, 22, tzinfo=UTC)
EVENT = {
    "schema": 1,
    "at": "2026-03-01T22:00:00.000Z",
    "run_id": "01J",
    "event": "row.lost",
    "reference_id": ROW,
    "source": "the crown.csv:47",
    "message": f"the connection ended without an answer for {ROW}",
    "actor": "ana.lopez",
    "note": "Netflix wants it",
}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no answer in 60 s", "no answer in 60 s"),
        ("429, then 5xx: tried 3 times", "429, then {name:5xx}: tried 3 times"),
        ("held: `batchdub reconcile` settles it", "held: `batchdub reconcile` settles it"),
        ("the API refused it: invalid request body", "the API refused it: invalid request body"),
        (f"`{ROW}` is done", "`{row}` is done"),
        (f"{ROW}~r2 is ordered, too", "{row}~r2 is ordered, too"),
        ("cannot read The-Crown_S07", "cannot read {name:The-Crown_S07}"),
        ("`the crown` is unknown", "`{name:the crown}` is unknown"),
        ("cannot fetch https://cdn.a.com/Crown.mp4?sig=x!", "cannot fetch {link}"),
        ("ドラマ is no title", "{name:ドラマ} is no title"),
        ("/srv/Crown/batchdub.db: is damaged", "{name:/srv/Crown/batchdub.db}: is damaged"),
        (
            "request 8f14e45f-ceea-467f-a1f5-0c1c7d3f9b21 is its order",
            "request 8f14e45f-ceea-467f-a1f5-0c1c7d3f9b21 is its order",
        ),
    ],
)
def test_free_text_keeps_plain_words_and_numbers(text, kept):
    """Titles stand in ids, links and file names; what a message says stays legible."""
    link = NAMES.link("https://cdn.a.com/Crown.mp4?sig=x!")
    for name in ("5xx", "The-Crown_S07", "the crown", "ドラマ", "/srv/Crown/batchdub.db"):
        kept = kept.replace(f"{{name:{name}}}", NAMES.of("name", name))

    assert CUTTER.text(text) == kept.replace("{row}", NAMES.row(ROW)).replace("{link}", link)


@given(st.text())
def test_a_capital_or_a_digit_in_a_word_is_never_kept_unless_it_is_known(text):
    """Whatever the text: none of its words but plain and known ones comes through."""
    cut = CUTTER.text(f"Zanzibar7 {text} Zanzibar7")

    assert "Zanzibar" not in cut


def test_a_row_has_one_pseudonym_wherever_it_stands():
    """Its further revision is known as such, and another ledger gives another."""
    assert NAMES.row(f"{ROW}~r2") == f"{NAMES.row(ROW)}~r2"
    assert Names(b"another").row(ROW) != NAMES.row(ROW)
    assert NAMES.of("name", ROW).partition("-")[2] == NAMES.row(ROW).partition("-")[2]


def test_links_and_files_keep_only_their_endings():
    """What kind of file it is matters; whose it is does not."""
    assert NAMES.link("https://me:pw@cdn.a.com/The/Crown.mp4?x=1").endswith(".mp4")
    assert NAMES.link("https://[::1/a") == NAMES.of("link", "https://[::1/a")
    assert NAMES.file("batchdub.db-wal") == "batchdub.db-wal"
    assert NAMES.file("/srv/Crown/batchdub.db") == f"{NAMES.of('folder', '/srv/Crown')}/batchdub.db"
    assert NAMES.file("crown.csv") == f"{NAMES.of('file', 'crown.csv')}.csv"


@pytest.mark.parametrize("log", [False, True])
def test_a_tail_is_cut_line_by_line_and_foreign_lines_are_left_out(tmp_path, log):
    """Cron may have sent anything into the same file."""
    path = tmp_path / "night"
    write = log_line if log else json_line
    path.write_text(f"mail for Ana\n{write(EVENT)}{write({**EVENT, 'strange': 'Crown'})}")

    text, holds = (log_tail if log else events_tail)(path, Cutter(NAMES))

    first, second = map(json.loads, text.splitlines())
    assert first == second
    assert first["reference_id"] == NAMES.row(ROW)
    assert first["message"] == f"the connection ended without an answer for {NAMES.row(ROW)}"
    assert first["source"] == f"{NAMES.file('the crown.csv')}:47"
    assert first["note"] == "[16 characters]"
    assert first["actor"] == NAMES.of("person", "ana.lopez")
    assert holds == "2 events; 1 line left out that batchdub did not write"


def test_a_log_that_has_just_begun_anew_comes_with_the_one_before(tmp_path):
    """Else the night in question would be in neither."""
    (tmp_path / "a.log.1").write_text(log_line({**EVENT, "run_id": "before"}))
    (tmp_path / "a.log").write_text(log_line(EVENT))

    text, holds = log_tail(tmp_path / "a.log", Cutter(NAMES))

    assert [json.loads(line)["run_id"] for line in text.splitlines()] == ["before", "01J"]
    assert holds == "the last 2 events"


def test_a_medium_s_version_tells_when_and_how_long_and_not_which_file():
    """An ETag is often a hash of the whole film, by which anybody who has that knows it."""
    version = {"bytes": 10, "etag": "c0ffee", "weak": False, "modified_at": None, "seen_at": "t"}

    cut = CUTTER.row({"video_version": json.dumps(version), "audio_version": None})

    assert cut == {
        "video_version": version | {"etag": NAMES.of("etag", "c0ffee")},
        "audio_version": None,
    }


@pytest.mark.parametrize("name", PARTS)
def test_every_column_of_an_extract_has_a_way_to_be_cut(tmp_path, name):
    """One that the cutter does not know would be missing, and nobody would see it."""
    with open_ledger(tmp_path / "batchdub.db") as ledger:
        query = []
        real = ledger.as_dicts
        ledger.as_dicts = lambda sql, values=(): query.append(sql) or real(sql, values)
        PARTS[name](ledger)
        columns = [
            column[0] for sql in query for column in ledger._connection.execute(sql).description
        ]

    assert set(CUTTER.row(dict.fromkeys(columns))) == set(columns)


def test_a_part_that_fails_says_why_and_the_others_are_made():
    """It is wanted when something is broken."""

    def broken():
        raise ValueError("no key planted-secret in Crown.db")

    parts = gather(
        [("a", broken), ("b", lambda: ("planted-secret\n", "1 line"))],
        [Secret("planted-secret")],
        CUTTER.text,
    )

    assert parts[0].missing == "ValueError: no key [hidden] in Crown.db"
    assert "Crown" not in parts[0].text
    assert parts[1] == Part("b", "[hidden]\n", "1 line")


def test_a_part_too_long_keeps_its_newest_lines():
    """No mail takes a gigabyte."""
    lines = "".join(f"{number}\n" for number in range(300_000))

    [part] = gather([("a", lambda: (lines, "300,000 lines"))], [], str)

    assert part.size <= MOST_BYTES
    assert part.text.endswith("299999\n")
    assert part.holds == "300,000 lines; the beginning is cut off"


def test_the_same_parts_make_the_same_archive():
    """So that two can be compared; its first file says what is in it."""
    parts = [Part("b", "2\n", "two"), Part("a", "1\n", "one")]
    whole = [readme(parts, NOW, "0.1.0", plain=False), *parts]

    with zipfile.ZipFile(BytesIO(zipped(whole))) as archive:
        assert archive.namelist() == ["README.txt", "b", "a"]
        assert "  b  two\n  a  one\n" in archive.read("README.txt").decode()
    assert zipped(whole) == zipped(whole)

"""A plan's file says exactly what was planned, and any other file is told from one."""

from __future__ import annotations

import json

import pytest

from batchdub.errors import UnusableInputError
from batchdub.plan import Fate
from batchdub.run.applying import difference
from batchdub.run.plan_file import PlanHead, PlannedFile, PlanRow, plan_text, read_plan

HEAD = PlanHead(
    made_at="2026-03-01T22:00:00.000Z",
    made_by="0.1.0",
    ledger="/srv/batchdub.db",
    api="sandbox",
    account=None,
    manifests=(PlannedFile("a.csv", "/srv/a.csv", "0" * 64),),
    only=("language=ja",),
    limit=3,
    price="0.35 EUR/min",
    duration_column="duration",
)
ROWS = [
    PlanRow("a.csv:2", "S01E01-日本", 1, "m1:" + "0" * 32, Fate.NEW, 1_200_000),
    PlanRow("a.csv:3", "b", 2, "m1:" + "1" * 32, Fate.SUBMITTED, None),
]


def write(path, head=HEAD, rows=ROWS):
    path.write_text("".join(plan_text(head, rows)), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("rows", [ROWS, []])
def test_what_is_written_is_read(tmp_path, rows):
    plan = read_plan(write(tmp_path / "p.json", rows=rows))

    assert plan.head == HEAD
    assert list(plan.rows.values()) == rows


def test_a_row_stands_on_a_line_of_its_own(tmp_path):
    """So that two plans can be compared with any tool."""
    lines = (tmp_path / "p.json", write(tmp_path / "p.json"))[0].read_text().splitlines()

    assert sum('"reference_id"' in line for line in lines) == len(ROWS)


def changed(found, **values):
    return {**found, **values}


@pytest.mark.parametrize(
    "change",
    [
        lambda found: [found],
        lambda found: changed(found, batchdub_plan="1"),
        lambda found: changed(found, batchdub_plan=True),
        lambda found: changed(found, rows=None),
        lambda found: changed(found, rows=[{**found["rows"][0], "fate": "maybe"}]),
        lambda found: changed(found, rows=[{**found["rows"][0], "revision": None}]),
        lambda found: changed(found, manifests=[{"path": "a.csv"}]),
        lambda found: changed(found, api=None),
        lambda found: changed(found, limit="3"),
        lambda found: changed(found, skip_invalid=1),
        lambda found: {name: found[name] for name in found if name != "ledger"},
    ],
)
def test_what_is_no_plan_is_told(tmp_path, change):
    """A half of one must not pass for a smaller one."""
    path = write(tmp_path / "p.json")
    (tmp_path / "p.json").write_text(
        json.dumps(change(json.loads((tmp_path / "p.json").read_text())))
    )

    with pytest.raises(UnusableInputError, match="not a plan of batchdub's"):
        read_plan(path)


@pytest.mark.parametrize("text", ["", "{", "null", "[" * 100_000, "\udcff"])
def test_what_is_no_json_is_no_plan(tmp_path, text):
    (tmp_path / "p.json").write_text(text, errors="surrogateescape")

    with pytest.raises(UnusableInputError, match="not a plan"):
        read_plan(str(tmp_path / "p.json"))


def test_a_plan_of_a_newer_format_and_one_with_a_row_twice_are_refused(tmp_path):
    """Nobody knows here what they promise."""
    path = write(tmp_path / "p.json")
    text = (tmp_path / "p.json").read_text()
    (tmp_path / "p.json").write_text(text.replace('"batchdub_plan": 1', '"batchdub_plan": 2'))
    with pytest.raises(UnusableInputError, match="format 2, and this batchdub knows 1"):
        read_plan(path)

    with pytest.raises(UnusableInputError, match="a row twice"):
        read_plan(write(tmp_path / "p.json", rows=[ROWS[0], ROWS[0]]))
    with pytest.raises(UnusableInputError, match="No such file"):
        read_plan(str(tmp_path / "none.json"))


NEW = ROWS[0]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (NEW, ""),
        (NEW._replace(source="other.csv:9"), ""),
        (NEW._replace(media="m1:f"), "has other media than in the plan"),
        (NEW._replace(revision=2), "was at revision 1, is at 2: why"),
        (NEW._replace(fate=Fate.LEFT), "was `new`, is `left`: why"),
        (NEW._replace(fate=Fate.SAME_MEDIA), "was `new`, is `same media`: why"),
        (NEW._replace(cost=None), "was to cost 1.20 EUR, costs nobody knows how much"),
        (NEW._replace(cost=5), "was to cost 1.20 EUR, costs 0.000005 EUR"),
    ],
)
def test_a_row_is_as_planned_or_it_is_said_how_it_is_not(now, told):
    """Its line is not part of it."""
    assert difference(NEW, now, "why", "EUR") == told


@pytest.mark.parametrize("was", [Fate.SUBMITTED, Fate.COMPLETED, Fate.FAILED])
@pytest.mark.parametrize("now", Fate)
def test_an_order_may_end_meanwhile_and_nothing_else(was, now):
    """What was ordered is not ordered again whatever became of it, or of its media since."""
    before = NEW._replace(fate=was)
    may_be = now in {Fate.SUBMITTED, Fate.COMPLETED, Fate.FAILED, Fate.CHANGED}

    assert (difference(before, before._replace(fate=now), "") == "") is may_be

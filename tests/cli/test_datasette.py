"""The ledger is open: a table browser shows it in words, and answers the ready questions."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from batchdub.ledger.metadata import DESCRIPTIONS, QUERIES
from tests.docs.readme import table_under
from tests.report.nights import make_night

_ASK = """
import asyncio, json, sys
from urllib.parse import quote
from datasette.app import Datasette

async def main(path, metadata, names):
    data = Datasette([path], metadata=json.loads(metadata))
    await data.invoke_startup()
    page = await data.client.get("/night")
    answers = {"page": page.text}
    for name in names:
        answer = await data.client.get(f"/night/{name}.json?_shape=array&column=client")
        answers[name] = answer.json()
    print(json.dumps(answers))

asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
"""


def test_every_table_and_view_is_described_as_in_the_readme():
    """One text, in two places; and `test_readme` holds the README to the ledger itself."""
    described = [(name, text) for name, text in DESCRIPTIONS.items()]

    assert described == table_under("The ledger is open")


@pytest.mark.real_time
def test_datasette_opens_the_file_and_answers_the_ready_questions(cli, tmp_path):
    """With what the command prints, and nothing else."""
    make_night(tmp_path / "night.db").close()
    metadata = cli("ledger", "datasette-metadata", "--ledger", "night.db").out

    done = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-c", _ASK, "night.db", metadata, *QUERIES],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found = json.loads(done.stdout)

    assert found["failed-by-cause"][0] == {
        "state": "failed", "cause": "video URL is not accessible", "jobs": 9,
        "for_example": "S01E03-fr",
    }  # fmt: skip
    oldest = found["oldest-waiting"]
    assert len(oldest) == 19
    assert oldest[0]["hours"] >= oldest[-1]["hours"]
    for name, value in (("orders-by-language", "language"), ("orders-by-column", "value")):
        assert sum(row["orders"] for row in found[name]) == 409
        assert all(row[value] for row in found[name])
    for name in ("spend-by-language", "spend-by-month"):
        spent = [row["orders"] for row in found[name] if row["certainty"] == "spent"]
        assert sum(spent) == 409
    assert sum(row["missing"] for row in found["missing-episodes"]) == 49
    assert sum(row["ordered"] for row in found["minute-by-minute"]) == 409
    assert len(found["tried-more-than-once"]) == 10
    assert (
        "failed and rejected jobs by cause" in found["page"] or "failed-by-cause" in found["page"]
    )

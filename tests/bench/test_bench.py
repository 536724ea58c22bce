"""The benchmark runs, and its books are right; how fast anything is, no test says."""

from __future__ import annotations

import re

import pytest

from tests.bench import disk, throughput, wire
from tests.bench.__main__ import PARTS, main
from tests.bench.measuring import loop_command, measure, write_manifest

pytestmark = pytest.mark.real_time
ROWS = 40


def table(output):
    """Give the cells of a printed table by the first one of their line."""
    lines = [line for line in output.splitlines() if line.startswith("| ")][2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}


@pytest.mark.parametrize("part", [throughput, wire], ids=["throughput", "wire"])
def test_every_contender_orders_each_row_once(part, tmp_path, capsys):
    """A loop that lost or doubled orders would be no match."""
    part.main(["--rows", str(ROWS), "--rounds", "1", "--folder", str(tmp_path)])
    printed = table(capsys.readouterr().out)
    assert {name: cells[-2:] for name, cells in printed.items()} == {
        name: [str(ROWS), "0"] for name in part.NAMES
    }


def test_the_server_keeps_its_limit(tmp_path):
    """A window that lets everything pass would measure nothing."""
    manifest = str(tmp_path / "season.csv")
    write_manifest(manifest, 30)
    trial = measure(
        lambda base_url: loop_command("sdk-aiohttp", base_url, manifest, 4),
        tmp_path,
        limit=("20/s", "sliding"),
    )
    assert (trial.orders, trial.duplicates) == (30, 0)
    assert trial.refused > 0


def test_a_slow_disk_needs_strace_and_says_so(monkeypatch, capsys):
    """Without it nothing is held up, and the figure would be another's."""
    monkeypatch.setenv("PATH", "")
    assert disk.main([]) == 1
    assert "strace" in capsys.readouterr().err


def test_every_part_is_listed_with_what_it_measures(capsys):
    """A name alone tells nobody what to run."""
    assert main([]) == 0
    listed = capsys.readouterr().err
    assert all(re.search(rf"^  {name} +\w", listed, re.MULTILINE) for name in PARTS)
    assert main(["no-such-part"]) == 2

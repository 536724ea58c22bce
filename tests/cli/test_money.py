"""What stands before the spending: whose key, how many orders, for how much, and no further."""

from __future__ import annotations

import re

import pytest

from tests.cli.nights import SANDBOX, api_server, books_of, sandbox_on_a_port
from tests.cli.test_run import answer_on_a_terminal

CDN = "https://cdn.example.com"
KEY = {"CHAMELAION_API_KEY": "planted-key-4f9a1c77"}


@pytest.fixture
def manifest(tmp_path):
    """Rows of 10, 20 and 30 minutes, and one whose length nobody has written down."""
    lines = ["video_url,audio_url,reference_id,language,duration"]
    for number, length in enumerate(("10:00", "1200", "00:30:00", ""), 1):
        lines.append(f"{CDN}/{number}.mp4,{CDN}/{number}.wav,E{number},ja,{length}")
    (tmp_path / "tonight.csv").write_text("\n".join(lines) + "\n")
    return "tonight.csv"


# -- the plan ---------------------------------------------------------------------------------


def test_a_plan_tells_what_the_orders_cost(cli, manifest):
    """And which of them it cannot price, by file and line."""
    each = cli("plan", manifest, "--price", "1.20 EUR/job").err
    assert "cost at 1.20 EUR/job: 4.80 EUR\n" in each

    minutes = cli("plan", manifest, "--price", "0.35/min").err
    assert "cost at 0.35/min: 21.00 and what 1 row of unknown cost come to\n" in minutes
    assert "tonight.csv:5: `E4`: `duration` is empty, so its cost is not known" in minutes

    assert "cost" not in cli("plan", manifest).err


def test_a_plan_tells_how_many_orders_fit(cli, manifest, monkeypatch):
    """In the manifest's order; a row that no cap can count is held back."""
    capped = cli("plan", manifest, "--price", "0.35/min", "--max-cost", "11")
    assert (
        "cost at 0.35/min: 21.00\nwithin `--max-cost 11.00`: 2 of 3 orders, for 10.50" in capped.err
    )
    assert "held  `duration` is empty, so no cap can count what it costs" in capped.out

    monkeypatch.setenv("BATCHDUB_MAX_JOBS", "1")
    assert "within `--max-jobs 1`: 1 of 4 orders\n" in cli("plan", manifest).err


def test_a_plan_in_another_order_fits_other_rows(cli, manifest):
    """As `run --dry-run --order` serves them: of 10, 20 and 30 minutes not the first two."""
    longest = ("--price", "1/min", "--max-cost", "50", "--order", "duration:desc")

    assert "2 of 3 orders, for 40.00" in cli("run", manifest, "--dry-run", *longest).err


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--max-cost", "5"), "needs to know what an order costs"),
        (("--price", "1 EUR/job", "--max-cost-per-day", "5 USD"), "are not in one currency"),
        (("--price", "1/h"), "write an amount for each job or media minute"),
        (("--price", "1/job", "--max-cost", "5,00"), "is not an amount of money"),
    ],
)
def test_money_that_cannot_be_counted_is_refused(cli, manifest, options, why):
    """A cap that guesses is none."""
    for command in ("plan", "run"):
        result = cli(command, manifest, *options)
        assert result.code == 2
        assert why in result.err


# -- the run ----------------------------------------------------------------------------------


@pytest.mark.real_time
def test_a_run_tells_what_it_spent_and_where_it_stopped(cli, tmp_path, manifest):
    """Exit 5 with the rest pending; a day's cap knows what runs before it spent."""
    (tmp_path / "batchdub.toml").write_text('price = "0.10 EUR/min"\nmax-cost-per-day = "4 EUR"\n')

    first = cli("run", manifest, *SANDBOX, "--max-jobs", "1")
    second = cli("run", manifest, *SANDBOX)
    plan = cli("plan", manifest)

    assert ", for 1.00 EUR\n" in first.err
    assert ", for 2.00 EUR\n" in second.err
    assert "`--max-cost-per-day 4.00 EUR` is reached: 3.00 EUR spent or maybe spent" in second.err
    assert "E4`: held back: `duration` is empty" in second.err
    assert sum(books_of(tmp_path).values()) == 2
    assert "3.00 EUR spent or maybe spent" in plan.err
    assert "within `--max-cost-per-day 4.00 EUR`: 0 of 1 order\n" in plan.err


@pytest.mark.real_time
def test_a_cap_below_one_order_says_so_and_names_no_command_that_would_get_no_further(
    cli, tmp_path, manifest
):
    """Exit 5 is no failure: night after night nothing would be ordered, and nobody would look."""
    price = ("--price", "1 EUR/min", "--limit", "3")
    little = cli("run", manifest, *SANDBOX, *price, "--max-cost", "5")
    some = cli("run", manifest, *SANDBOX, *price, "--max-cost", "10")
    day = cli("run", manifest, *SANDBOX, *price, "--max-cost-per-day", "25")

    assert (little.code, some.code, day.code) == (5, 5, 5)
    assert "hint: raise `--max-cost`: the next order alone is more" in little.err
    assert "next: batchdub run" not in little.err
    assert "hint: raise `--max-cost`: the next order alone is more" in some.err
    assert re.search(r"hint: from [-0-9]+ 00:00.* on, the same command orders the next", day.err)
    assert "next: batchdub run" in day.err


@pytest.mark.real_time
def test_the_next_command_counts_and_caps_as_this_one(cli, manifest):
    """Pasted, it would else order without a price, and without the cap that was asked for."""
    money = ("--price", "1 EUR/min", "--max-cost", "1200 EUR")
    end = cli("run", manifest, *SANDBOX, *money, "--limit", "2", "--wait", "--fault", "fail=1")

    again = "batchdub retry --failed --sandbox --price '1.00 EUR/min' --max-cost '1200.00 EUR'"
    assert f"next: {again}\n" in end.err


@pytest.mark.real_time
def test_the_question_names_whose_key_it_is_and_the_cost(tmp_path, manifest):
    """On a terminal, in one question: how many, what, where, as whom, how long, for how much."""
    with sandbox_on_a_port(key=KEY["CHAMELAION_API_KEY"]) as (there, books):
        options = ("--price", "1.20 EUR/job", "--max-cost", "3", *there)
        code, shown = answer_on_a_terminal(tmp_path, b"n\n", "run", manifest, *options, **KEY)

    flat = " ".join(shown.split())
    assert code == 130
    assert "key: `a stand-in account`" in flat
    dubs = "2 of 4 new dubs (as `--max-cost 3.00 EUR` allows)"
    assert f"Order {dubs} at {there[1]} as `a stand-in account`, for 2.40 EUR?" in flat
    assert "nothing was ordered" in flat
    assert "interrupted" not in flat, "an answer is no Ctrl-C"
    assert not books.orders


@pytest.mark.real_time
def test_a_name_that_cannot_be_told_does_not_stop_the_run(cli, manifest, monkeypatch):
    """It is a help, not a proof; what went wrong is said."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY["CHAMELAION_API_KEY"])
    page = {"data": [], "pagination": {"limit": 1, "offset": 0, "total": 0}}

    def answer(path):
        return (500, {"error": "internal error"}) if "users" in path else (200, page)

    refusal = (400, {"error": "invalid request body"})
    with api_server(answer, refusal) as base_url:
        result = cli("run", manifest, "--base-url", base_url, "--rate", "unlimited", "--limit", "1")

    assert "key: its name is not known: reading the account: HTTP 500" in result.err
    assert result.code == 8

"""The commands that need neither ledger nor network do what their help says."""

from __future__ import annotations

import json
import stat

import click
import pytest

from batchdub.cli.invocation import Invocation
from batchdub.cli.options import (
    base_url_option,
    key_file_option,
    key_of,
    ledger_option,
    settings_of,
)
from batchdub.cli.tally import Tally
from batchdub.models import Row, Source
from batchdub.redact import Secret

HEADER = "video_url,audio_url,reference_id,language\n"
CDN = "https://cdn.example.com"


def line(number, language="ja"):
    return f"{CDN}/{number}.mp4,{CDN}/{number}.wav,S01E{number:02},{language}\n"


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "tonight.csv").write_text(HEADER + line(1) + line(2) + line(3, "no"))
    return "tonight.csv"


# validate


def test_a_valid_manifest_is_counted_by_file_and_by_its_columns(cli, manifest):
    """Whoever exported it sees at once whether a language is missing."""
    result = cli("validate", manifest, "--format", "jsonl")

    assert result.code == 0
    assert [tuple(json.loads(row).values()) for row in result.out.splitlines()] == [
        (manifest, None, None, 3),
        (manifest, "language", "ja", 2),
        (manifest, "language", "no", 1),
    ]
    assert result.err == "3 rows in 1 manifest, no problems; nothing was sent\n"


def test_a_valid_manifest_is_a_table_unless_asked_otherwise(cli, manifest):
    """`BATCHDUB_FORMAT` asks as `--format` does."""
    assert cli("validate", manifest).out.splitlines()[0].split() == [
        "manifest",
        "column",
        "value",
        "rows",
    ]


def test_the_environment_sets_an_option(cli, manifest, monkeypatch):
    """And the flag wins over it."""
    monkeypatch.setenv("BATCHDUB_FORMAT", "json")

    assert cli("validate", manifest).out.startswith("[")
    assert cli("validate", manifest, "--format", "csv").out.startswith("manifest,column")


def test_quiet_leaves_the_data(cli, manifest):
    """Talk is what `-q` is about."""
    result = cli("validate", manifest, "-q")

    assert result.err == ""
    assert result.out


def test_all_problems_are_told_in_one_go(cli, tmp_path, manifest):
    """Of all manifests, sorted, on standard error, and no data."""
    (tmp_path / "more.csv").write_text(HEADER + "ftp://x/1,also wrong,S09E01,ja\n" + line(1))

    result = cli("validate", manifest, "more.csv")

    assert result.code == 2
    assert result.out == ""
    places = [text.split(": ")[0] for text in result.err.splitlines()]
    assert places[0].startswith("more.csv:2:")
    assert places[1].startswith("more.csv:2:")
    assert places[2].startswith("more.csv:3")
    assert "tonight.csv:2" in result.err


def test_what_only_looks_wrong_is_a_warning(cli, tmp_path):
    """It is used as it stands, and said."""
    zero_width = "\u200b"
    (tmp_path / "a.csv").write_text(
        HEADER + f"{CDN}/1.mp4,{CDN}/1.wav,S01E01,ja{zero_width}\n", encoding="utf-8"
    )

    result = cli("validate", "a.csv")

    assert result.code in {0, 2}
    assert "a.csv:2" in result.err


def row(path, **columns):
    return Row("r", Source(path, 2), "v", "a", False, "m1:0", columns)


def test_a_column_that_tells_rows_apart_is_not_counted():
    """Titles differ in every row; a table of them is no summary, and a million need memory."""
    tally = Tally(["a.csv", "b.csv"])
    for number in range(120):
        tally.add(row("a.csv", title=f"t{number}", season="2"))
    tally.add(row("b.csv", season="3"))

    rows = list(tally.rows())

    assert tally.total == 121
    assert rows == [
        {"manifest": "a.csv", "rows": 120},
        {"manifest": "a.csv", "column": "season", "value": "2", "rows": 120},
        {"manifest": "b.csv", "rows": 1},
    ]


# init and schema


def test_the_first_manifest_is_valid(cli, tmp_path):
    """Nothing discourages like a template that fails."""
    made = cli("init")

    assert made.code == 0
    assert "batchdub run manifest.yaml --sandbox" in made.err
    assert cli("validate", "manifest.yaml").code == 0
    assert stat.S_IMODE((tmp_path / "manifest.yaml").stat().st_mode) & 0o600 == 0o600


def test_a_file_that_is_there_stays_unless_forced(cli, tmp_path):
    """It may be the work of a week."""
    (tmp_path / "mine.yaml").write_text("mine")

    refused = cli("init", "mine.yaml")
    assert refused.code == 2
    assert "`--force`" in refused.err
    assert (tmp_path / "mine.yaml").read_text() == "mine"

    assert cli("init", "mine.yaml", "--force").code == 0
    assert (tmp_path / "mine.yaml").read_text() != "mine"


@pytest.mark.parametrize("name", ["manifest.csv", "no/such/folder.yaml", "x" * 300 + ".yaml"])
def test_a_first_manifest_that_cannot_be_written_is_told(cli, name):
    """As unusable input, with its name."""
    result = cli("init", name)

    assert result.code == 2
    assert name in result.err


def test_the_schema_is_json(cli):
    """For editors."""
    result = cli("schema")

    assert result.code == 0
    assert json.loads(result.out)["$schema"].startswith("https://json-schema.org/")
    assert result.err == ""


# settings


@pytest.fixture
def probe(tmp_path):
    """A command with the options of those that call the API, which gives back its settings."""

    @click.command()
    @ledger_option
    @base_url_option
    @key_file_option
    @click.pass_context
    def command(context, **_):
        settings = settings_of(context)
        return settings, key_of(context, settings), context.obj

    def call(*arguments):
        with command.make_context("probe", list(arguments), obj=Invocation()) as context:
            return command.invoke(context)

    return call


def test_settings_know_a_flag_from_a_variable(probe, monkeypatch):
    """click gives both alike; `doctor` must not."""
    monkeypatch.setenv("BATCHDUB_LEDGER", "b.db")
    monkeypatch.setenv("CHAMELAION_API_KEY", "key-from-env")

    settings, key, _ = probe("--base-url", "https://a")

    assert settings.origins == {
        "base_url": "--base-url",
        "ledger": "BATCHDUB_LEDGER",
        "key": "CHAMELAION_API_KEY",
    }
    assert key == Secret("key-from-env")


def test_a_key_from_a_file_is_kept_out_of_messages_too(probe, tmp_path):
    """The environment does not know it, so the invocation must."""
    (tmp_path / "key").write_text("key-from-file")

    _, key, invocation = probe("--key-file", str(tmp_path / "key"))

    assert key in invocation.secrets

"""Flags win over the environment, that wins over the config file, and one can see which it was."""

from __future__ import annotations

import json

import pytest

from batchdub.cli.configured import is_configurable
from batchdub.config import NAMES
from tests.cli.test_help import ALL, options_of

ROW = "video_url,audio_url\nhttps://cdn/1.mp4,https://cdn/1.wav\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A manifest with a config file beside it, and no other config file anywhere."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    season = tmp_path / "season"
    season.mkdir()
    (season / "a.csv").write_text(ROW)
    (season / "batchdub.toml").write_text(
        'rate = "2/min"\nledger = "s.db"\nsandbox = true\n[profiles.quick]\nrate = "600/min"\n'
    )
    return season


def pace(result):
    return result.err.partition("at ")[2].partition(":")[0]


@pytest.mark.usefixtures("folder")
def test_flag_over_environment_over_file(cli, monkeypatch):
    """And the profile over the rest of the file."""
    plan = ("plan", "season/a.csv")
    assert pace(cli(*plan)) == "2/min"
    assert pace(cli(*plan, "--profile", "quick")) == "600/min"
    monkeypatch.setenv("BATCHDUB_PROFILE", "quick")
    assert pace(cli(*plan)) == "600/min"
    monkeypatch.setenv("BATCHDUB_RATE", "3/min")
    assert pace(cli(*plan)) == "3/min"
    assert pace(cli(*plan, "--rate", "4/min")) == "4/min"


@pytest.mark.real_time
def test_a_run_says_which_file_it_follows(cli, folder):
    """Where money goes is told before it goes."""
    result = cli("run", "season/a.csv", "--profile", "quick")

    assert result.code == 0
    assert f"config: {'season/batchdub.toml'}, profile quick" in result.err
    assert f"ledger: {folder / 's.db'}" in result.err
    assert "next: batchdub wait --sandbox" in result.err
    assert f"--ledger {folder / 's.db'}" in result.err


@pytest.mark.usefixtures("folder")
def test_a_wrong_value_is_told_with_its_file(cli, folder):
    """Otherwise one looks for it on the command line."""
    (folder / "batchdub.toml").write_text('rate = "2/fortnight"\n')

    result = cli("plan", "season/a.csv")

    assert result.code == 2
    assert "(in season/batchdub.toml)" in result.err
    assert "env" in cli("plan", "season/a.csv", "--format", "nope").err
    assert "season" not in cli("plan", "season/a.csv", "--format", "nope").err


@pytest.mark.usefixtures("folder")
def test_a_config_file_does_not_stand_in_the_way_of_help(cli, folder):
    """One reads it to mend the file."""
    (folder / "batchdub.toml").write_text("what is this")

    assert cli("plan", "season/a.csv", "--help").code == 0


def test_each_setting_is_an_option_of_some_command():
    """A setting that nothing takes would be read and passed over."""
    options = {name for command in ALL.values() for option in options_of(command)
               for name in option.opts}  # fmt: skip

    assert {f"--{name}" for name in NAMES} <= options


def test_commands_without_settings_have_no_config():
    """`schema` has nothing to configure."""
    assert not is_configurable(ALL["batchdub schema"])
    assert is_configurable(ALL["batchdub run"])


@pytest.mark.parametrize(
    ("variable", "ids"),
    [
        ("title=Big Fish", ["1", "2"]),
        ("title=Big Fish;season=2", ["2"]),
        ("title=Big Fish\nseason=2\n", ["2"]),
        (' title="Fish; the sequel" ;', ["3"]),
    ],
)
def test_a_variable_holds_several_choices_and_values_with_spaces(cli, tmp_path, monkeypatch,
                                                                 variable, ids):  # fmt: skip
    """A crontab has one line; titles have spaces, and `;` within quotes is part of them."""
    rows = ["1,Big Fish,1", "2,Big Fish,2", '3,"Fish; the sequel",2']
    links = "https://cdn/{0}.mp4,https://cdn/{0}.wav"
    lines = [f"{row},{links.format(number)}" for number, row in enumerate(rows)]
    head = "reference_id,title,season,video_url,audio_url"
    (tmp_path / "a.csv").write_text("\n".join([head, *lines]) + "\n")
    monkeypatch.setenv("BATCHDUB_ONLY", variable)

    result = cli("plan", "a.csv", "--format", "json")

    assert [row["reference_id"] for row in json.loads(result.out)] == ids

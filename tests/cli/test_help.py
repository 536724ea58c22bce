"""Whoever reads only the help can do the work: every command is documented, whole and legible."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import click
import pytest

from batchdub.cli import commands
from batchdub.cli.group import ENTRIES, batchdub
from batchdub.exits import Exit

SLOW = ("httpx", "aiohttp", "sqlite_utils", "yaml", "rich", "pydantic", "starlette", "uvicorn")


def walk(command, path):
    """Give every command with its path, down to the last one."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from walk(command.get_command(context, name), f"{path} {name}")


ALL = dict(walk(batchdub, "batchdub"))


def options_of(command):
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


@pytest.fixture(params=ALL)
def path(request):
    return request.param


@pytest.fixture
def text(cli, path):
    return cli(*path.split()[1:], "--help").out


def test_every_command_file_is_in_the_list():
    """A command that help does not name does not exist for anybody."""
    files = {
        file.stem.replace("_", "-") for file in Path(commands.__file__).parent.glob("[!_]*.py")
    }

    assert files == {entry.name for entry in ENTRIES}


def test_each_command_has_one_line_of_the_list_and_stands_in_its_section(cli):
    """Who looks for a command reads down the left edge, on a terminal of 80 columns."""
    lines = cli("--help").out.splitlines()
    listed = [line.split(maxsplit=1) for line in lines if line.startswith("  ")]
    sections = [line.removesuffix(":") for line in lines if line.endswith(":")]

    assert [each for each in ENTRIES if [each.name, each.summary] not in listed] == []
    assert [name for name in sections if name in {each.section for each in ENTRIES}] == list(
        dict.fromkeys(each.section for each in ENTRIES)
    )
    assert max(map(len, lines)) <= 80


def test_the_list_says_what_each_command_says_of_itself():
    """The line is written twice so that the list need not import the command."""
    for entry in ENTRIES:
        command = ALL[f"batchdub {entry.name}"]
        assert command.help.splitlines()[0] == entry.summary
        assert command.name == entry.name


def test_help_lists_every_exit_code_with_its_meaning(text):
    """The contract: scripts act on them."""
    codes = text.partition("Exit codes:")[2]

    for code in Exit:
        assert re.search(rf"^  {int(code)} +{re.escape(code.meaning)}$", codes, re.MULTILINE)


def test_help_has_examples_that_are_ours(text, path):
    """One reads the example first."""
    examples = text.partition("Examples:\n")[2].partition("\n\n")[0].splitlines()

    assert examples
    assert all(line.startswith("  batchdub ") for line in examples)
    assert path == "batchdub" or all(path in line for line in examples)


def test_help_reads_well_at_80_columns(text):
    """Terminals, mails and issue trackers break longer lines where they like."""
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_examples_use_options_that_exist(path):
    """An example that fails is worse than none."""
    command = ALL[path]
    names = {name for option in options_of(command) for name in option.opts}
    if isinstance(command, click.Group):
        names |= {
            name for sub in ALL.values() for option in options_of(sub) for name in option.opts
        }
    for example in command.examples:
        first = re.split(r" (?:&&|\|) ", example)[0]
        assert set(re.findall(r"--[a-z-]+", first)) <= names


def test_every_option_has_a_help_text_and_an_environment_name(path):
    """`BATCHDUB_…`, and shown."""
    for option in options_of(ALL[path]):
        assert option.help
        if option.name in {"help", "version"}:
            continue
        assert re.fullmatch(r"BATCHDUB_[A-Z_]+", option.envvar)
        assert option.show_envvar


def test_a_variable_means_one_thing_everywhere():
    """A cron job sets it once for all commands."""
    meaning = {}
    for command in ALL.values():
        for option in options_of(command):
            if option.envvar:
                shape = (option.opts, option.type.to_info_dict(), option.multiple)
                assert meaning.setdefault(option.envvar, shape) == shape


def test_every_command_says_more_and_less(path):
    """`-v` and `-q` work wherever one types them."""
    names = {name for option in options_of(ALL[path]) for name in option.opts}

    assert {"-v", "-q"} <= names


@pytest.mark.real_time
def test_help_imports_nothing_slow(process):
    """Help that takes a second is not read."""
    shell = f"$BATCHDUB --help > help.txt && {sys.executable} -X importtime -m batchdub --help"

    imported = {line.split("|")[-1].strip() for line in process(shell).err.splitlines()}

    assert "click" in imported
    assert imported.isdisjoint({*SLOW, "asyncio", "importlib.metadata"})


def test_no_command_is_unusable_and_shows_the_help(cli):
    """A script whose variable was empty must not go on as if something had been done."""
    result = cli()

    assert result.code == Exit.INPUT
    assert "Exit codes:" in result.err
    assert result.out == ""


def test_the_version_is_printed(cli):
    """Every report of a fault starts with it."""
    result = cli("--version")

    assert result.code == 0
    assert re.fullmatch(r"batchdub \d\S*\n", result.out)


def test_a_command_that_is_not_there_is_none():
    """As click asks, for completion and the like."""
    assert batchdub.get_command(click.Context(batchdub), "frobnicate") is None

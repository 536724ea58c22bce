"""The Tab key: commands, options and values, quickly, and never a word about what is wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from batchdub.cli import completing
from batchdub.cli.completing import SHELLS
from batchdub.states import JobState
from tests.cli.nights import ROOT, ledger_with
from tests.cli.test_startup import SLOW

_BASH = shutil.which("bash")
# What a shell does with the script: run it, type a line, press Tab.
_TYPED = """
eval "$(batchdub completion bash)"
complete -p batchdub >&2
COMP_WORDS=(batchdub show S01); COMP_CWORD=2
_batchdub_completion batchdub
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def tab(tmp_path, monkeypatch, capsys):
    """Type a line up to its last word, and give what the Tab key offers."""
    monkeypatch.chdir(tmp_path)

    def press(line):
        words = shlex.split(line) + ([""] if line.endswith(" ") else [])
        monkeypatch.setenv("COMP_WORDS", shlex.join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        completing.complete("bash_complete")
        printed = capsys.readouterr()
        assert printed.err == ""
        return [item.partition(",")[2] for item in printed.out.splitlines()]

    return press


@pytest.fixture
def ledger(tmp_path):
    ids = dict.fromkeys(("S01E01-ja", "S01E02-ja", "S02E01-ja", "has a space"), JobState.PENDING)
    ledger_with(tmp_path, **ids)[0].close()
    return tmp_path / "batchdub.db"


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("batchdub st", ["status"]),
        ("batchdub ledger re", ["rebuild"]),
        ("batchdub run --max-j", ["--max-jobs"]),
        ("batchdub run --on-unknown ", ["reorder", "hold"]),
        ("batchdub plan --format j", ["json", "jsonl"]),
        ("batchdub report --state failed,re", ["failed,rejected"]),
        ("batchdub run --rate un", ["unlimited"]),
        ("batchdub completion ", list(SHELLS)),
        ("batchdub frobnicate ", []),
    ],
)
def test_what_is_known_is_offered(tab, line, offered):
    """Nobody remembers the names of thirty options."""
    assert tab(line) == offered


@pytest.mark.parametrize("line", ["batchdub run ", "batchdub run --ledger ", "batchdub init "])
def test_files_are_left_to_the_shell(tab, line, capsys):
    """It knows best how to complete them."""
    assert tab(line) == [""]


@pytest.mark.usefixtures("ledger")
def test_rows_come_from_the_ledger(tab):
    """An id that a shell would take for two words is not offered."""
    assert tab("batchdub show S01") == ["S01E01-ja", "S01E02-ja"]
    assert tab("batchdub retry --id S01E01-ja,S02") == ["S01E01-ja,S02E01-ja"]
    assert len(tab("batchdub show ")) == 3
    assert tab("batchdub show --ledger other.db S01") == []


def test_profiles_and_the_ledger_come_from_the_config_file(tab, tmp_path, ledger):
    """As in a run."""
    ledger.rename(tmp_path / "season1.db")
    (tmp_path / "batchdub.toml").write_text('ledger = "season1.db"\n[profiles.staging]\nrate="1/s"')

    assert tab("batchdub run --profile ") == ["staging"]
    assert tab("batchdub cancel --id S02") == ["S02E01-ja"]


@pytest.mark.parametrize("damage", ["missing", "not a ledger", "a pipe", "locked", "bad config"])
def test_what_cannot_be_had_at_once_is_not_offered(tab, tmp_path, ledger, damage, monkeypatch):
    """No error may end up in the middle of what is typed, and nothing is waited for."""
    monkeypatch.setattr(completing, "_PATIENCE_S", 0.01)
    (tmp_path / "batchdub.toml").write_text("rate = [" if damage == "bad config" else "")
    with closing(sqlite3.connect(ledger, isolation_level=None)) as other:
        if damage == "locked":
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
        elif damage != "bad config":
            ledger.unlink()
        if damage == "not a ledger":
            ledger.write_text("not a ledger at all, but long enough to be read")
        if damage == "a pipe":
            os.mkfifo(ledger)

        offered = tab("batchdub show S02")
        options = tab("batchdub show --led")

    assert offered == (["S02E01-ja"] if damage == "bad config" else [])
    assert options == ["--ledger"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(cli, shell):
    """Its last word is batchdub's own name."""
    result = cli("completion", shell)

    assert result.code == 0
    assert f"_BATCHDUB_COMPLETE={shell}_complete" in result.out


@pytest.mark.real_time
@pytest.mark.skipif(_BASH is None, reason="this machine has no bash")
def test_a_real_bash_completes(tmp_path, ledger):
    """As typed: the script is registered, and its function fills the reply."""
    program = tmp_path / "bin" / "batchdub"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m batchdub "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603  a shell of this machine, our own text
        [_BASH, "-c", _TYPED], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PATH": path, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip

    assert done.stdout.split() == ["S01E01-ja", "S01E02-ja"]
    assert done.stderr == "complete -o nosort -F _batchdub_completion batchdub\n"


@pytest.mark.real_time
def test_a_tab_imports_nothing_slow(tmp_path):
    """Between key and answer lie a few hundredths of a second."""
    program = (
        "import sys; from batchdub.cli.completing import complete; complete('bash_complete');"
        " sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(  # noqa: S603  our own interpreter
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(Path(ROOT)), "COMP_WORDS": "batchdub s", "COMP_CWORD": "1"},
    )  # fmt: skip

    assert "plain,status" in done.stdout
    imported = set(done.stderr.split())
    assert not imported & {*SLOW, "sqlite3", "batchdub.cli.commands.status"}

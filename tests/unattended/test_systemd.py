"""The service and its timer: systemd finds nothing wrong, and what they start is a night."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from batchdub.cli.main import run_command
from tests.cli.nights import KEY, write_manifest
from tests.unattended.conftest import bare, write_env_file

_ANALYZE = shutil.which("systemd-analyze")


@pytest.fixture
def units(tmp_path, printed):
    """Write the units of a manifest in a folder whose name systemd would take apart."""
    folder = tmp_path / "100% $HOME"
    folder.mkdir()
    manifest = folder / write_manifest(folder, 2)
    (tmp_path / "units").mkdir()
    printed("systemd", manifest, "--at", "22:00 Europe/Berlin", "--into", tmp_path / "units")
    return tmp_path / "units"


def meant(text, *, command=False):
    """Give what systemd makes of a value: a lone `%` or `$` would be replaced by something."""

    def single(match):
        assert match[0][0] == match[0][1:], f"{match[0]} would be replaced"
        return match[0][0]

    return re.sub(r"[%$]." if command else "%.", single, text)


def read(path):
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str
    unit.read(path)
    return unit


@pytest.mark.real_time
@pytest.mark.skipif(_ANALYZE is None, reason="this machine has no systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(units):
    """Names, paths and values: a unit that is not understood is skipped in silence."""
    done = subprocess.run(  # noqa: S603  fixed words
        [_ANALYZE, "verify", *sorted(map(str, units.iterdir()))],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    when = read(units / "batchdub-tonight.timer")["Timer"]["OnCalendar"]
    subprocess.run([_ANALYZE, "calendar", when], check=True, capture_output=True)  # noqa: S603


def test_the_units_say_what_a_night_needs(units):
    """A cap is no failure, an order in flight is waited for, and a failure starts no loop."""
    service = read(units / "batchdub-tonight.service")["Service"]
    timer = read(units / "batchdub-tonight.timer")["Timer"]

    assert service["SuccessExitStatus"] == "5 143"
    assert service["KillSignal"] == "SIGTERM"
    assert int(service["TimeoutStopSec"]) >= 120
    assert service["Restart"] == "no"
    assert timer["Persistent"] == "true"
    assert timer["OnCalendar"] == "*-*-* 22:00:00 Europe/Berlin"
    assert timer["Unit"] == "batchdub-tonight.service"


@pytest.mark.real_time
def test_what_the_service_starts_is_a_night(units, tmp_path, api):
    """Read as systemd reads it: `%%` is a percent sign and `$$` a dollar."""
    service = read(units / "batchdub-tonight.service")["Service"]
    folder = Path(meant(service["WorkingDirectory"]))
    variables, books = api
    made = write_env_file(folder, variables)
    assert meant(service["EnvironmentFile"]) == str(made)
    command = shlex.split(meant(service["ExecStart"], command=True))

    done = subprocess.run(  # noqa: S603  what `schedule` printed
        command,
        cwd=folder,
        env=bare(tmp_path) | variables | {"BATCHDUB_MAX_JOBS": "1"},
        stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60,
    )  # fmt: skip

    assert str(done.returncode) in service["SuccessExitStatus"].split()
    assert len(books.orders) == 1
    assert (folder / "batchdub.db").exists()
    assert KEY not in "".join(path.read_text() for path in units.iterdir())


def test_units_that_are_there_stay_unless_forced(units, tmp_path, cli_code):
    """Somebody may have changed them."""
    path = units / "batchdub-tonight.timer"
    path.write_text("mine")
    again = ("systemd", tmp_path / "100% $HOME" / "tonight.csv", "--into", units)

    assert cli_code(*again) == 2
    assert path.read_text() == "mine"
    assert cli_code(*again, "--force") == 0
    assert path.read_text() != "mine"


@pytest.fixture
def cli_code():
    return lambda *arguments: run_command(("schedule", *map(str, arguments)))


def test_what_it_tells_to_type_is_what_was_asked_for(tmp_path, cli_code, capsys, monkeypatch):
    """The same key file, and a folder of workflows that a new repository does not have yet."""
    monkeypatch.chdir(tmp_path)

    assert cli_code("cron", "a.csv", "--env-file", "keys/night.env") == 0
    assert (
        f"--at 22:00 --env-file {tmp_path}/keys/night.env) | crontab -" in capsys.readouterr().err
    )
    assert cli_code("github", "a.csv", "--into", ".github/workflows") == 0
    assert (tmp_path / ".github" / "workflows" / "batchdub-a.yml").is_file()


def test_what_nobody_could_install_is_refused(tmp_path, cli_code, capsys, monkeypatch):
    """A line break in a path, a crontab in a folder, a manifest outside the repository."""
    monkeypatch.chdir(tmp_path)

    assert cli_code("cron", "a\nb.csv") == 2
    assert cli_code("cron", "a.csv", "--into", tmp_path) == 2
    assert cli_code("github", "../a.csv") == 2
    assert cli_code("systemd", "no/such/a.csv") == 2
    assert "rename it" in capsys.readouterr().err


def test_a_key_file_that_others_can_read_is_told(tmp_path, printed):
    """And how one is made, where there is none."""
    manifest = tmp_path / write_manifest(tmp_path, 1)

    assert "umask 077" in printed("cron", manifest).err
    made = write_env_file(tmp_path, {"CHAMELAION_API_KEY": KEY})
    assert "warning" not in printed("cron", manifest).err
    os.chmod(made, 0o640)  # noqa: PTH101  as one types it
    assert f"{made}: others can read it: chmod 600" in printed("cron", manifest).err

"""Nights that nobody watches: what `schedule` prints is taken at its word and executed."""

from __future__ import annotations

import pytest

from batchdub.cli.main import run_command
from tests.cli.nights import KEY, sandbox_on_a_port


@pytest.fixture
def api():
    """A sandbox on a port, and its books; gives the variables of a file that leads to it."""
    with sandbox_on_a_port(key=KEY) as (options, books):
        yield (
            {
                "CHAMELAION_API_KEY": KEY,
                "BATCHDUB_BASE_URL": options[1],
                "BATCHDUB_RATE": "20/s",
                "BATCHDUB_SETTLE": "0.5s",
            },
            books,
        )


@pytest.fixture
def printed(capsys):
    """Call `printed("cron", "tonight.csv")` and get what `schedule` prints to be installed."""

    def call(*arguments):
        assert run_command(("schedule", *map(str, arguments))) == 0
        return capsys.readouterr()

    return call


def write_env_file(folder, variables):
    """Write the file with the key, as it is to be: for its owner only."""
    path = folder / "batchdub.env"
    path.write_text("".join(f"{name}={text}\n" for name, text in variables.items()))
    path.chmod(0o600)
    return path


def bare(home):
    """Give the environment that cron and systemd give a job: next to nothing."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh", "LOGNAME": "nobody"}

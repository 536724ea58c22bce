"""What starts a run every night: a line of a crontab, systemd's units, a workflow. Pure text.

The key comes from a file or the forge's secrets, never from a command line. What a run wants
besides stands in `batchdub.toml`, so that all three start the same night.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.hours import TimeOfDay, next_moment

_ORDER_ENDS_S = 180  # an order in flight has a minute, and whoever is told of the end another
_UNIT_SPECIAL = re.compile(r"[^A-Za-z0-9_@:./,+=-]")
_UNNAMEABLE = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True, slots=True)
class Night:
    """A run as it is to be started: `program` and `manifests` are absolute, in `folder`.

    `env_file` holds the key; `user` owns the folder. `version` is what a workflow installs.
    """

    program: tuple[str, ...]
    folder: Path
    manifests: tuple[Path, ...]
    env_file: Path
    at: TimeOfDay
    now: datetime
    user: str
    version: str

    @property
    def name(self) -> str:
        """Give what units and workflow are called: `batchdub-tonight` for `tonight.csv`."""
        return f"batchdub-{_UNNAMEABLE.sub('-', self.manifests[0].stem).strip('-.') or 'night'}"

    @property
    def command(self) -> tuple[str, ...]:
        """Give the run's words."""
        return (*self.program, "run", *_after_options(map(str, self.manifests)))

    @property
    def log(self) -> Path:
        """Give where a cron job's talk goes."""
        return self.folder / f"{self.name}.log"


def cron_files(night: Night) -> dict[str, str]:
    """Give the line of a crontab: it begins in the folder, with the file's variables set."""
    local = next_moment(night.at, night.now).astimezone()
    steps = (
        ("cd", str(night.folder)),
        ("set", "-a"),
        (".", str(night.env_file)),
        ("set", "+a"),
        ("exec", *night.command),
    )
    command = f"({' && '.join(map(shlex.join, steps))}) >>{shlex.quote(str(night.log))} 2>&1"
    # To cron a percent sign is the end of a line.
    line = f"{local.minute} {local.hour} * * *  {command}".replace("%", r"\%")
    return {"": f"{line}\n"}


def systemd_files(night: Night) -> dict[str, str]:
    """Give a service and the timer that starts it, by file name."""
    zone = f" {night.at.zone.key}" if night.at.zone else ""
    when = f"*-*-* {night.at.hour:02d}:{night.at.minute:02d}:00{zone}"
    titles = ", ".join(path.name for path in night.manifests).replace("%", "%%")
    service = f"""\
[Unit]
Description=batchdub: order what is left of {titles}
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
User={night.user}
WorkingDirectory={_unit_path(night.folder)}
# CHAMELAION_API_KEY=..., readable by its owner only
EnvironmentFile={_unit_glob(night.env_file)}
ExecStart={" ".join(map(_unit_word, night.command))}
# 5: our own cap or window reached; 143: stopped, and the same command goes on
SuccessExitStatus=5 143
# The first SIGTERM sends nothing new and records what is in flight
KillSignal=SIGTERM
KillMode=mixed
TimeoutStopSec={_ORDER_ENDS_S}
# The next night is the next try: a loop would ask again what was refused
Restart=no
UMask=0077
"""
    timer = f"""\
[Unit]
Description=batchdub: {titles} every night at {night.at}

[Timer]
OnCalendar={when}
# A night that the machine slept through is made up for
Persistent=true
Unit={night.name}.service

[Install]
WantedBy=timers.target
"""
    return {f"{night.name}.service": service, f"{night.name}.timer": timer}


def github_files(night: Night) -> dict[str, str]:
    """Give a workflow for the repository that holds the manifests, by file name.

    Raises UnusableInputError for a manifest outside the folder: the repository has it not.
    """
    try:
        manifests = [path.relative_to(night.folder).as_posix() for path in night.manifests]
    except ValueError:
        raise UnusableInputError(
            f"{night.folder}: does not hold all manifests, and a workflow finds no others",
            "run this command in the folder of the repository that holds them",
        ) from None
    in_utc = next_moment(night.at, night.now).astimezone(UTC)
    words = shlex.join(_after_options(manifests))
    workflow = f"""\
name: {night.name}
on:
  schedule:
    - cron: "{in_utc.minute} {in_utc.hour} * * *" # UTC: {night.at} on {night.now:%Y-%m-%d}
  workflow_dispatch:
concurrency: # a night that is still going on is waited for
  group: {night.name}
  cancel-in-progress: false
permissions:
  contents: read
jobs:
  night:
    runs-on: ubuntu-latest
    timeout-minutes: 350
    env:
      BATCHDUB_LEDGER: batchdub.db
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.13"
      - name: Install
        run: pip install --quiet batchdub=={night.version}
      # Should the ledger of the nights before be gone, the run ends with exit 6 before it spends,
      # and names `batchdub ledger rebuild`.
      - uses: actions/cache/restore@v4
        with:
          path: batchdub.db*
          key: {night.name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: {night.name}-
      - name: Order
        env:
          CHAMELAION_API_KEY: ${{{{ secrets.CHAMELAION_API_KEY }}}}
        run: |
          code=0
          batchdub run --max-duration 5h {words} || code=$?
          if [ "$code" -eq 5 ]; then code=0; fi # our own cap: the next night goes on
          exit "$code"
      - name: Report
        if: always()
        run: batchdub report --format markdown >> "$GITHUB_STEP_SUMMARY"
      - uses: actions/cache/save@v4
        if: always()
        with:
          path: batchdub.db*
          key: {night.name}-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
"""
    return {f"{night.name}.yml": workflow}


KINDS: Mapping[str, Callable[[Night], dict[str, str]]] = {
    "cron": cron_files,
    "systemd": systemd_files,
    "github": github_files,
}
"""What a schedule is written for; each gives its files by name."""


def require_plain(path: Path) -> None:
    """Refuse a path that cannot stand in a line of text. Raises UnusableInputError."""
    if not str(path).isprintable():
        raise UnusableInputError(
            f"{str(path)!r}: has a character that no crontab or unit can hold", "rename it"
        )


def _after_options(words: Iterable[str]) -> tuple[str, ...]:
    texts = tuple(words)
    return ("--", *texts) if any(text.startswith("-") for text in texts) else texts


def _unit_path(path: Path) -> str:
    return str(path).replace("%", "%%")


def _unit_glob(path: Path) -> str:
    """Write a path where systemd takes a pattern."""
    return re.sub(r"([*?\[\\])", r"\\\1", _unit_path(path))


def _unit_word(word: str) -> str:
    """Quote a word as systemd reads command lines: a `%` and a `$` would be replaced."""
    if not _UNIT_SPECIAL.search(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("%", "%%").replace("$", "$$") + '"'

"""`batchdub schedule`: what starts a run every night, for cron, systemd or a forge's workflow."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import manifests_argument, option
from batchdub.cli.run_options import TIME_OF_DAY
from batchdub.errors import UnusableInputError
from batchdub.hours import TimeOfDay

if TYPE_CHECKING:
    from batchdub.cli.schedules import Night
    from batchdub.cli.talk import Talk

_FOLDERS = {"systemd": "/etc/systemd/system", "github": ".github/workflows"}


@click.command(
    "schedule",
    cls=BatchdubCommand,
    examples=(
        "batchdub schedule cron tonight.csv --at 22:00",
        "batchdub schedule systemd tonight.csv --into /etc/systemd/system",
        "batchdub schedule github manifests/season.csv --at '22:00 Europe/Berlin'",
    ),
)
@click.argument("kind", metavar="cron|systemd|github",
                type=click.Choice(["cron", "systemd", "github"]))  # fmt: skip
@manifests_argument
@option(
    "--at",
    type=TIME_OF_DAY,
    metavar="HH:MM",
    default="22:00",
    help="When the night begins; a zone may follow: '22:00 Europe/Berlin'.",
)
@option(
    "--env-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    show_default="batchdub.env beside the manifest",
    help="The file, mode 0600, with CHAMELAION_API_KEY=...; for cron and systemd.",
)
@option(
    "--into",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write systemd's units, or the workflow, into this folder, which is made if need be.",
)
@option("--force", is_flag=True, help="Write over a file that is there.")
@click.pass_obj
def command(
    invocation: Invocation,
    /,
    *,
    kind: str,
    manifests: Sequence[str],
    at: TimeOfDay,
    env_file: Path | None,
    into: Path | None,
    force: bool,
) -> None:
    """Print what starts a run every night, ready to be installed.

    The run begins in the manifest's folder, where its ledger and `batchdub.toml` are: what it
    wants besides belongs there. The key comes from a file or from the forge's secrets, never from
    a command line. A run that overlaps with another ends with exit 7; what one that was cut short
    has left is ordered the night after. Nothing is installed, but how to is said.
    """
    from batchdub.cli.schedules import KINDS, require_plain  # noqa: PLC0415  not for `--help`

    night = _night(kind, manifests, at, env_file)
    for path in (night.folder, night.env_file, *night.manifests):
        require_plain(path)
    files = KINDS[kind](night)
    talk = invocation.talk
    for path in night.manifests:
        if not path.is_file():
            talk.warn(f"{path}: is not there now")
    if into is None:
        click.echo(_printed(kind, files), nl=False)
    else:
        _write(kind, files, into, talk, force=force)
    if kind != "github":
        _tell_key_file(night.env_file, talk)
    for line in _to_install(kind, night, manifests, written=into is not None):
        talk.say(f"  {line}")


def _night(kind: str, manifests: Sequence[str], at: TimeOfDay, env_file: Path | None) -> Night:
    from batchdub import __version__  # noqa: PLC0415  slow to find out
    from batchdub.cli.schedules import Night  # noqa: PLC0415  not for `--help`

    paths = tuple(Path(os.path.abspath(name)) for name in manifests)  # noqa: PTH100  links stay
    folder = Path.cwd() if kind == "github" else paths[0].parent
    return Night(
        program=_program(),
        folder=folder,
        manifests=paths,
        env_file=(env_file or folder / "batchdub.env").absolute(),
        at=at,
        now=datetime.now(UTC),
        user=_owner(folder),
        version=__version__,
    )


def _program() -> tuple[str, ...]:
    """Give the words that start this very program: nothing that a nightly PATH could change."""
    script = Path(sys.executable).with_name("batchdub")
    return (str(script),) if os.access(script, os.X_OK) else (sys.executable, "-m", "batchdub")


def _owner(folder: Path) -> str:
    """Name who owns the folder: the ledger must be theirs, whoever installs the units."""
    try:
        return folder.owner()
    except KeyError:
        return str(folder.stat().st_uid)
    except OSError as error:
        raise UnusableInputError(
            f"{folder}: {error.strerror}", "name a manifest in a folder that is there"
        ) from None


def _printed(kind: str, files: Mapping[str, str]) -> str:
    where = _FOLDERS.get(kind)
    heads = {name: f"# {where}/{name}\n" if where else "" for name in files}
    return "\n".join(heads[name] + text for name, text in files.items())


def _write(kind: str, files: Mapping[str, str], into: Path, talk: Talk, *, force: bool) -> None:
    from batchdub.report.output import open_output  # noqa: PLC0415  rarely wanted

    if kind not in _FOLDERS:
        raise UnusableInputError(
            "--into: a crontab is no folder", "leave it out, and pipe the line"
        )
    there = [into / name for name in files if os.path.lexists(into / name)]
    if there and not force:
        raise UnusableInputError(
            f"{there[0]}: is there already", "write over it with `--force`, or name another folder"
        )
    with suppress(OSError):  # told where the first file cannot be written
        into.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        with open_output(str(into / name)) as out:
            out.write(text)
        talk.say(f"wrote {into / name}")


def _tell_key_file(path: Path, talk: Talk) -> None:
    if not path.exists():
        talk.say("first the file with the key:")
        talk.say(f"  (umask 077; echo CHAMELAION_API_KEY=... > {shlex.quote(str(path))})")
    elif path.stat().st_mode & 0o077:
        talk.warn(f"{path}: others can read it: chmod 600 {shlex.quote(str(path))}")


def _to_install(kind: str, night: Night, manifests: Sequence[str], *, written: bool) -> list[str]:
    # Neither root's PATH nor cron's need lead to this program.
    usual = night.folder / "batchdub.env"
    key = () if night.env_file == usual else ("--env-file", str(night.env_file))
    again = (*night.program, "schedule", kind, *manifests, "--at", str(night.at), *key)
    into = () if written or kind == "cron" else ("--into", _FOLDERS[kind])
    this = shlex.join([*again, *into])
    return {
        "cron": [f"(crontab -l; {this}) | crontab -"],
        "systemd": [
            *([] if written else [f"sudo {this}"]),
            "sudo systemctl daemon-reload",
            f"sudo systemctl enable --now {night.name}.timer",
        ],
        "github": [
            *([] if written else [this]),
            "gh secret set CHAMELAION_API_KEY",
        ],
    }[kind]

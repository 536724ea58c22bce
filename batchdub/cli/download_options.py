"""The options of commands that fetch finished dubs, and what becomes of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from batchdub.cli.options import option, parsed
from batchdub.errors import UnusableInputError
from batchdub.run.file_names import DEFAULT_NAME, parse_name_template

if TYPE_CHECKING:
    from batchdub.cli.run_options import Wanted
    from batchdub.run.file_names import NameTemplate
    from batchdub.run.options import Download

F = TypeVar("F", bound="Callable[..., Any]")

_name_option = option(
    "--download-name",
    type=parsed("template", parse_name_template),
    metavar="NAME",
    show_default=f"as before in this folder, else {DEFAULT_NAME}",
    help="The files' names, made of columns: '{language}/{season}/{reference_id}.mp4'.",
)
_NAMING = (
    option(
        "--download",
        metavar="DIR",
        help="See that each dub would have a name of its own in this folder, as `run` does.",
    ),
    _name_option,
)
DOWNLOADING = (
    option(
        "--download",
        metavar="DIR",
        help="Fetch each finished dub into this folder, with a .json note beside it; waits for"
        " them, as --wait.",
    ),
    _name_option,
    option(
        "--download-concurrency",
        type=click.IntRange(1, 64),
        metavar="N",
        default=4,
        help="Most dubs fetched at once.",
    ),
)


def naming_options(command: F) -> F:
    """Give a command that fetches nothing the options that name files."""
    return reduce(lambda wrapped, decorate: decorate(wrapped), reversed(_NAMING), command)


def require_download(context: click.Context) -> None:
    """Refuse what nothing would heed; in a config file it stands for other runs."""
    if context.params.get("download") is not None:
        return
    for name in ("download_name", "download_concurrency"):
        if (
            name in context.params
            and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        ):
            said = "--" + name.replace("_", "-")
            raise UnusableInputError(
                f"`{said}` without `--download`", "add --download DIR, or leave it out"
            )


def download_of(wanted: Wanted) -> Download | None:
    """Settle where finished dubs go, and see that files can be made there.

    Raises UnusableInputError.
    """
    if wanted.download is None:
        return None
    from batchdub.run.destinations import open_folder  # noqa: PLC0415  not for `--help`
    from batchdub.run.options import Download  # noqa: PLC0415  as above

    return Download(open_folder(wanted.download), wanted.download_name, wanted.download_concurrency)


def planned_download(folder: str | None, names: NameTemplate | None) -> Download | None:
    """Settle where finished dubs would go, and make no folder."""
    if folder is None:
        return None
    from batchdub.run.options import Download  # noqa: PLC0415  not for `--help`

    return Download(Path(os.path.abspath(folder)), names)  # noqa: PTH100  links stay as named


def download_again(context: click.Context) -> tuple[str, ...]:
    """Give the options that have another command download as this one does; empty if it does not.

    Paths are as they were given: the next command is typed in the same folder.
    """
    if context.params.get("download") is None:
        return ()
    options = ["--download", str(context.params["download"])]
    if (names := context.params["download_name"]) is not None:
        options += ["--download-name", names.text]
    return tuple(options)

"""What the Tab key offers: values of options and arguments, by their placeholder in the help.

It is asked while somebody types, so it is quick, prints no error, and waits for nothing: what
cannot be had at once is not offered.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stderr, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

VARIABLE = "_BATCHDUB_COMPLETE"
SHELLS = ("bash", "zsh", "fish")
_MOST = 200
_PATIENCE_S = 0.2
# The shells' scripts put a value in as it is, so one that would need quotes is not offered.
_TYPEABLE = re.compile(r"[\w@%+~./-]+")


def script_for(shell: str) -> str:
    """Give the script that a shell runs to have batchdub complete its command lines."""
    from click.shell_completion import ShellComplete, get_completion_class  # noqa: PLC0415  slow

    from batchdub.cli.group import batchdub  # noqa: PLC0415  it imports this file

    found = get_completion_class(shell)
    assert found is not None  # noqa: S101  click has all of `SHELLS`
    # Bash's own way starts a bash to ask for its version, and talks about it.
    return ShellComplete.source(found(batchdub, {}, "batchdub", VARIABLE))


def complete(instruction: str) -> int:
    """Answer a shell's question, and give the exit code; whatever goes wrong, nothing is said."""
    from click.shell_completion import shell_complete  # noqa: PLC0415  only where it is asked

    from batchdub.cli.group import batchdub  # noqa: PLC0415  it imports this file

    with suppress(Exception), Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
        code = shell_complete(batchdub, {}, "batchdub", VARIABLE, instruction)
        sys.stdout.flush()
        return code
    return 1


def completer_for(metavar: str | None) -> Completer | None:
    """Give what completes a value whose help says this of it; None where nothing can."""
    return _BY_PLACEHOLDER.get((metavar or "").strip("[].").partition("[")[0])


def _files(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from click.shell_completion import CompletionItem  # noqa: PLC0415  as above

    return [CompletionItem(incomplete, type="file")]


def _states(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from batchdub.states import JobState  # noqa: PLC0415  as above

    return _offered(map(str, JobState), incomplete)


def _ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from batchdub.cli.options import settings_of  # noqa: PLC0415  it imports this file
    from batchdub.ledger import open_for_reading  # noqa: PLC0415  slow
    from batchdub.ledger.overview import ids_beginning  # noqa: PLC0415  slow

    with open_for_reading(settings_of(context).ledger, _PATIENCE_S) as ledger:
        beginning = incomplete.rpartition(",")[2]
        found = ids_beginning(ledger, beginning, _MOST)
    return _offered(filter(_TYPEABLE.fullmatch, found), incomplete)


def _profiles(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from batchdub.config import profile_names  # noqa: PLC0415  as above

    named = context.params.get("config") or os.environ.get("BATCHDUB_CONFIG", "")
    manifests = context.params.get("manifests") or ()
    beside = Path(manifests[0]).parent if manifests else Path()
    return _offered(profile_names(named, beside, os.environ), incomplete)


def _rates(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _offered(("60/min", "auto", "unlimited"), incomplete)


def _offered(values: Iterable[str], incomplete: str) -> list[CompletionItem]:
    """Give the values that go on as was typed; in a list, after its last comma."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415  as above

    before, comma, begun = incomplete.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{value}") for value in values if value.startswith(begun)
    ]


_BY_PLACEHOLDER: Mapping[str, Completer] = {
    "FILE": _files,
    "ID": _ids,
    "MANIFEST": _files,
    "PROFILE": _profiles,
    "RATE": _rates,
    "STATE": _states,
}

"""What `audit` and `ledger rebuild` share: whom to ask, how fast, and the certificate's file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from batchdub.cli.invocation import Invocation
from batchdub.cli.options import (
    RATE,
    base_url_option,
    key_file_option,
    ledger_option,
    option,
    settings_of,
)
from batchdub.units import Rate

if TYPE_CHECKING:
    from batchdub.manifest import ManifestFile
    from batchdub.run.audit import Audit
    from batchdub.run.proving import Proving

F = TypeVar("F", bound="Callable[..., Any]")

_OPTIONS = (
    ledger_option,
    base_url_option,
    key_file_option,
    option(
        "--rate",
        type=RATE,
        metavar="RATE",
        default="60/min",
        help="Most calls in a time: N/s, N/min, N/h or unlimited.",
    ),
    option("--sandbox", is_flag=True, help="Ask the sandbox whose books are beside the ledger."),
)


def asking_options(command: F) -> F:
    """Give a command the options of free calls; it takes them as keywords."""
    return reduce(lambda wrapped, decorate: decorate(wrapped), reversed(_OPTIONS), command)


@contextmanager
def proving_of(
    context: click.Context,
    *,
    ledger: str,
    base_url: str | None,
    key_file: str | None,
    rate: Rate,
    sandbox: bool,
) -> Iterator[Proving]:
    """Settle whom to ask, for as long as the block lasts."""
    from batchdub import __version__  # noqa: PLC0415  not for `--help`
    from batchdub.cli.ordering import target_of  # noqa: PLC0415  as above
    from batchdub.clock import SystemClock  # noqa: PLC0415  as above
    from batchdub.run.proving import Proving  # noqa: PLC0415  as above
    from batchdub.sandbox.settings import SandboxSettings  # noqa: PLC0415  as above

    del ledger, base_url, key_file  # settled with the environment by `settings_of`
    invocation = context.ensure_object(Invocation)
    sandbox_settings = SandboxSettings() if sandbox else None
    with target_of(context, sandbox_settings) as target:
        path = settings_of(context).ledger
        yield Proving(path, target, rate, SystemClock(), __version__, invocation.talk.say)


def write_certificate(
    path: str, audit: Audit, files: Sequence[ManifestFile], content: str, proving: Proving
) -> None:
    """Write the certificate, whole or not at all."""
    from batchdub.report.output import open_output  # noqa: PLC0415  not for `--help`
    from batchdub.run.certificate import certificate  # noqa: PLC0415  as above

    proof = certificate(audit, files, content, proving.target.name, proving.version)
    with open_output(path) as out:
        json.dump(proof, out, indent=2, ensure_ascii=False)
        out.write("\n")

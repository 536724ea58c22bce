"""`batchdub sandbox`: the stand-in API on a port, and the books of what it accepted."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchdub.cli.documented import BatchdubCommand, BatchdubGroup
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import RATE, format_option, option
from batchdub.cli.render import render
from batchdub.cli.sandbox_options import fault_option, seed_option, tokens_option
from batchdub.redact import Secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchdub.cli.talk import Talk
    from batchdub.sandbox.faults import Fault
    from batchdub.sandbox.settings import SandboxSettings
    from batchdub.units import Rate

BOOKS_COLUMNS = (
    "request_id",
    "reference_id",
    "created_at",
    "video_url",
    "audio_url",
    "disable_active_speaker_detection",
)

_state_option = option(
    "--state",
    env="BATCHDUB_SANDBOX_STATE",
    metavar="FILE",
    default="sandbox.books.jsonl",
    help="The file that keeps what was accepted.",
)


@click.group(
    "sandbox",
    cls=BatchdubGroup,
    invoke_without_command=True,
    examples=(
        "batchdub sandbox",
        "batchdub sandbox --fault drop-after=0.2 --fault late=0.1:2s --seed 7",
        "batchdub sandbox --rate 600/min --tokens 100",
        "batchdub sandbox --media mixes",
        "batchdub sandbox books --format csv",
    ),
)
@option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=8321,
    help="Port of 127.0.0.1; 0: any that is free.",
)
@option("--key", env="BATCHDUB_SANDBOX_KEY", metavar="TEXT", help="Accept this key only.")
@option(
    "--rate",
    env="BATCHDUB_SANDBOX_RATE",
    type=RATE,
    metavar="RATE",
    default="60/min",
    help="How many orders it takes: N/s, N/min, N/h or unlimited.",
)
@tokens_option
@fault_option
@option(
    "--media",
    env="BATCHDUB_SANDBOX_MEDIA",
    metavar="DIR",
    help="Serve the files of this folder beside the API, under /media/, for --probe to look at.",
)
@_state_option
@seed_option
@click.pass_context
def command(
    context: click.Context,
    *,
    port: int,
    key: str | None,
    rate: Rate,
    tokens: int | None,
    faults: Sequence[Fault],
    media: str | None,
    state: str,
    seed: int,
) -> None:
    """Serve a stand-in API, to try everything for free.

    It answers as the real one is documented to, on this machine only, until Ctrl-C. Nothing is
    ordered for real. Its base URL is printed on standard output. What it accepted is kept in a
    file, so that it goes on where it was; `batchdub sandbox books` prints it.
    """
    if context.invoked_subcommand is not None:
        return
    from batchdub.sandbox.settings import SandboxSettings  # noqa: PLC0415  not for `--help`

    settings = SandboxSettings(
        key=Secret(key) if key else None,
        rate=rate,
        tokens=tokens,
        faults=tuple(faults),
        seed=seed,
    )
    _serve(context.ensure_object(Invocation).talk, settings, port, Path(state), media)


def _serve(
    talk: Talk, settings: SandboxSettings, port: int, state: Path, media: str | None
) -> None:
    from batchdub.clock import SystemClock  # noqa: PLC0415  not for `--help`
    from batchdub.sandbox.books import FileBooks  # noqa: PLC0415  as above
    from batchdub.sandbox.media_host import MediaHost  # noqa: PLC0415  as above
    from batchdub.sandbox.provider import Provider  # noqa: PLC0415  as above
    from batchdub.sandbox.server import LOOPBACK, serve  # noqa: PLC0415  as above

    host = None if media is None else MediaHost(Path(media))
    with closing(FileBooks(state)) as books:
        if books.torn_line is not None:
            talk.warn(f"{state}:{books.torn_line}: a line was cut short and is removed")
        provider = Provider(books, settings, SystemClock().now)
        announce = partial(_announce, talk, settings, state, media)
        serve(LOOPBACK, port, provider, announce, host)


def _announce(
    talk: Talk, settings: SandboxSettings, state: Path, media: str | None, base_url: str
) -> None:
    click.echo(base_url)
    key = "THE_KEY_YOU_GAVE" if settings.key else "any-text"
    talk.say(f"the sandbox serves until Ctrl-C; what it accepts is kept in {state}")
    if media is not None:
        talk.say(f"{media} is served at {base_url.removesuffix('/api')}/media/")
    talk.say("nothing is ordered for real; to use it:")
    talk.say(f"  export CHAMELAION_API_KEY={key}")
    talk.say(f"  batchdub run MANIFEST --base-url {base_url}")


@command.command(
    "books",
    cls=BatchdubCommand,
    examples=(
        "batchdub sandbox books",
        "batchdub sandbox books --state sandbox.books.jsonl --format jsonl",
    ),
)
@_state_option
@format_option
@click.pass_obj
def books(invocation: Invocation, state: str, format_name: str) -> None:
    """Print every order that a sandbox accepted.

    One row an order, in the order they were written, while a sandbox serves as well; an order
    that `late` holds back is not there before its time. A reference_id that stands twice was
    ordered twice.
    """
    render(_book_rows(invocation.talk, Path(state)), BOOKS_COLUMNS, format_name, invocation.environ)


def _book_rows(talk: Talk, state: Path) -> Iterator[dict[str, object]]:
    from batchdub.clock import SystemClock  # noqa: PLC0415  not for `--help`
    from batchdub.sandbox.books import read_books  # noqa: PLC0415  as above

    def on_torn(line_no: int) -> None:
        talk.warn(f"{state}:{line_no}: the last line is cut short and left out")

    for order in read_books(state, until=SystemClock().now(), on_torn=on_torn):
        row: dict[str, object] = {f"{medium.type}_url": medium.url for medium in order.inputs}
        row |= {
            "request_id": order.request_id,
            "reference_id": order.reference_id,
            "created_at": order.created_at,
            "disable_active_speaker_detection": order.disable_active_speaker_detection,
        }
        yield row

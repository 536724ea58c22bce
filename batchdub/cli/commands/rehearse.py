"""`batchdub rehearse`: tonight's manifest in a sandbox with faults, and the audit of its books."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.options import RATE, format_option, ledger_option, manifests_argument, option
from batchdub.cli.run_options import TIME_OF_DAY, link_margin_option, strict_option
from batchdub.cli.sandbox_options import fault_option, seed_option, tokens_option
from batchdub.cli.selection import choice_of, id_option, limit_option, only_option
from batchdub.hours import TimeOfDay
from batchdub.units import Rate

if TYPE_CHECKING:
    from batchdub.sandbox.faults import Fault


@click.command(
    "rehearse",
    cls=BatchdubCommand,
    examples=(
        "batchdub rehearse tonight.csv",
        "batchdub rehearse tonight.csv --tokens 400 --kills 3 --seed 7",
        "batchdub rehearse tonight.csv --fault late=0.1:2s --keep rehearsal",
    ),
)
@manifests_argument
@only_option
@id_option
@limit_option
@option("--skip-invalid", is_flag=True, help="Leave rows with a problem out, as `run` would.")
@strict_option
@option(
    "--allow-same-media",
    is_flag=True,
    help="Order a row although the same media is ordered under another id.",
)
@ledger_option
@option(
    "--rate",
    type=RATE,
    metavar="RATE",
    default="60/min",
    help="The real night's pace: N/s, N/min, N/h, auto or unlimited.",
)
@option(
    "--not-before",
    type=TIME_OF_DAY,
    metavar="HH:MM",
    help="When the real night begins: links that are dead by then are told.",
)
@link_margin_option
@fault_option
@tokens_option
@option(
    "--kills",
    type=click.IntRange(0, 100),
    metavar="N",
    default=1,
    help="How often the run is killed (SIGKILL), each time after another number of orders.",
)
@seed_option
@option(
    "--keep",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep ledger, books and what the runs said in this new folder.",
)
@format_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    manifests: Sequence[str],
    only: Sequence[str],
    ids: Sequence[str],
    limit: int | None,
    skip_invalid: bool,
    strict: bool,
    allow_same_media: bool,
    ledger: str,
    rate: Rate,
    not_before: TimeOfDay | None,
    link_margin_s: float,
    faults: Sequence[Fault],
    tokens: int | None,
    kills: int,
    seed: int,
    keep: Path | None,
    format_name: str,
) -> None:
    """Rehearse tonight in a sandbox with faults, much faster.

    The true program orders every row from a stand-in API that loses replies after it took the
    order and turns calls away; a run is killed on the way, and goes on until all is ordered or
    --tokens are spent. Then the sandbox's own books are audited. One line says how many rows,
    orders, duplicates and losses there were, and how long the real night will take.

    The real API is not called, no key is needed, and nothing is written outside a folder of its
    own; the ledger is only read, to know what tonight has left to order. Exit 0 only if nothing
    was ordered twice and nothing was lost, else 6.
    """
    from batchdub.cli.rehearsing import Wish, rehearse  # noqa: PLC0415  not for `--help`

    del ledger  # settled with the environment by `settings_of`
    wish = Wish(
        manifests=tuple(manifests),
        choice=choice_of(only, ids, limit),
        as_given=(
            *(f"--only={text}" for text in only),
            *(f"--id={text}" for text in ids),
            *(() if limit is None else (f"--limit={limit}",)),
        ),
        skip_invalid=skip_invalid,
        strict=strict,
        allow_same_media=allow_same_media,
        rate=rate,
        not_before=not_before,
        link_margin_s=link_margin_s,
        faults=tuple(faults),
        tokens=tokens,
        seed=seed,
        kills=kills,
        keep=keep,
    )
    context.exit(int(rehearse(context, wish, format_name)))

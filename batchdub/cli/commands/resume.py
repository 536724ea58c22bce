"""`batchdub resume`: order whatever the ledger has left, without naming a manifest."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.hook_options import hook_options, telling, without_hooks
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import KEY_ENVIRONMENT, settings_of
from batchdub.cli.run_options import Wanted, run_options
from batchdub.cli.selection import id_option, only_option
from batchdub.exits import Exit


@click.command(
    "resume",
    cls=BatchdubCommand,
    examples=(
        "batchdub resume",
        "batchdub resume --ledger season2.db --max-jobs 100",
        "batchdub resume --only language=ja",
    ),
    environment=KEY_ENVIRONMENT,
)
@only_option
@id_option
@run_options
@hook_options
@click.pass_context
def command(
    context: click.Context, /, *, only: Sequence[str], ids: Sequence[str], **shared: Any
) -> None:
    """Order whatever the ledger has left.

    The manifests that its rows come from are read again, because the ledger keeps no signed
    links. A row that stands in none of them any more, or with other media, is named and not sent.
    With --wait every submitted row of the ledger is waited for, with --download every finished
    dub is fetched that is not there yet.
    """
    from batchdub.cli.ordering import carry_out, probed_as_wanted  # noqa: PLC0415  not for `--help`
    from batchdub.cli.summary import summarise_waiting  # noqa: PLC0415  as above
    from batchdub.run.leftovers import open_leftovers  # noqa: PLC0415  as above
    from batchdub.run.tonight import order, wait  # noqa: PLC0415  as above
    from batchdub.select import parse_selection  # noqa: PLC0415  as above

    wanted = Wanted(**without_hooks(shared))
    invocation = context.ensure_object(Invocation)
    selector = parse_selection(only, ids)
    with telling(context):
        source = open_leftovers(settings_of(context).ledger, invocation.talk.warn, selector)
        if source is not None:
            # As for rows that have a problem now: the others are wanted all the same.
            probed = probed_as_wanted(context, source, wanted, skip_invalid=True)
            everything = not selector.clauses
            send = partial(order, source=source, probed=probed, all_submitted=everything)
            carry_out(context, wanted, lambda tonight, person: send(tonight, person=person))
        elif wanted.waits:
            carry_out(context, wanted, partial(wait, chosen=selector), summarise_waiting)
        else:
            _tell_nothing_left(context, " of these rows" if selector.clauses else "")


def _tell_nothing_left(context: click.Context, which: str) -> None:
    """Tell that there is nothing to do; a duplicate that nobody has seen to is still exit 6."""
    from batchdub.cli.standing import duplicate_lines, read_overview, tell_next  # noqa: PLC0415  not for `--help`
    from batchdub.cli.summary import message_of_look  # noqa: PLC0415  as above

    talk, settings = context.ensure_object(Invocation).talk, settings_of(context)
    overview = read_overview(settings.ledger)
    said = f"nothing{which} is left to order, and nothing is in doubt"
    duplicates = tuple(duplicate_lines(overview.duplicates))
    talk.say(said)
    for line in duplicates:
        talk.problem(line)
    commands = tell_next(overview, settings, talk)
    code = Exit.NEEDS_A_LOOK if duplicates else Exit.DONE
    context.ensure_object(Invocation).message = message_of_look(said, code, duplicates, commands)
    context.exit(int(code))

"""`batchdub notify`: try who is told of a run."""

from __future__ import annotations

from typing import Any

import click

from batchdub.cli.documented import BatchdubCommand
from batchdub.cli.hook_options import hook_options, hooks_of
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import option
from batchdub.errors import UnusableInputError
from batchdub.exits import Exit


@click.command(
    "notify",
    cls=BatchdubCommand,
    examples=(
        "batchdub notify --test --on-finish 'mail -s dubs studio@example.com'",
        "batchdub notify --test --profile night",
    ),
)
@option("--test", is_flag=True, help="Send a test message now.")
@hook_options
@click.pass_context
def command(context: click.Context, /, *, test: bool, **hooks: Any) -> None:
    """Try who is told of a run, before the night that needs it.

    The hooks are those of `run`, from the same options, variables and config file. Exits 1 if
    any of them did not work.
    """
    from batchdub.notify import Message, tell_test  # noqa: PLC0415  not for `--help`
    from batchdub.notify.web import poster  # noqa: PLC0415  as above

    del hooks  # read by `hooks_of`
    if not test:
        raise UnusableInputError("nothing to do", "add --test to send a test message")
    wanted = hooks_of(context)
    if not wanted.any:
        raise UnusableInputError(
            "nobody is told", "name --on-finish, --webhook, --ping or --notify, or write them"
            " into batchdub.toml",
        )  # fmt: skip
    wanted.require_usable()
    invocation = context.ensure_object(Invocation)
    message = Message("batchdub: a test message", Exit.DONE, ("nothing was ordered",))
    wrong = tell_test(wanted, message, poster(invocation.environ))
    for line in wrong:
        invocation.talk.problem(line)
    invocation.talk.say("told, except as said above" if wrong else "told")
    context.exit(int(Exit.UNEXPECTED if wrong else Exit.DONE))

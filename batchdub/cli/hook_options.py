"""The options that say who is told of a run, and the telling around it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from typing import TYPE_CHECKING, Any, TypeVar

import click

from batchdub.cli.failures import explain
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import option
from batchdub.exits import Exit
from batchdub.redact import Secret

if TYPE_CHECKING:
    from batchdub.notify import Hooks, Message

F = TypeVar("F", bound="Callable[..., Any]")

_SHOWN = 10
HOOK_OPTIONS = (
    option(
        "--on-finish",
        metavar="COMMAND",
        help="Run this in a shell at the end; it gets the message as JSON on its input.",
    ),
    option(
        "--webhook",
        metavar="URL",
        help="POST the message here as JSON at the end; with a token in it, rather set the"
        " variable, because every user sees a command line.",
    ),
    option(
        "--ping",
        metavar="URL",
        help="POST to URL/start at the beginning, then to URL, or URL/fail if somebody has to"
        " look: for a dead man's switch.",
    ),
    option(
        "--notify",
        "services",
        multiple=True,
        metavar="URL",
        help="Send the message to a service, as apprise names it (pip install 'batchdub[notify]').",
    ),
)


def hook_options(command: F) -> F:
    """Give a command the options of who is told; it takes them as keywords."""
    return reduce(lambda wrapped, decorate: decorate(wrapped), reversed(HOOK_OPTIONS), command)


def without_hooks(given: dict[str, Any]) -> dict[str, Any]:
    """Give a command's options without those of who is told."""
    names = {"on_finish", "webhook", "ping", "services"}
    return {name: value for name, value in given.items() if name not in names}


def hooks_of(context: click.Context) -> Hooks:
    """Give who is told, from a command's own options; no message prints the URLs."""
    from batchdub.notify import Hooks  # noqa: PLC0415  not for `--help`

    given = context.params
    urls = {name: Secret(given[name]) if given.get(name) else None for name in ("webhook", "ping")}
    services = tuple(Secret(url) for url in given.get("services", ()))
    invocation = context.ensure_object(Invocation)
    invocation.secrets = (*invocation.secrets, *filter(None, urls.values()), *services)
    return Hooks(given.get("on_finish") or "", urls["webhook"], urls["ping"], services)


@contextmanager
def telling(context: click.Context) -> Iterator[None]:
    """Tell that a run begins, and at the end of the block how it ended, whatever that was.

    Raises UnusableInputError before anything is spent for a hook that cannot work.
    """
    hooks = hooks_of(context)
    hooks.require_usable()
    if not hooks.any:
        yield
        return
    from batchdub.notify import tell_begin, tell_end  # noqa: PLC0415  only where it is wanted
    from batchdub.notify.web import poster  # noqa: PLC0415  as above

    invocation = context.ensure_object(Invocation)
    post = poster(invocation.environ)
    _warn(invocation, tell_begin(hooks, post))
    try:
        yield
    except click.exceptions.Exit as end:
        _warn(invocation, tell_end(hooks, _end(invocation, end.exit_code), post))
        raise
    except BaseException as error:
        _warn(invocation, tell_end(hooks, _broken_off(invocation, error), post))
        raise
    _warn(invocation, tell_end(hooks, _end(invocation, Exit.DONE), post))


def _end(invocation: Invocation, code: int) -> Message:
    from batchdub.notify import Message  # noqa: PLC0415  only where it is wanted

    if invocation.message is not None:
        return invocation.message
    ended = next((known for known in Exit if known == code), Exit.UNEXPECTED)
    return Message(f"batchdub: {ended.meaning} (exit {code})", ended)


def _broken_off(invocation: Invocation, error: BaseException) -> Message:
    """Make the message of a run that ended with an error: most of them before anything was sent."""
    from batchdub.notify import Message  # noqa: PLC0415  only where it is wanted

    failure = explain(error, invocation.secrets)
    first, *more = failure.messages or ("unexpected end",)
    lines = (*more, *failure.places[:_SHOWN], *failure.hints)
    return Message(f"batchdub: {first} (exit {int(failure.exit)})", failure.exit, tuple(lines))


def _warn(invocation: Invocation, wrong: list[str]) -> None:
    for line in wrong:
        invocation.talk.warn(line)

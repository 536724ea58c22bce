"""What to type next: chosen from how things stand, exact enough to be pasted into a shell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from batchdub.run.sandboxed import TARGET
from batchdub.select import as_value
from batchdub.settings import DEFAULT_BASE_URL, DEFAULT_LEDGER, Settings

_ASKING = "ledger rebuild|reconcile|reorder|resume|retry|wait"
"""Commands that need to know which API is asked, besides the ledger."""
_READING = "cancel|report|show|status"
_NAMED = re.compile(rf"`batchdub (?:({_ASKING})|({_READING}))\b([^`]*)`")

_COMMAND = re.compile(r"`(batchdub [^`]+)`")


@dataclass(frozen=True, slots=True)
class Leads:
    """The options that lead a next command to the same ledger, API and folder of downloads.

    `money` are those by which a command that orders counts and caps what it spends.
    """

    ledger: tuple[str, ...] = ()
    api: tuple[str, ...] = ()
    download: tuple[str, ...] = ()
    money: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """How things stand, as far as the next command depends on it.

    `left` is the command that orders what is left; `unsettled` tells of jobs whose doubt the
    API's list may settle. `undecided` is the reference_id of a job that waits for a person, `bad`
    of one that was rejected or failed, `duplicate` the request_id of a further order; `failed`
    and `rejected` tell that there are such jobs, which may be tried again. `explained` is the
    command that explains rows which were held back; `waiting` tells of rows whose dubs have not
    ended at the API, `downloads_left` of dubs that were wanted and are not here. Empty: there is
    none.
    """

    left: tuple[str, ...] = ()
    unsettled: bool = False
    undecided: str = ""
    duplicate: str = ""
    bad: str = ""
    explained: tuple[str, ...] = ()
    waiting: bool = False
    failed: bool = False
    rejected: bool = False
    downloads_left: bool = False


def leads_of(settings: Settings, api: str) -> Leads:
    """Give the options for a ledger that is bound to `api`: a base URL, `sandbox`, or nothing yet.

    What stands in the environment and is no default is named all the same: the command may be
    pasted into another shell.
    """
    ledger = str(settings.ledger)
    ledger_options = () if ledger == DEFAULT_LEDGER else ("--ledger", ledger)
    if api == TARGET:
        return Leads(ledger_options, ("--sandbox",))
    address = () if api in {"", DEFAULT_BASE_URL} else ("--base-url", api)
    key = () if settings.key_file is None else ("--key-file", str(settings.key_file))
    return Leads(ledger_options, (*address, *key))


def led(text: str, leads: Leads) -> str:
    """Lead the commands that a text names to the same ledger and API; those that are, stay."""
    if "`batchdub " not in text:
        return text

    def lead(named: re.Match[str]) -> str:
        asking, reading, more = named.groups()
        options = [*(leads.api if asking else ()), *leads.ledger]
        is_led = not options or set(more.split()) & {*leads.api, *leads.ledger}
        words = f"{asking or reading} {shlex.join(options)}{more}"
        return named[0] if is_led else f"`batchdub {words}`"

    return _NAMED.sub(lead, text)


def resume_with(leads: Leads) -> tuple[str, ...]:
    """Give the command that orders what a ledger has left, whatever manifests that came from."""
    return ("batchdub", "resume", *leads.api, *leads.ledger, *leads.money)


def fetch_with(leads: Leads) -> str:
    """Give the command that fetches finished dubs which are not here."""
    return shlex.join(["batchdub", "wait", *leads.api, *leads.ledger, *leads.download])


def retry_with(leads: Leads, reference_id: str, *more: str) -> str:
    """Give the command that orders a failed or rejected row again, or with more a cancelled one."""
    return shlex.join(["batchdub", "retry", *more, *leads.api, *leads.ledger, *_id(reference_id)])


def reorder_with(leads: Leads, reference_id: str) -> str:
    """Give the command that orders an ended row once more; its reason is left to be said."""
    chosen = (*leads.api, *leads.ledger, *_id(reference_id), "--reason", "TEXT")
    return shlex.join(["batchdub", "reorder", *chosen])


def _id(reference_id: str) -> tuple[str, str]:
    return "--id", as_value(reference_id)


def rebuild_with(leads: Leads, manifests: Sequence[str]) -> str:
    """Give the command that restores this ledger from these manifests and the API's list."""
    options = (*leads.api, *leads.ledger)
    return shlex.join(["batchdub", "ledger", "rebuild", *options, *as_arguments(*manifests)])


def commands_in(text: str) -> list[list[str]]:
    """Give the commands of batchdub that a text names, each as its words."""
    found = []
    for words in _COMMAND.findall(text):
        with suppress(ValueError):  # an API's own words may be quoted in any way
            found.append(shlex.split(words))
    return found


def rebuild_in(text: str, manifests: Sequence[str], leads: Leads) -> tuple[str, ...]:
    """Give the `ledger rebuild` that a text asks for, exact; empty if it asks for none.

    `manifests` are those of the ledger, for a text that names none.
    """
    for words in commands_in(text):
        if words[1:3] == ["ledger", "rebuild"]:
            named = [word for word in words[3:] if word not in {"--", *leads.api, *leads.ledger}]
            return tuple(shlex.split(rebuild_with(leads, named or manifests)))
    return ()


def next_commands(found: Found, leads: Leads, *, well: bool = True) -> list[str]:
    """Choose what to type next, the most urgent first, and at least one command.

    Where nothing else is to be done that is to wait for what is at the API; then the report if all
    went `well`, else the status.
    """
    commands = [list(found.left)] if found.left else []
    if found.unsettled:
        commands.append(["batchdub", "reconcile", *leads.api, *leads.ledger])
    if found.duplicate:
        commands.append(["batchdub", "reconcile", "--acknowledge", found.duplicate, *leads.ledger])
    commands += [
        ["batchdub", "show", *leads.ledger, *as_arguments(reference_id)]
        for reference_id in dict.fromkeys((found.undecided, found.bad))
        if reference_id
    ]
    commands += [
        ["batchdub", "retry", f"--{state}", *leads.api, *leads.ledger, *leads.money]
        for state, any_are in (("failed", found.failed), ("rejected", found.rejected))
        if any_are and not found.duplicate
    ]
    if found.explained:
        commands.append(list(found.explained))
    if found.downloads_left or (found.waiting and not commands):
        commands.append(["batchdub", "wait", *leads.api, *leads.ledger, *leads.download])
    if not commands:
        report = ("report", "--format", "csv", "--output", "report.csv")
        commands.append(["batchdub", *(report if well else ("status",)), *leads.ledger])
    return [shlex.join(command) for command in commands]


def as_arguments(*texts: str) -> Sequence[str]:
    """Give texts that stand at the end of a command, though one of them begins like an option."""
    return ("--", *texts) if any(text.startswith("-") for text in texts) else texts

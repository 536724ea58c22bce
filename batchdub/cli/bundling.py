"""A support bundle as it is asked for: its parts, where they go, and what is told of them."""

from __future__ import annotations

import json
import secrets as chance
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from batchdub import __version__
from batchdub.cli.checkup import Told, told_settings, told_variables
from batchdub.cli.invocation import Invocation
from batchdub.cli.options import settings_of
from batchdub.cli.render import render
from batchdub.errors import BatchdubError, LedgerUnusableError, UnusableInputError
from batchdub.ledger import check_ledger, open_for_reading
from batchdub.ledger.extract import PARTS, reference_ids, salt_of
from batchdub.support import Cutter, Names, Part, gather, readme, write_new, zipped
from batchdub.support.facts import files, versions
from batchdub.support.tails import events_tail, log_tail
from batchdub.units import counted

if TYPE_CHECKING:
    from batchdub.ledger import Queries
    from batchdub.support.bundle import Make

    Opens = Callable[[], Queries]

_COLUMNS = ("part", "bytes", "holds")
_PATIENCE_S = 2.0
_PATHS = frozenset({"certificate", "config", "events", "key-file", "ledger", "log-file", "output"})
_SHOWN_WORDS = """
    allow-same-media base-url concurrency excel fault format limit link-margin max-attempts max-
    duration max-failures max-in-flight max-jobs no-canary not-before notify on-unknown ping
    port probe profile quiet rate report-format sandbox seed settle show-format skip-invalid
    strict tokens until verbose verify wait wait-limit webhook yes
"""
_SHOWN = frozenset(_SHOWN_WORDS.split())
"""Settings whose values tell how a run works; of all others only that they are set."""


def bundle(context: click.Context, output: str | None, format_name: str, *, plain: bool) -> None:
    """Make a bundle, write it, and print what it holds."""
    invocation, path = context.ensure_object(Invocation), settings_of(context).ledger
    now = datetime.now(UTC)
    target = Path(output or f"batchdub-support-{now:%Y%m%dT%H%M%SZ}.zip")
    with _opening(path) as opened:
        salt = _salt(opened)
        names = Names(salt or chance.token_bytes(16), plain=plain)
        cutter = Cutter(names, _known_rows(opened))
        parts = gather(_makers(context, opened, cutter), invocation.secrets, cutter.text)
    whole = [readme(parts, now, __version__, plain=plain), *parts]
    write_new(target, zipped(whole))
    rows = ({"part": part.name, "bytes": part.size, "holds": _told(part)} for part in whole)
    render(rows, _COLUMNS, format_name, invocation.environ)
    talk = invocation.talk
    talk.say(f"wrote {target} ({target.stat().st_size:,} bytes)")
    if salt is None and not plain:
        talk.say("the pseudonyms are of this bundle alone: no ledger has a secret to make them of")
    talk.say(f"look into it before you hand it on: `unzip -p {target} README.txt`")


def tell_whose(context: click.Context, pseudonym: str) -> None:
    """Print the row that a pseudonym stands for. Raises UnusableInputError if none does."""
    with open_for_reading(settings_of(context).ledger) as queries:
        salt = salt_of(queries)
        names = Names(salt or b"")
        digits = pseudonym.partition("~")[0].rpartition("-")[2]
        for reference_id, source in reference_ids(queries) if salt else ():
            if names.row(reference_id).endswith(f"-{digits}"):
                click.echo(f"{source}: {reference_id}")
                return
    raise UnusableInputError(
        f"`{pseudonym}` is no row of this ledger", "name the ledger of the bundle with --ledger"
    )


def _makers(context: click.Context, opened: Opens, cutter: Cutter) -> Iterator[tuple[str, Make]]:
    """Give each part's name and what makes it, in the order of the bundle."""
    yield "versions.json", _versions
    yield "configuration.jsonl", partial(_configuration, context, cutter)
    yield "files.jsonl", lambda: _lines(files(settings_of(context).ledger, cutter.names), "fact")
    yield "ledger/check.txt", partial(_check, opened, cutter)
    for name in PARTS:
        yield f"ledger/{name}.jsonl", partial(_extract, opened, cutter, name)
    yield "events.jsonl", partial(_tail, context, "events", partial(events_tail, cutter=cutter))
    yield "log.jsonl", partial(_tail, context, "log_file", partial(log_tail, cutter=cutter))


def _versions() -> tuple[str, str]:
    found = dict(versions())
    return json.dumps(found, indent=2) + "\n", "batchdub, Python, SQLite, libraries, system"


def _configuration(context: click.Context, cutter: Cutter) -> tuple[str, str]:
    invocation, settings = context.ensure_object(Invocation), settings_of(context)
    told = [
        *told_settings(settings, invocation),
        *told_variables(invocation.environ),
        Told("key", "set" if settings.origins["key"] != "not set" else "", settings.origins["key"]),
    ]
    config = str(invocation.config.path or "")
    cut = (_setting(each, config, cutter.names) for each in told)
    return _lines(map(asdict, cut), "setting")


def _setting(told: Told, config: str, names: Names) -> Told:
    value, origin = told.value, told.origin
    if config and origin.startswith(config):
        origin = names.file(config) + origin[len(config) :]
    if told.name in _PATHS:
        value = names.file(value)
    elif told.name not in {*_SHOWN, "key"} and not names.plain:
        value = f"[{len(value)} characters]"
    return Told(told.name, value, origin)


def _check(opened: Opens, cutter: Cutter) -> tuple[str, str]:
    found = check_ledger(opened())
    if not found:
        return "sound\n", "sound"
    return "".join(f"{cutter.text(line)}\n" for line in found), counted(len(found), "finding")


def _extract(opened: Opens, cutter: Cutter, name: str) -> tuple[str, str]:
    extract = PARTS[name](opened())
    text, holds = _lines(map(cutter.row, extract.rows), "row")
    return text, holds if len(extract.rows) == extract.total else f"{holds} of {extract.total:,}"


def _tail(
    context: click.Context, name: str, tail: Callable[[Path], tuple[str, str]]
) -> tuple[str, str]:
    path = context.params[name]
    if path in {None, "-"}:
        option = "--" + name.replace("_", "-")
        raise UnusableInputError(f"no file is configured; name it with {option}")
    return tail(Path(path))


def _lines(rows: Iterable[object], noun: str) -> tuple[str, str]:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    return "".join(lines), counted(len(lines), noun)


def _told(part: Part) -> str:
    return f"nothing: {part.missing}" if part.missing else part.holds


@contextmanager
def _opening(path: Path) -> Iterator[Opens]:
    """Give what opens the ledger once, at one moment, or tells each time why it cannot be."""
    opened: list[Queries] = []
    refused: list[LedgerUnusableError] = []

    def open_it() -> Queries:
        if refused:
            raise refused[0]
        if not opened:
            try:
                opened.append(open_for_reading(path, _PATIENCE_S))
            except LedgerUnusableError as error:
                refused.append(error)
                raise
        return opened[0]

    try:
        yield open_it
    finally:
        for queries in opened:
            queries.close()


def _salt(opened: Opens) -> bytes | None:
    with suppress(BatchdubError, ValueError):  # told part by part
        return salt_of(opened())
    return None


def _known_rows(opened: Opens) -> list[str]:
    with suppress(BatchdubError, ValueError):  # told part by part
        return [str(row["reference_id"]) for row in PARTS["rows"](opened()).rows]
    return []

"""The bundle: parts that are made one by one, what could not be had, and the archive of them.

It is wanted when something is broken, so no part needs another, and whatever keeps one from being
made is written in its place.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from batchdub.errors import BatchdubError
from batchdub.redact import Secret, scrub

MOST_BYTES = 1_000_000
"""No part is larger; a longer one keeps its end, which is the newest."""
_STAMP = (1980, 1, 1, 0, 0, 0)
_README = "README.txt"

Make = Callable[[], tuple[str, str]]
"""Makes a part: its text, and in a few words what it holds."""


@dataclass(frozen=True, slots=True)
class Part:
    """A file of the bundle: its name, its text, what it holds, and why it could not be had."""

    name: str
    text: str
    holds: str
    missing: str = ""

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return len(self.text.encode("utf-8", "backslashreplace"))


def gather(
    makers: Iterable[tuple[str, Make]], secrets: Sequence[Secret], cut: Callable[[str], str]
) -> list[Part]:
    """Make every part; one that fails says why, `cut` as free text is, and the others are made."""
    return [_part(name, make, secrets, cut) for name, make in makers]


def _part(name: str, make: Make, secrets: Sequence[Secret], cut: Callable[[str], str]) -> Part:
    try:
        text, holds = make()
    except Exception as error:  # a bundle of what is broken must not break itself
        why = scrub(_why(error), *secrets)
        return Part(name, f"could not be had: {cut(why)}\n", "nothing", why)
    text = scrub(text, *secrets)
    kept = _end_of(text)
    return Part(name, kept, holds if kept == text else f"{holds}; the beginning is cut off")


def _why(error: Exception) -> str:
    if isinstance(error, BatchdubError):
        return error.message
    if isinstance(error, OSError):
        why = error.strerror or type(error).__name__
        return f"{error.filename}: {why}" if error.filename else why
    return f"{type(error).__name__}: {error}"


def _end_of(text: str) -> str:
    """Give the last lines of a text that fit into a part."""
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) <= MOST_BYTES:
        return text
    end = raw[-MOST_BYTES:]
    return end[end.find(b"\n") + 1 :].decode("utf-8", "replace")


def readme(parts: Sequence[Part], made_at: datetime, version: str, *, plain: bool) -> Part:
    """Write what is in a bundle and what was cut, for whoever opens it first."""
    width = max(len(part.name) for part in parts)
    listed = "\n".join(f"  {part.name:{width}}  {_told(part)}" for part in parts)
    stamp = made_at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    cut = _NAMES_KEPT if plain else _NAMES_CUT
    text = (
        f"A support bundle of batchdub {version}, made {stamp} by `batchdub support-bundle`.\n\n"
        f"What is in it\n{listed}\n\n{_ALWAYS_CUT}\n{cut}"
    )
    return Part(_README, text, "what is in it, and what was cut")


def _told(part: Part) -> str:
    return part.text.rstrip() if part.missing else part.holds


_ALWAYS_CUT = """\
Cut in any case
  The API key and what is derived from it, logins and query strings of URLs, the addresses of
  hooks, the columns of the manifests' own, and the manifests themselves: only their names, and
  the first digits of their hashes, are here.
"""
_NAMES_CUT = """\
Cut because titles may be confidential
  reference_ids, hosts, paths, files, folders, people and machines have pseudonyms such as
  row-3f2c9a01be. The same thing has the same one in every file here, and in every bundle that
  is made of the same ledger. Whoever has the ledger finds the row with
  `batchdub support-bundle --whose row-3f2c9a01be`.
  What people wrote as a reason is cut. Of other messages plain words in lower case are kept,
  and whatever may be a name has a pseudonym: read them before you hand this on.
"""
_NAMES_KEPT = """\
Names are in it
  It was made with --with-names: reference_ids, URLs without their query, file names, people and
  what they wrote as a reason stand here as they are.
"""


def zipped(parts: Sequence[Part]) -> bytes:
    """Put parts into an archive, in their order; the same parts give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in parts:
            entry = zipfile.ZipInfo(part.name, _STAMP)
            entry.external_attr = 0o600 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, part.text.encode("utf-8", "backslashreplace"))
    return out.getvalue()

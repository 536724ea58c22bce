"""What each field of a row may be: pure checks that give a fault, or None.

No fault quotes a URL: a signed link or a login is a secret, and file, line and column already say
which one is meant.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

from batchdub.manifest.problems import quoted
from batchdub.media_url import cut_url

LONGEST_URL = 8192
LONGEST_REFERENCE = 190


class Fault(NamedTuple):
    """What is wrong with a value, and what to do."""

    what: str
    hint: str = ""


# Space, control, no-break and zero-width characters, line separators, halves of characters.
_GAP = re.compile(
    "[\x00-\x20\x7f-\xa0\xad\u061c\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
    "\ud800-\udfff]"
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = "\xa0\xad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff"
_INVISIBLE_EDGE = re.compile(f"^[{_INVISIBLE}]|[{_INVISIBLE}]$")
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\ufe0f\u20e3\U0001f000-\U0001faff]")
_PLAIN_URL = re.compile(
    r"https?://[A-Za-z0-9][A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+)*\.?/[!-.0-Z^-z~\[\]|/]*"
)
# A reference_id that none of the checks below can find anything wrong with: no slash, tilde or `#`,
# a letter that neither a UUID nor a number has, and no program's word for nothing.
_PLAIN_REFERENCE = re.compile(
    r"(?!urn:|(?:null|none|nil|nan|undefined)$)(?=.*[g-z_])[!\"$-.0-\[\]-}]+",
    re.IGNORECASE | re.ASCII,
)
_UUID = re.compile(
    r"(?:urn:uuid:)?\{?[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}\}?", re.IGNORECASE
)
_REVISION = re.compile(r"~r\d+$", re.IGNORECASE)
_SHORTENED_NUMBER = re.compile(r"\d+(?:[.,]\d+)?E[+-]\d+", re.IGNORECASE)
_NOTHING = frozenset({"null", "none", "nil", "nan", "#n/a", "n/a", "undefined"})
_SPREADSHEET_ERROR = re.compile(r"#(?:REF|VALUE|NAME|DIV/0|NUM|NULL|SPILL|CALC)[!?]", re.IGNORECASE)
_LATIN = re.compile("[A-Za-z]")
_LATIN_LOOKALIKES = re.compile("[\u0370-\u03ff\u0400-\u052f]")
_ANSWERS = {
    "true": True,
    "yes": True,
    "1": True,
    "false": False,
    "no": False,
    "0": False,
    "": False,
}


def url_fault(url: str) -> Fault | None:
    """Say why a media URL cannot be used: it must be http(s), with a host, without gaps."""
    if len(url) > LONGEST_URL:
        return Fault(f"has {len(url):,} characters, more than {LONGEST_URL:,}")
    if _PLAIN_URL.fullmatch(url):
        return None
    if not url:
        return Fault("is empty", "every row needs a link to its video and one to its audio")
    gap = _GAP.search(url)
    if gap is not None:
        return Fault(f"has {letter_name(gap[0])} at character {gap.start() + 1}", _gap_hint(gap[0]))
    if not url.lower().startswith(("http://", "https://")):
        return Fault("not an http(s) URL", "it must begin with https:// or http://")
    return _address_fault(url)


def _gap_hint(letter: str) -> str:
    return "write %20 for a space in a link" if letter == " " else "remove it"


def _address_fault(url: str) -> Fault | None:
    authority = re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]
    host = authority.rpartition("@")[2]
    if not host.strip(".:") or host.startswith((".", ":")) or ".." in host:
        return Fault("has no host", "a link reads https://host/path")
    if "\\" in url:
        return Fault("has a backslash", "separate the parts of a link with `/`")
    try:
        cut_url(url)
    except ValueError:
        # The exception's own text is not used: it quotes the URL.
        return Fault("not a valid URL", "check the host and the port")
    return None


def reference_fault(reference_id: str) -> Fault | None:
    """Say why a reference_id cannot be sent."""
    if len(reference_id) > LONGEST_REFERENCE:
        return Fault(
            f"has {len(reference_id):,} characters, more than {LONGEST_REFERENCE}", "shorten it"
        )
    if _PLAIN_REFERENCE.fullmatch(reference_id):
        return None
    return _odd_reference(reference_id)


def _odd_reference(reference_id: str) -> Fault | None:
    if not reference_id.isprintable():
        letter = next(each for each in reference_id if not each.isprintable())
        return Fault(f"has {letter_name(letter)}", "type it anew: it cannot be seen")
    if reference_id != reference_id.strip():
        return Fault("begins or ends with a space", "remove it")
    if "/" in reference_id or "\\" in reference_id:
        return Fault("has a slash", "use - or _ instead")
    return _confused_reference(reference_id)


def _confused_reference(reference_id: str) -> Fault | None:
    if not reference_id.strip("."):
        return Fault("is made of dots only", "give it a name that can stand in an address")
    if _UUID.fullmatch(reference_id):
        return Fault(
            "has the shape of a UUID, as the API's own request ids", "put a letter in front"
        )
    if _REVISION.search(reference_id):
        return Fault(
            "ends like a revision (`~r2`)", "such endings mark second orders; choose another"
        )
    return _damaged_reference(reference_id)


def _damaged_reference(reference_id: str) -> Fault | None:
    if _SHORTENED_NUMBER.fullmatch(reference_id):
        return Fault(
            f"{quoted(reference_id)} looks like a number that a spreadsheet has shortened",
            "format the column as text and enter the numbers again",
        )
    if reference_id.lower() in _NOTHING or _SPREADSHEET_ERROR.match(reference_id):
        return Fault(
            f"{quoted(reference_id)} is a program's word for nothing",
            "leave it empty, and it is made from the links",
        )
    if not reference_id.isascii() and _EMOJI.search(reference_id):
        return Fault("has an emoji", "use letters, digits and - . _")
    return None


def reference_doubt(reference_id: str) -> Fault | None:
    """Say what looks wrong with a usable reference_id: two that look alike are two orders."""
    if reference_id.isascii():
        return None
    if unicodedata.normalize("NFC", reference_id) != reference_id:
        return Fault(
            "has accents as separate characters",
            "the same name written otherwise would be another row",
        )
    if _LATIN.search(reference_id) and _LATIN_LOOKALIKES.search(reference_id):
        return Fault(
            "mixes Latin letters with Greek or Cyrillic ones that look alike",
            "check that it was typed in one alphabet",
        )
    return None


def flag_fault(text: str) -> Fault | None:
    """Say why a text is neither yes nor no; empty is no."""
    if text.lower() in _ANSWERS:
        return None
    return Fault(f"{quoted(text)} is neither true nor false", "write true, false, yes, no, 1 or 0")


def flag_value(text: str) -> bool:
    """Read a text that `flag_fault` found nothing wrong with."""
    return _ANSWERS[text.lower()]


def column_fault(text: str) -> Fault | None:
    """Say why a text of the user's own cannot be kept: control characters, half characters."""
    control = _CONTROL.search(text)
    if control is None:
        return None
    return Fault(f"has {letter_name(control[0])} at character {control.start() + 1}", "remove it")


def column_doubt(text: str) -> Fault | None:
    """Say that a text begins or ends with what cannot be seen; it is kept as it is."""
    edge = _INVISIBLE_EDGE.search(text)
    if edge is None:
        return None
    side = "ends" if edge.start() else "begins"
    return Fault(
        f"{side} with {letter_name(edge[0])}",
        "remove it: it cannot be seen, but makes another value",
    )


def letter_name(letter: str) -> str:
    """Name a character that cannot be shown: `a space`, `a tab`, `U+200B ZERO WIDTH SPACE`."""
    common = {" ": "a space", "\t": "a tab", "\n": "a line break", "\r": "a line break"}
    if letter in common:
        return common[letter]
    name = unicodedata.name(letter, "a control character")
    return f"U+{ord(letter):04X} {name}"

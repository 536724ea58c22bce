"""Keeping secrets out of everything that is written: the key, and the signed parts of URLs."""

from __future__ import annotations

import re

MASK = "[hidden]"


class Secret:
    """A text that masks itself wherever it is printed; only `reveal` gives it.

    Compares by value. Never pickled, never part of a repr, a log line or a traceback.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself: for the request header, and nothing else."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


_URL_IN_TEXT = re.compile(r"(https?://)([^\s\"'<>]+)", re.IGNORECASE)
_CREDENTIAL = re.compile(
    r"""(?ix) \b ( (?: authorization | x-api-key )
                   (?: ["'] \s* [:,] \s* b?["'] | \s* [:=] \s* ["']? )  # a header, a dict, a pair
                   (?: bearer \s+ | basic \s+ )?
                 | bearer \s+
                 ) [^\s"']+"""
)


def scrub(text: str, *secrets: Secret) -> str:
    """Cut from free text (an exception, a server's message) all that may be secret.

    `secrets` are replaced wherever they stand, also without surrounding white space; of every
    URL only scheme, host and path stay; what follows `Bearer` and the like goes.
    """
    for secret in secrets:
        for form in {secret.reveal(), secret.reveal().strip()} - {""}:
            text = text.replace(form, MASK)
    text = _CREDENTIAL.sub(lambda match: match[1] + MASK, text)
    return _URL_IN_TEXT.sub(_bare_url, text)


def _bare_url(match: re.Match[str]) -> str:
    rest = re.split(r"[?#]", match[2], maxsplit=1)
    authority, slash, path = rest[0].partition("/")
    host = authority.rpartition("@")[2]
    return f"{match[1]}{host}{slash}{path}" + (f"?{MASK}" if len(rest) > 1 else "")

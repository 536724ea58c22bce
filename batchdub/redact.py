"""Keeping secrets out of everything that is written: the key, and the signed parts of URLs."""

from __future__ import annotations

import base64
import re
from os.path import commonprefix
from urllib.parse import quote, unquote, urlsplit

MASK = "[hidden]"

_TELLING = 8
"""So many characters of a secret are enough to know it again."""


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


def login_secrets(url: str) -> tuple[Secret, ...]:
    """Give what must never be shown of a URL's login: whole and the password, also decoded."""
    try:
        login = urlsplit(url if "://" in url else f"//{url}").netloc.rpartition("@")[0]
    except ValueError:
        return ()
    password = login.partition(":")[2]
    forms = dict.fromkeys((login, unquote(login), password, unquote(password)))
    return tuple(Secret(form) for form in forms if form)


_URL_IN_TEXT = re.compile(r"(https?://)([^\s\"'<>]+)", re.IGNORECASE)
_CREDENTIAL = re.compile(
    r"""(?ix) \b ( (?: authorization | x-api-key )
                   (?: ["'] \s* [:,] \s* b?["'] | \s* [:=] \s* ["']? )  # a header, a dict, a pair
                   (?: bearer \s+ | basic \s+ )?
                 | bearer \s+
                 ) [^\s"']+"""
)


_PAIR = re.compile(
    r"""(?ix) (?<![\w.-])
              ( [\w.-]{0,64} (?: signature | credential | security-token | access_?key_?id
                          | accessid | api_?key | password | secret | token | policy | key-pair-id )
              | \b sig ) = [^\s&"'<>]+"""
)
# What a kind of key begins with (`sk_live_`) is no secret, and may be a word in any message.
_KIND_OF_KEY = re.compile(r"^(?:[A-Za-z]+[-_])*")


def scrub(text: str, *secrets: Secret) -> str:
    """Cut from free text (an exception, a server's message) all that may be secret.

    `secrets` are replaced wherever they stand, also without surrounding white space, percent-
    encoded, in base64, or cut off after their first eight characters; of every URL only scheme,
    host and path stay; what follows `Bearer`, `signature=` and the like goes.
    """
    for secret in secrets:
        text = _cut_secret(text, secret.reveal())
    text = _CREDENTIAL.sub(lambda match: match[1] + MASK, text)
    text = _URL_IN_TEXT.sub(_bare_url, text)
    return _PAIR.sub(lambda match: f"{match[1]}={MASK}", text)


def _cut_secret(text: str, secret: str) -> str:
    bare = secret.strip()
    for form in {secret, bare, quote(bare, safe=""), quote(bare)} - {""}:
        text = text.replace(form, MASK)
    if len(bare) < _TELLING:
        return text
    kind_length = len(bare) - len(_KIND_OF_KEY.sub("", bare, count=1))
    least = max(_TELLING, kind_length + _TELLING // 2)
    return _cut_base64(_cut_beginnings(text, bare, least), bare)


def _cut_beginnings(text: str, secret: str, least: int) -> str:
    """Cut what begins as the secret does, for so many characters at least."""
    start = text.find(secret[:least])
    while start >= 0 and least <= len(secret):
        same = commonprefix([secret, text[start : start + len(secret)]])  # noqa: RUF071  by character
        end = start + len(same)
        text = text[:start] + MASK + text[end:]
        start = text.find(secret[:least], start + len(MASK))
    return text


def _cut_base64(text: str, secret: str) -> str:
    # What stands before the secret (`user:`) shifts its bits by 0, 2 or 4 of a digit's six.
    raw = secret.encode("utf-8", "surrogatepass")
    for shift, first in ((0, 0), (1, 2), (2, 3)):
        digits = base64.b64encode(b"\0" * shift + raw).decode()
        whole = digits[first : (shift + len(raw)) * 8 // 6]
        for form in {whole, whole.translate(_URL_SAFE)}:
            if len(form) >= _TELLING and form in text:
                text = re.sub(rf"[\w+/-]{{0,200}}{re.escape(form)}[\w+/-]*=*", MASK, text)
    return text


_URL_SAFE = str.maketrans("+/", "-_")


def _bare_url(match: re.Match[str]) -> str:
    rest = re.split(r"[?#]", match[2], maxsplit=1)
    authority, slash, path = rest[0].partition("/")
    host = authority.rpartition("@")[2]
    return f"{match[1]}{host}{slash}{path}" + (f"?{MASK}" if len(rest) > 1 else "")

"""The secrets that are planted, and the search for them in every form that gives them away."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from urllib.parse import quote

_TELLING = 8


def _made(name: str) -> str:
    """Make a secret that looks like chance and is the same in every run; it has `+`, `/`, `=`."""
    digest = hashlib.sha256(f"planted {name}".encode()).digest()
    return base64.b64encode(digest[:17] + b"\xff\xef\xbe").decode() + "+/=="


KEY = _made("key")
BEARER = _made("bearer token")
PROXY_PASSWORD = _made("proxy password").replace("/", "_")
HOOK_TOKEN = _made("hook token").replace("/", "_")
URL_PASSWORDS = [_made(f"{medium} password").replace("/", "_") for medium in ("video", "audio")]
_NAMES = (
    "v4-credential", "v4-token", "v4-signature", "v2-id", "v2-signature", "cf-policy",
    "cf-signature", "cf-pair", "g4-credential", "g4-signature", "g2-id", "g2-signature",
    "azure-signature", "token", "column-signature",
)  # fmt: skip
_BY_MEDIUM = {
    medium: {name: _made(f"{medium} {name}") for name in _NAMES} for medium in ("video", "audio")
}

SECRETS: dict[str, str] = {
    "the key": KEY,
    "the bearer token": BEARER,
    "the proxy's password": PROXY_PASSWORD,
    "the hook's token": HOOK_TOKEN,
    "the video's login": URL_PASSWORDS[0],
    "the audio's login": URL_PASSWORDS[1],
} | {
    f"the {medium}'s {name}": text
    for medium, made in _BY_MEDIUM.items()
    for name, text in made.items()
}


def signed_queries(medium: str) -> dict[str, str]:
    """Give a signed query for every scheme that is recognised, and for one that is not."""
    part = {name: quote(text, safe="") for name, text in _BY_MEDIUM[medium].items()}
    amz, goog = "X-Amz-", "X-Goog-"
    v4 = "Algorithm={}&{p}Credential={}%2F20990101&{p}Date=20990101T000000Z&{p}Expires=604800"
    return {
        "aws-v4": f"{amz}{v4.format('AWS4-HMAC-SHA256', part['v4-credential'], p=amz)}"
        f"&{amz}Security-Token={part['v4-token']}&{amz}SignedHeaders=host"
        f"&{amz}Signature={part['v4-signature']}",
        "aws-v2": f"AWSAccessKeyId={part['v2-id']}&Expires=4070908800"
        f"&Signature={part['v2-signature']}",
        "cloudfront": f"Policy={part['cf-policy']}&Signature={part['cf-signature']}"
        f"&Key-Pair-Id={part['cf-pair']}",
        "google-v4": f"{goog}{v4.format('GOOG4-RSA-SHA256', part['g4-credential'], p=goog)}"
        f"&{goog}SignedHeaders=host&{goog}Signature={part['g4-signature']}",
        "google-v2": f"GoogleAccessId={part['g2-id']}&Expires=4070908800"
        f"&Signature={part['g2-signature']}",
        "azure": f"sv=2099-01-01&se=2099-01-01T00%3A00%3A00Z&sr=b&sp=r"
        f"&sig={part['azure-signature']}",
        "unknown": f"quality=high&auth_token={part['token']}",
    }


def column_link(medium: str) -> str:
    """Give a signed link such as users keep in columns of their own."""
    signature = quote(_BY_MEDIUM[medium]["column-signature"], safe="")
    return f"https://cdn.example.com/preview.mp4?AWSAccessKeyId=a&Expires=1&Signature={signature}"


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """Give what to search for: the beginning of a secret in each of its forms.

    The beginning finds the whole as well as what a cut left over.
    """
    yield "as it is", secret[:_TELLING].encode()
    yield "percent-encoded", quote(secret, safe="")[:_TELLING].encode()
    yield "in JSON", secret.replace("/", "\\/")[:_TELLING].encode()
    yield "in hex", secret.encode().hex()[: 2 * _TELLING].encode()
    yield "in UTF-16", secret[:_TELLING].encode("utf-16-le")
    for shift, first in ((0, 0), (1, 2), (2, 3)):
        digits = base64.b64encode(b"\0" * shift + secret.encode())
        yield "in base64", digits[first : first + _TELLING]
        yield "in base64", digits[first : first + _TELLING].translate(_URL_SAFE)


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_NEEDLES = tuple(
    (name, form, needle) for name, secret in SECRETS.items() for form, needle in forms(secret)
)


def found_in(content: bytes) -> list[str]:
    """Name the planted secrets that a content gives away, and in which form."""
    found = (f"{name}, {form}" for name, form, needle in _NEEDLES if needle in content)
    return list(dict.fromkeys(found))

"""What a media URL is, apart from its signature: the identity of a row, and what may be shown.

A signed link changes every time it is made, the file behind it does not. So a *recognised*
signature (AWS V4 and V2, CloudFront, Google, Azure SAS) is cut before two links are compared.
An unknown parameter is never cut: it may choose the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, unquote_plus, urlsplit, urlunsplit


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AWS_V4 = _names(
    "x-amz-algorithm x-amz-credential x-amz-date x-amz-expires x-amz-signedheaders "
    "x-amz-signature x-amz-security-token"
)
_AWS_V2 = _names("awsaccesskeyid expires signature x-amz-security-token")
_CLOUDFRONT = _names("expires policy signature key-pair-id hash-algorithm")
_GOOGLE_V4 = _names(
    "x-goog-algorithm x-goog-credential x-goog-date x-goog-expires x-goog-signedheaders "
    "x-goog-signature"
)
_GOOGLE_V2 = _names("googleaccessid expires signature")
_AZURE_SAS = _names(
    "sv ss srt sp st se spr sig sr si sip skoid sktid skt ske sks skv saoid suoid scid sdd ses "
    "rscc rscd rsce rscl rsct"
)
_SCHEMES: tuple[tuple[str, frozenset[str], frozenset[str]], ...] = (
    # name, the parameters that must all be there, the parameters that are cut
    ("AWS V4", frozenset({"x-amz-algorithm", "x-amz-signature"}), _AWS_V4),
    ("Google V4", frozenset({"x-goog-algorithm", "x-goog-signature"}), _GOOGLE_V4),
    ("Google V2", frozenset({"googleaccessid", "signature"}), _GOOGLE_V2),
    ("CloudFront", frozenset({"key-pair-id", "signature"}), _CLOUDFRONT),
    ("AWS V2", frozenset({"awsaccesskeyid", "signature"}), _AWS_V2),
    ("Azure SAS", frozenset({"sv", "sig"}), _AZURE_SAS),
)
_LOOKS_SECRET = (
    "auth", "credential", "hdnea", "hdnts", "hmac", "jwt", "key", "pass", "policy", "secret",
    "session", "sig", "token", "verify",
)  # fmt: skip
_DEFAULT_PORTS = {"http": 80, "https": 443}
# Lower-case scheme and host, no login, no port, no fragment: nothing that taking apart changes.
_PLAIN = re.compile(r"(https?://[a-z0-9.-]+/[!-\"$->@-~]*)(?:\?([!-\"$-~]*))?")
_LINK = re.compile(r"[a-z][a-z0-9+.-]{0,20}://[^\s\"'<>]+", re.IGNORECASE)
_TELLING = 8
_KEY_TAG = "m1"
_REFERENCE_TAG = "dub1"
_as_json = json.encoder.encode_basestring_ascii  # what the encoder does with a text


@dataclass(frozen=True, slots=True)
class CutUrl:
    """A media URL without its secrets.

    `identity` names the file: scheme, host, path and query less a recognised signature.
    `shown` is what ledger, reports and messages hold: no userinfo, no query if signed, and no
    value of a parameter that looks like a secret. `signature` names the scheme, or is empty.
    """

    identity: str
    shown: str
    signature: str


def cut_url(url: str) -> CutUrl:
    """Cut a whole http(s) URL; what cannot be split into parts raises ValueError."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port is not None and parts.port != _DEFAULT_PORTS.get(scheme):
        host = f"{host}:{parts.port}"
    signature, kept = _split_signature(parts.query)
    login = parts.netloc.rpartition("@")[0]
    # A login may choose the file as much as a path does; only its hash may enter the identity.
    owner = f"{hashlib.sha256(login.encode()).hexdigest()[:16]}@" if login else ""
    identity = urlunsplit((scheme, owner + host, parts.path, "&".join(kept), ""))
    shown_query = "" if signature else "&".join(map(_mask_parameter, kept))
    return CutUrl(identity, urlunsplit((scheme, host, parts.path, shown_query, "")), signature)


@lru_cache(maxsize=8)  # a row's two links, which one reading of it asks about several times
def _split_signature(query: str) -> tuple[str, tuple[str, ...]]:
    pieces = [piece for piece in query.split("&") if piece]
    scheme, kept = _sort_names(tuple([piece.partition("=")[0] for piece in pieces]))
    return scheme, tuple([pieces[place] for place in kept])


@lru_cache(maxsize=256)  # all the links of a manifest are signed in the same few ways
def _sort_names(written: tuple[str, ...]) -> tuple[str, tuple[int, ...]]:
    """Name the signature that parameters of these names make; and give the places of the others."""
    names = [_lower_name(name) for name in written]
    present = set(names)
    for scheme, needed, cut in _SCHEMES:
        if needed <= present:
            return scheme, tuple(place for place, name in enumerate(names) if name not in cut)
    return "", tuple(range(len(names)))


@lru_cache(maxsize=8)  # as above; the next rows have the same video
def identity_of(url: str) -> str:
    """Give `cut_url(url).identity`, without taking apart a URL that is written plainly."""
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        return cut_url(url).identity
    _, kept = _split_signature(plain[2]) if plain[2] else ("", ())
    return f"{plain[1]}?{'&'.join(kept)}" if kept else plain[1]


def shown_url(url: str) -> str:
    """Give `cut_url(url).shown`, without taking apart a URL that is written plainly."""
    plain = _PLAIN.fullmatch(url)
    if plain is None:
        return cut_url(url).shown
    signature, kept = _split_signature(plain[2]) if plain[2] else ("", ())
    query = "" if signature else "&".join(map(_mask_parameter, kept))
    return f"{plain[1]}?{query}" if query else plain[1]


def _name(piece: str) -> str:
    return _lower_name(piece.partition("=")[0])


@lru_cache(maxsize=1024)  # all the links of a manifest have the same few
def _lower_name(name: str) -> str:
    return unquote_plus(name).lower()


@lru_cache(maxsize=256)  # they say who signed it, and for how long
def _decoded(value: str) -> str:
    return unquote_plus(value)


def _mask_parameter(piece: str) -> str:
    name, equals, value = piece.partition("=")
    hide = equals and value and any(word in _name(piece) for word in _LOOKS_SECRET)
    return f"{name}=[hidden]" if hide else piece


def without_secrets(text: str) -> str:
    """Give a text of the user's own with every link in it as it may be shown.

    A link without a login, a signature and a parameter that looks like a secret stays as written.
    """
    return _LINK.sub(_shown_link, text) if "://" in text else text


def _shown_link(match: re.Match[str]) -> str:
    link = match[0]
    try:
        cut = cut_url(link)
        login = "@" in urlsplit(link).netloc
    except ValueError:
        return "[hidden]"
    return cut.shown if login or cut.signature or "=[hidden]" in cut.shown else link


def secrets_of(url: str) -> tuple[str, ...]:
    """Give all of a media URL that must never be shown: of its login and of its query.

    As written and decoded; nothing that is shorter than eight characters, which a search would
    find in any text. What is no URL has none.
    """
    try:
        parts = urlsplit(url)
        signature, kept = _split_signature(parts.query)
        login = parts.netloc.rpartition("@")[0]
    except ValueError:
        return ()
    found = [login, *login.split(":", 1)]
    for piece in parts.query.split("&"):
        name, _, value = piece.partition("=")
        cut = signature and piece not in kept
        if cut or any(word in _name(name) for word in _LOOKS_SECRET):
            found.append(value)
    found += [unquote(text) for text in found]
    return tuple(dict.fromkeys(text for text in found if len(text) >= _TELLING))


def signature_of(url: str) -> str:
    """Name the recognised signature of a URL, as `cut_url` does; empty without one."""
    _, mark, query = url.partition("#")[0].partition("?")
    return _split_signature(query)[0] if mark else ""


def signed_parameters(url: str, wanted: Container[str] | None = None) -> dict[str, str]:
    """Give a URL's query parameters, or the wanted ones, by lower-case name; the first wins."""
    found: dict[str, str] = {}
    for piece in url.partition("#")[0].partition("?")[2].split("&"):
        written, equals, value = piece.partition("=")
        name = _lower_name(written)
        if equals and (wanted is None or name in wanted) and name not in found:
            plain = "%" not in value and "+" not in value
            found[name] = value if plain else _decoded(value)
    return found


def media_key(video_url: str, audio_url: str, *, disable_speaker_detection: bool) -> str:
    """Derive the identity of a row's media, tagged with the algorithm: `m1:` and 32 hex digits.

    Two rows with the same key order the same dub. `disable_speaker_detection` is the API's
    `disable_active_speaker_detection`: another setting makes another dub.
    """
    # The three as a list in JSON, put together here: an encoder takes thrice the time for a list.
    video, audio = _as_json(identity_of(video_url)), _as_json(identity_of(audio_url))
    flag = "true" if disable_speaker_detection else "false"
    return f"{_KEY_TAG}:{_digest(f'[{video}, {audio}, {flag}]')[:32]}"


def bytes_of_key(key: str) -> bytes:
    """Pack a media key into 16 bytes, where a million of them are kept."""
    return bytes.fromhex(key[len(_KEY_TAG) + 1 :])


def key_of_bytes(packed: bytes) -> str:
    """Give the media key that `bytes_of_key` packed."""
    return f"{_KEY_TAG}:{packed.hex()}"


def made_reference_id(key: str) -> str:
    """Make a row's reference_id from its media key: `dub1-` and 24 hex digits."""
    return f"{_REFERENCE_TAG}-{_digest(_as_json(key))[:24]}"


def url_hash(url: str) -> str:
    """Hash a whole URL, signature included: 16 hex digits tell two links of a row apart."""
    return hashlib.sha256(url.encode()).hexdigest()[:16]


def _digest(json_text: str) -> str:
    return hashlib.sha256(json_text.encode()).hexdigest()

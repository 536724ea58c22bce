"""A call and its answer, as plain values: what the provider needs to know of HTTP.

The sockets are elsewhere, so that a simulation can make calls without any.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Mapping

_BAD_GATEWAY = """<html><head><title>{status} {reason}</title></head>
<body><center><h1>{status} {reason}</h1></center></body></html>
"""
_PIECES = 20
_WELCOME = "<!doctype html><html><body><h1>It works!</h1></body></html>\n"


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of a multipart body: its name, and 32 hex digits of its content's hash."""

    filename: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request. `segments` is the path, decoded; `form` is a multipart body.

    Header names are lower case. What may hold a key or a signature is not in the repr.
    """

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    form: Mapping[str, str | Upload] | None = field(default=None, repr=False)

    @property
    def verb(self) -> str:
        """The method, with HEAD as the GET that it is."""
        return "GET" if self.method == "HEAD" else self.method

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back: after `delay_s`, a response, or with `drop` a closed connection.

    The body's bytes take `lasts_s` to come; with `cut_at` the connection closes after so many.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    delay_s: float = 0.0
    drop: bool = False
    lasts_s: float = 0.0
    cut_at: int | None = None

    def pieces(self) -> list[bytes]:
        """Give the bytes that come, in the pieces that a body which takes its time has."""
        sent = self.body[: self.cut_at]
        size = max(1, -(-len(sent) // _PIECES)) if self.lasts_s else max(1, len(sent))
        return [sent[at : at + size] for at in range(0, len(sent), size)]


def make_call(
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes = b"",
    form: Mapping[str, str | Upload] | None = None,
) -> Call:
    """Make a call from what stands on the wire; `target` is the path, still encoded, and query."""
    path, _, query = target.partition("?")
    return Call(
        method=method.upper(),
        # Split before decoding: an id may hold an encoded slash.
        segments=tuple(unquote(segment) for segment in path.removeprefix("/").split("/")),
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
        form=form,
    )


DROP = Answer(status=0, headers={}, drop=True)


def json_answer(value: Mapping[str, Any], status: int = 200, **headers: str) -> Answer:
    """Answer with JSON; an underscore in a header's name stands for its hyphen."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, {"content-type": "application/json"} | named, json.dumps(value).encode())


def error_answer(status: int, text: str, **headers: str) -> Answer:
    """Answer with an error, as the API words all of them."""
    return json_answer({"error": text}, status, **headers)


def gateway_answer(status: int, reason: str) -> Answer:
    """Answer as a gateway in front of the API would: with its own page."""
    return _html(status, _BAD_GATEWAY.format(status=status, reason=reason))


def junk_answer(whole: Answer, *, html: bool) -> Answer:
    """Answer 200 with a page of HTML, or with the whole answer's JSON cut in half."""
    if html:
        return _html(200, _WELCOME)
    return Answer(200, whole.headers, whole.body[: len(whole.body) // 2])


def page_answer() -> Answer:
    """Answer 200 with a page, as a portal does in place of anything."""
    return _html(200, _WELCOME)


def _html(status: int, page: str) -> Answer:
    return Answer(status, {"content-type": "text/html; charset=utf-8"}, page.encode())

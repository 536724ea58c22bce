"""Fetching a dub's bytes: who gets the key, what is believed, and what an answer must say."""

from __future__ import annotations

import gzip

import httpx
import pytest

from batchdub.redact import Secret
from batchdub.sandbox.media import make_mp4
from batchdub.wire import (
    DownloadClient,
    DownloadFailedError,
    Head,
    MediaClient,
    Resume,
    Trouble,
)
from tests.support.virtual import VirtualClock
from tests.wire.answers import BASE, KEY, Wire

DUB = make_mp4("a")
STORE = "https://store.example.net/a.mp4?AWSAccessKeyId=1&Expires=2&Signature=hush-hush-hush"
OWN = "https://api.example.com/outputs/a.mp4"
VIDEO = {"content-type": "video/mp4", "etag": '"v1"'}


class Got:
    """What a fetch handed on."""

    def __init__(self):
        self.heads, self.body = [], b""

    async def begin(self, head):
        self.heads.append(head)

    async def take(self, chunk):
        self.body += chunk


async def fetch(*answers, url=STORE, resume=None):
    wire, got = Wire(*answers), Got()
    async with DownloadClient(BASE, KEY, lambda _: None, VirtualClock(), transport=wire) as client:
        got.failed = None
        try:
            await client.fetch(url, resume, got.begin, got.take)
        except DownloadFailedError as error:
            got.failed = error
    got.requests = wire.requests
    return got


def whole(body=DUB, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(200, headers=VIDEO | {"content-length": str(len(body))} | named,
                          stream=httpx.ByteStream(body))  # fmt: skip


def rest(start, body=DUB, **headers):
    ranged = {"content-range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(206, headers=VIDEO | ranged | named,
                          stream=httpx.ByteStream(body[start:]))  # fmt: skip


def redirect(location, status=302):
    return httpx.Response(status, headers={"location": location}, content=b"")


# -- the key --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [STORE, "https://api.example.com.evil.net/a.mp4", "http://api.example.com/a.mp4",
     "https://api.example.com:8443/a.mp4", "https://api.example.com@evil.net/a.mp4"],
)  # fmt: skip
async def test_the_key_goes_to_no_other_host(url):
    """Nor to another port or scheme of the same name."""
    got = await fetch(whole(), url=url)

    assert got.body == DUB
    assert KEY.reveal() not in str(got.requests[0].headers.raw)
    assert not {"authorization", "x-api-key", "cookie"} & set(got.requests[0].headers)


async def test_the_key_goes_to_the_apis_own_host_and_not_along_a_redirect():
    """Not even back to it: a redirect is the word of somebody else."""
    got = await fetch(redirect(STORE), redirect(OWN), whole(), url=OWN)

    assert got.body == DUB
    assert ["authorization" in request.headers for request in got.requests] == [True, False, False]


async def test_no_compression_is_asked_for_and_nobody_is_told_more_than_needed():
    got = await fetch(whole())

    assert got.requests[0].headers["accept-encoding"] == "identity"
    assert "range" not in got.requests[0].headers


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "http://store.example.net/a.mp4", "ftp://x/a", "https://[::1/a"],
)
async def test_no_redirect_leads_to_what_is_less_safe(location):
    got = await fetch(redirect(location))

    assert (got.failed.trouble, got.failed.message) == (
        Trouble.UNFIT, "it redirects to what is not https",
    )  # fmt: skip


async def test_a_circle_of_redirects_ends():
    got = await fetch(*[redirect(STORE)] * 6)

    assert "more than 5 times" in got.failed.message


@pytest.mark.parametrize("url", ["", "a.mp4", "file:///a.mp4", "https://", "https://[::1/a"])
async def test_a_link_that_is_none_is_not_called(url):
    got = await fetch(url=url)

    assert got.failed.trouble is Trouble.UNFIT
    assert got.requests == []


@pytest.mark.parametrize(
    "error", [httpx.ConnectError(f"cannot reach {STORE}"), ValueError(KEY.reveal()), TimeoutError()]
)
async def test_what_the_network_says_is_told_without_secrets(error):
    got = await fetch(error)

    assert got.failed.trouble is Trouble.CUT
    assert got.failed.message
    assert "hush" not in got.failed.message
    assert KEY.reveal() not in got.failed.message
    assert got.failed.__cause__ is got.failed.__context__ is None


# -- what is believed -----------------------------------------------------------------------------


async def test_a_rest_is_asked_for_and_taken():
    got = await fetch(rest(100), resume=Resume(100, '"v1"', len(DUB)))

    headers = got.requests[0].headers
    assert (headers["range"], headers["if-range"]) == ("bytes=100-", '"v1"')
    assert got.heads == [Head(100, len(DUB) - 100, len(DUB), '"v1"')]
    assert got.body == DUB[100:]


@pytest.mark.parametrize(
    "answer",
    [
        rest(99), rest(100, etag='"v2"'), rest(100, etag='W/"v1"'), rest(100, DUB + b"x"),
        rest(100, content_range="bytes 100-5/9"), rest(100, content_range="bytes */9"),
        rest(100, content_range=f"bytes 100-{len(DUB)}/{len(DUB)}"),
        rest(100, content_encoding="gzip"), httpx.Response(206, headers=VIDEO, content=b"x"),
        httpx.Response(416, content=b""),
    ],
)  # fmt: skip
async def test_a_rest_that_may_be_another_files_is_not_taken(answer):
    """F-114: another version, another size, or other bytes than were asked for."""
    got = await fetch(answer, resume=Resume(100, '"v1"', len(DUB)))

    assert (got.failed.trouble, got.body) == (Trouble.CHANGED, b"")


async def test_a_whole_in_place_of_a_rest_begins_anew():
    """A server may know no ranges, or know that the file has changed."""
    got = await fetch(whole(), resume=Resume(100, '"v0"', 7))

    assert got.heads[0].start == 0
    assert got.body == DUB


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({}, '"v1"'),
        ({"etag": 'W/"v1"', "last_modified": "Sun, 01 Mar 2026 21:00:00 GMT"}, ""),
        ({"etag": "v1"}, ""),
        ({"etag": "", "last_modified": "Sun, 01 Mar 2026 21:00:00 GMT"},
         "Sun, 01 Mar 2026 21:00:00 GMT"),
        ({"etag": "", "last_modified": "Sun, 01 Mar 2026 21:59:30 GMT"}, ""),
        ({"etag": "", "last_modified": "yesterday"}, ""),
    ],
)  # fmt: skip
async def test_only_a_sure_version_is_gone_on_with(headers, validator):
    """A weak ETag is of what looks alike; a date of just now may name two files."""
    got = await fetch(whole(date="Sun, 01 Mar 2026 22:00:00 GMT", **headers))

    assert got.heads[0].validator == validator


@pytest.mark.parametrize("status", [401, 403, 404, 410])
async def test_a_refused_link_is_gone(status):
    got = await fetch(httpx.Response(status, content=b""))
    assert got.failed.trouble is Trouble.GONE


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_a_busy_server_is_asked_again_when_it_wants(status):
    got = await fetch(httpx.Response(status, headers={"retry-after": "7"}, content=b""))
    assert (got.failed.trouble, got.failed.retry_after_s) == (Trouble.BUSY, 7)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(204), httpx.Response(206, content=b"x"), httpx.Response(304),
        whole(content_type="text/html"), whole(content_type="application/json; charset=utf-8"),
        whole(content_type="application/problem+xml"), whole(content_encoding="br"), whole(b""),
        whole(b"<html>" * 9), whole(b"\0\0\0\x20gtyp" * 4), whole(b"\0" * 11),
    ],
)  # fmt: skip
async def test_what_is_no_dub_is_not_taken(answer):
    """F-115: by status, type, encoding, size and first bytes."""
    got = await fetch(answer)

    assert (got.failed.trouble, got.body) == (Trouble.UNFIT, b"")


@pytest.mark.parametrize("kind", ["", "application/octet-stream", "binary/octet-stream"])
async def test_a_store_that_does_not_know_what_it_has_is_believed_by_the_bytes(kind):
    """Stores give files the type that they were uploaded with, if any."""
    for body in (DUB, b"\x1aE\xdf\xa3" + b"webm" * 9, b"RIFF....AVI " + b"avi" * 9):
        assert (await fetch(whole(body, content_type=kind))).body == body


async def test_bytes_that_were_compressed_on_the_way_are_undone():
    """Nobody asked for it; their length then says nothing, and their rest is worth nothing."""
    packed = gzip.compress(DUB)

    got = await fetch(whole(packed, content_encoding="gzip"))
    assert got.body == DUB
    assert (got.heads[0].total, got.heads[0].validator) == (None, "")

    for spoilt, trouble in ((packed[:-9], Trouble.CUT), (b"no gzip at all", Trouble.UNFIT)):
        got = await fetch(whole(spoilt, content_encoding="gzip"))
        assert got.failed.trouble is trouble


async def test_a_body_without_a_length_is_told_apart_from_a_whole_one():
    """Whoever takes it has to look whether it is whole."""
    answer = httpx.Response(200, headers=VIDEO, stream=httpx.ByteStream(DUB))

    got = await fetch(answer)
    assert (got.heads[0].total, got.body) == (None, DUB)


async def test_what_the_taker_raises_passes_through():
    """A full disk is not the network's fault."""
    wire, got = Wire(whole()), Got()

    async def take(_):
        raise OSError(28, "No space left on device")

    async with DownloadClient(BASE, KEY, lambda _: None, VirtualClock(), transport=wire) as client:
        with pytest.raises(OSError, match="No space left"):
            await client.fetch(STORE, None, got.begin, take)
        assert repr(client) == "DownloadClient()"


async def test_each_proxy_has_connections_of_its_own():
    proxies = {"https://a.invalid/": None, "https://b.invalid/": Secret("http://proxy.invalid:1")}
    async with DownloadClient(BASE, KEY, proxies.get, VirtualClock()) as client:
        assert client._roads.to("https://a.invalid/") is not client._roads.to("https://b.invalid/")


@pytest.mark.parametrize("client_kind", [DownloadClient, MediaClient])
async def test_a_proxy_that_gives_its_login_back_is_not_repeated(client_kind):
    """A refusal may quote what it refused."""
    proxy = Secret("http://studio:hunter2-hunter2@proxy.invalid:1")
    wire = Wire(*[ValueError("407: no studio:hunter2-hunter2, hunter2-hunter2")] * 2)
    if client_kind is MediaClient:
        async with MediaClient(lambda _: proxy, transport=wire) as client:
            said = (await client.look(STORE)).failure
    else:
        got = Got()
        client = DownloadClient(BASE, KEY, lambda _: proxy, VirtualClock(), transport=wire)
        with pytest.raises(DownloadFailedError) as raised:
            await client.fetch(STORE, None, got.begin, got.take)
        said = raised.value.message
    assert "407" in said
    assert "hunter2" not in said

"""Looking at a medium: one answer read to its head, whatever stands at the other end."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from batchdub.models import MediaLook
from batchdub.redact import Secret
from batchdub.wire import MediaClient

URL = "https://media.example.com/a.mp4?sig=hush"


class Body(httpx.AsyncByteStream):
    """A body that must not be read."""

    async def __aiter__(self):
        raise AssertionError("the body was read")
        yield b""


class Servers(httpx.AsyncBaseTransport):
    """Answers by method and URL: (status, headers), or an exception; keeps what was asked."""

    def __init__(self, answers):
        self.answers = answers
        self.asked = []
        self.closed = False

    async def handle_async_request(self, request):
        self.asked.append(request)
        answer = self.answers[request.method, str(request.url)]
        if isinstance(answer, Exception):
            raise answer
        if answer is None:
            await asyncio.sleep(3600)
        status, headers = answer
        return httpx.Response(status, headers=headers, stream=Body(), request=request)


async def look(answers, url=URL):
    servers = Servers(answers)
    async with MediaClient(lambda _: None, transport=servers) as client:
        return await client.look(url), servers.asked


async def test_a_head_tells_type_size_and_version():
    """One call, without a key, and without a cookie."""
    headers = {
        "content-type": "Video/MP4; codecs=avc1", "content-length": "123456789",
        "etag": '"abc"', "last-modified": "Wed, 25 Nov 2026 20:00:00 GMT",
    }  # fmt: skip

    seen, asked = await look({("HEAD", URL): (200, headers)})

    assert seen == MediaLook(200, "video/mp4", 123456789, '"abc"', "Wed, 25 Nov 2026 20:00:00 GMT")
    assert len(asked) == 1
    assert not {"authorization", "x-api-key", "cookie"} & set(asked[0].headers)


@pytest.mark.parametrize("status", [403, 404, 405, 501, 503])
async def test_whoever_refuses_head_is_asked_for_one_byte(status):
    """A link that is signed for GET refuses HEAD, as S3 does."""
    part = {"content-type": "video/mp4", "content-range": "bytes 0-0/4242", "content-length": "1"}

    seen, asked = await look({("HEAD", URL): (status, {}), ("GET", URL): (206, part)})

    assert (seen.status, seen.length) == (206, 4242)
    assert asked[1].headers["range"] == "bytes=0-0"


async def test_a_server_that_knows_no_ranges_is_not_read_to_the_end():
    """Its whole film would come."""
    seen, _ = await look({("HEAD", URL): (405, {}), ("GET", URL): (200, {"content-length": "7"})})
    assert (seen.status, seen.length) == (200, 7)


async def test_an_empty_file_has_no_first_byte():
    """416, and a length of zero."""
    nothing = (416, {"content-range": "bytes */0"})
    seen, _ = await look({("HEAD", URL): (403, {}), ("GET", URL): nothing})
    assert (seen.status, seen.length) == (200, 0)


async def test_redirects_are_followed_a_little():
    """Media servers send on to their edge; a circle ends."""
    there = "https://edge.example.com/a.mp4"
    seen, asked = await look(
        {("HEAD", URL): (302, {"location": "//edge.example.com/a.mp4"}), ("HEAD", there): (200, {})}
    )
    assert (seen.status, [request.url.host for request in asked]) == (
        200, ["media.example.com", "edge.example.com"],
    )  # fmt: skip

    circle = {(method, URL): (307, {"location": URL}) for method in ("HEAD", "GET")}
    seen, asked = await look(circle)
    assert "redirects more than 5 times" in seen.failure
    assert len(asked) == 12


async def test_no_redirect_leads_out_of_http():
    """Neither to a file of this machine."""
    out = {(method, URL): (302, {"location": "file:///etc/passwd"}) for method in ("HEAD", "GET")}
    seen, _ = await look(out)
    assert (seen.status, seen.failure) == (None, "it redirects to something that is not http(s)")


@pytest.mark.parametrize(
    "wrong",
    [httpx.ConnectError("refused"), ValueError(f"odd {URL}"), None],
    ids=["no", "odd", "late"],
)
async def test_what_goes_wrong_is_part_of_what_was_seen(wrong):
    """Nothing is raised, nothing waits for ever, and no signature is told."""
    seen, _ = await look({(method, URL): wrong for method in ("HEAD", "GET")})
    assert seen.status is None
    assert seen.failure
    assert "hush" not in seen.failure


async def test_headers_that_make_no_sense_are_left_out():
    """A length of words, or one that no ledger can hold."""
    for length in ("many", "9" * 30):
        seen, _ = await look({("HEAD", URL): (200, {"content-length": length})})
        assert seen.length is None


async def test_what_a_server_repeats_of_the_link_is_cut_out():
    """F-69: its ETag is kept in the ledger, its type may be shown."""
    signed = "https://media.example.com/a.mp4?Signature=4fK9aQ1c77ZxHush&Key-Pair-Id=8bR2Hush5nQp"
    headers = {
        "etag": '"v1 4fK9aQ1c77ZxHush"', "content-type": f"video/4fK9aQ1c77Zx; of={signed}",
        "last-modified": f"{signed}, 8bR2Hush5nQp",
    }  # fmt: skip

    seen, _ = await look({("HEAD", signed): (200, headers)}, signed)

    assert seen.etag.startswith('"v1 ')
    assert not any(text in repr(seen).lower() for text in ("hush", "4fk9aq1c"))


async def test_connections_are_kept_apart_by_proxy():
    """A company's own media are not behind it, others are."""
    proxies = {"https://a.invalid/": None, "https://b.invalid/": Secret("http://proxy.invalid:1")}
    async with MediaClient(proxies.get) as client:
        first = client._roads.to("https://a.invalid/")
        assert client._roads.to("https://a.invalid/") is first
        assert client._roads.to("https://b.invalid/") is not first

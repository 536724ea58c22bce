"""The sandbox's host of media: a folder's files, as a probe and a fetch see them."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import httpx
import pytest

from batchdub.errors import UnusableInputError
from batchdub.sandbox.books import Books
from batchdub.sandbox.calls import make_call
from batchdub.sandbox.media_host import MediaHost
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox
from batchdub.sandbox.settings import SandboxSettings


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "outside.wav").write_bytes(b"not yours")
    media = tmp_path / "media"
    (media / "ja").mkdir(parents=True)
    (media / "ja" / "1 a.wav").write_bytes(b"first mix")
    (media / ".hidden.wav").write_bytes(b"hidden")
    (media / "out.wav").symlink_to(tmp_path / "outside.wav")
    return media


def get(folder, target, method="GET", **headers):
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return MediaHost(folder).answer(make_call(method, target, named))


def test_a_file_is_served_with_what_tells_its_version(folder):
    """And a HEAD says as much without a byte."""
    path = folder / "ja" / "1 a.wav"
    os.utime(path, (1_772_402_400, 1_772_402_400))

    whole, head = (get(folder, "/media/ja/1%20a.wav", method) for method in ("GET", "HEAD"))

    assert (whole.status, whole.body, head.body) == (200, b"first mix", b"")
    assert head.headers["content-length"] == "9"
    assert whole.headers["content-type"] == "audio/wav"
    assert whole.headers["last-modified"] == "Sun, 01 Mar 2026 22:00:00 GMT"
    assert whole.headers["etag"] == head.headers["etag"]
    path.write_bytes(b"other mix")
    assert get(folder, "/media/ja/1%20a.wav").headers["etag"] != whole.headers["etag"]


def test_a_range_of_a_file(folder):
    """As the probe asks for where a HEAD is refused."""
    part = get(folder, "/media/ja/1%20a.wav", range="bytes=0-0")
    assert (part.status, part.body) == (206, b"f")
    assert part.headers["content-range"] == "bytes 0-0/9"
    assert get(folder, "/media/ja/1%20a.wav", range="bytes=9-").status == 416


@pytest.mark.parametrize(
    "target",
    ["", "/", "/ja", "/no.wav", "/.hidden.wav", "/out.wav", "/../outside.wav", "/%00.wav",
     "/%2e%2e/outside.wav", "/ja/..%2f..%2foutside.wav", "/ja//1%20a.wav"],
)  # fmt: skip
def test_what_is_no_file_of_the_folder_is_not_found(folder, target):
    """Nothing that lies outside can be had through it."""
    assert get(folder, f"/media{target}").status == 404


def test_nothing_is_written_through_it(folder):
    """It is changed by whoever changes the files."""
    assert get(folder, "/media/ja/1%20a.wav", "PUT").status == 405
    with pytest.raises(UnusableInputError, match="not a folder"):
        MediaHost(folder / "none")


@pytest.mark.real_time
def test_it_stands_beside_the_api(folder):
    """Over real sockets, HEAD included; without a folder there is no such place."""
    provider = Provider(Books(), SandboxSettings(), lambda: datetime.now(UTC))
    with RunningSandbox(provider, media=MediaHost(folder)) as sandbox:
        root = sandbox.base_url.removesuffix("/api")
        head = httpx.head(f"{root}/media/ja/1%20a.wav")
        assert (head.status_code, head.headers["content-length"]) == (200, "9")
        assert httpx.get(f"{root}/media/ja/1%20a.wav").content == b"first mix"
        assert httpx.get(f"{root}/api/health").json() == {"status": "ok"}
    with RunningSandbox(provider) as sandbox:
        root = sandbox.base_url.removesuffix("/api")
        assert httpx.get(f"{root}/media/ja/1%20a.wav").status_code == 404

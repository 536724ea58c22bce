"""The vendor's own SDK against the sandbox, with strict validation of every answer.

What it accepts of the real API it must accept of ours, and raise what it would raise.
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import chamelaion
import pytest

from batchdub.redact import Secret
from batchdub.sandbox.books import Books
from batchdub.sandbox.faults import parse_faults
from batchdub.sandbox.provider import Provider
from batchdub.sandbox.server import RunningSandbox
from batchdub.sandbox.settings import SandboxSettings
from batchdub.units import UNLIMITED, Rate
from tests.sandbox.driving import AUDIO, VIDEO, let_dubs_finish

pytestmark = pytest.mark.real_time
INPUTS = [VIDEO, AUDIO]


def sandbox(*faults, **settings):
    settings = {"rate": UNLIMITED, "key": Secret("the-key"), "faults": parse_faults(faults)} | (
        settings
    )
    provider = Provider(Books(), SandboxSettings(**settings), lambda: datetime.now(UTC))
    return RunningSandbox(provider)


def options(running, **others):
    return {
        "base_url": running.base_url,
        "bearer_token": "the-key",
        "max_retries": 0,
        "_strict_response_validation": True,
    } | others


def test_the_sync_sdk_orders_polls_and_lists():
    """Every method that it has for lip sync, once through."""
    with sandbox() as running, chamelaion.Chamelaion(**options(running)) as client:
        assert client.health.check().status == "ok"
        assert client.users.retrieve_current().name == "a stand-in account"
        made = client.lipsync.generate(
            inputs=INPUTS, reference_id="S01E01 ja", disable_active_speaker_detection=True
        )
        UUID(made.request_id)
        uploaded = client.lipsync.generate_with_media(
            video=("v.mp4", b"video"),
            audio=("a.wav", b"audio"),
            reference_id="up",
            disable_active_speaker_detection=True,
        )
        assert client.lipsync.requests.retrieve("S01E01 ja").status == "queued"
        let_dubs_finish(running.provider)
        found = client.lipsync.requests.retrieve("S01E01 ja")
        assert (found.id, found.status) == (made.request_id, "completed")
        assert found.created_at < found.started_at < found.finished_at
        page = client.lipsync.requests.list(limit=1, offset=1)
        assert [one.id for one in page.data] == [made.request_id]
        assert (page.pagination.limit, page.pagination.offset, page.pagination.total) == (1, 1, 2)
        assert client.lipsync.requests.list(reference_id="up").data[0].id == uploaded.request_id
    first, second = running.provider.books.orders
    assert first.disable_active_speaker_detection
    assert second.disable_active_speaker_detection
    assert [medium.url for medium in second.inputs] == ["upload:v.mp4", "upload:a.wav"]


async def test_the_async_sdk_orders_polls_and_lists():
    """The same through the asynchronous client, with the other header for the key."""
    with sandbox() as running:
        chosen = options(running, bearer_token=None, api_key="the-key")
        async with chamelaion.AsyncChamelaion(**chosen) as client:
            assert (await client.health.check()).status == "ok"
            assert (await client.users.retrieve_current()).name == "a stand-in account"
            made = await client.lipsync.generate(inputs=INPUTS, reference_id="ref")
            uploaded = await client.lipsync.generate_with_media(video=b"video", audio=b"audio")
            for request_id in (made.request_id, uploaded.request_id):
                assert (await client.lipsync.requests.retrieve(request_id)).id == request_id
            page = await client.lipsync.requests.list(reference_id="ref")
            assert (page.pagination.total, page.data[0].reference_id) == (1, "ref")
            assert (await client.lipsync.requests.list()).pagination.total == 2


def test_a_failed_dub_validates_too():
    """With its message, without an output."""
    with sandbox("fail=1") as running, chamelaion.Chamelaion(**options(running)) as client:
        made = client.lipsync.generate(inputs=INPUTS)
        let_dubs_finish(running.provider)
        found = client.lipsync.requests.retrieve(made.request_id)
        assert (found.status, found.output_url) == ("failed", None)
        assert found.error_message == "video URL is not accessible"


@pytest.mark.parametrize(
    ("error", "status", "faults", "settings", "others"),
    [
        (chamelaion.AuthenticationError, 401, (), {}, {"bearer_token": "other"}),
        (chamelaion.APIStatusError, 412, (), {"tokens": 0}, {}),
        (chamelaion.RateLimitError, 429, (), {"rate": Rate(1, 3600.0)}, {}),
        (chamelaion.InternalServerError, 500, ("error-after=1",), {}, {}),
        (chamelaion.InternalServerError, None, ("gateway-before=1",), {}, {}),
    ],
)
def test_each_refusal_is_the_error_that_the_sdk_has_for_it(error, status, faults, settings, others):
    """By status, with the API's text in its body."""
    with (
        sandbox(*faults, **settings) as running,
        chamelaion.Chamelaion(**options(running, **others)) as client,
        pytest.raises(error) as caught,
    ):
        [client.lipsync.generate(inputs=INPUTS, reference_id="ref") for _ in range(2)]
    assert caught.value.status_code == (status or caught.value.status_code)
    assert status is None or list(caught.value.body) == ["error"]


def test_bad_bodies_and_unknown_ids_are_the_sdks_errors():
    """400 and 404."""
    with sandbox() as running, chamelaion.Chamelaion(**options(running)) as client:
        with pytest.raises(chamelaion.BadRequestError, match="exactly one audio"):
            client.lipsync.generate(inputs=[VIDEO])
        with pytest.raises(chamelaion.BadRequestError, match="video file is required"):
            client.post(
                "/v1/lipsync/generate-with-media",
                cast_to=object,
                body={"reference_id": "x"},
                files={"audio": b"audio"},
                options={"headers": {"Content-Type": "multipart/form-data"}},
            )
        with pytest.raises(chamelaion.NotFoundError, match="lipsync request not found"):
            client.lipsync.requests.retrieve("no-such")
        with pytest.raises(chamelaion.BadRequestError):
            client.lipsync.requests.list(limit=0)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("drop-after=1", chamelaion.APIConnectionError),
        ("slow=1:1h", chamelaion.APITimeoutError),
        ("junk-after=1", Exception),
    ],
)
def test_lost_answers_are_errors_while_the_order_stands(fault, error):
    """The very confusion that the sandbox is there to rehearse."""
    with sandbox(fault) as running, chamelaion.Chamelaion(**options(running)) as client:
        with pytest.raises(error):
            client.lipsync.generate(inputs=INPUTS, reference_id="ref", timeout=0.3)
        assert running.provider.orders("ref") == 1


def test_the_sdks_own_retries_order_again():
    """One call, three orders: what an ordinary loop around the SDK pays for."""
    with sandbox("drop-after=1") as running:
        chosen = options(running, max_retries=2)
        with (
            chamelaion.Chamelaion(**chosen) as client,
            pytest.raises(chamelaion.APIConnectionError),
        ):
            client.lipsync.generate(inputs=INPUTS, reference_id="ref")
        assert running.provider.orders("ref") == 3

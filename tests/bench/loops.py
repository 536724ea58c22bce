"""What batchdub is compared with: plain loops over a manifest that keep no record.

    python -m tests.bench.loops KIND BASE_URL MANIFEST CONCURRENCY

`sdk` is the vendor's async SDK as it is installed, `sdk-aiohttp` the same on its aiohttp client;
`transport` calls the transport that batchdub uses, `client` puts httpx's client on top of it, and
`session` is aiohttp alone. `order` is batchdub's own client without the ledger.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx

from batchdub.clock import SystemClock
from batchdub.redact import Secret
from batchdub.wire import ApiClient, build_transport, generate_body

KEY = "bench-key"
_HEADERS = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
_TIMEOUT = {"timeout": {"connect": 10.0, "pool": 10.0, "read": 60.0, "write": 60.0}}


def _body(row) -> bytes:
    body = generate_body(
        row["reference_id"], row["video_url"], row["audio_url"],
        disable_active_speaker_detection=False,
    )  # fmt: skip
    return json.dumps(body).encode()


@asynccontextmanager
async def _sdk(base_url, _concurrency, **options):
    import chamelaion  # noqa: PLC0415  its import is not to be charged to the other loops

    chosen = {"http_client": chamelaion.DefaultAioHttpClient()} if options else {}
    async with chamelaion.AsyncChamelaion(base_url=base_url, bearer_token=KEY, **chosen) as client:

        async def order(row):
            inputs = [
                {"type": "video", "url": row["video_url"]},
                {"type": "audio", "url": row["audio_url"]},
            ]
            made = await client.lipsync.generate(inputs=inputs, reference_id=row["reference_id"])
            return made.request_id

        yield order


def _sdk_aiohttp(base_url, concurrency):
    return _sdk(base_url, concurrency, aiohttp=True)


@asynccontextmanager
async def _transport(base_url, concurrency):
    url = httpx.URL(f"{base_url}/v1/lipsync/generate")
    transport = build_transport(max_connections=concurrency, fresh_connections=False)

    async def order(row):
        request = httpx.Request(
            "POST", url, headers=_HEADERS, content=_body(row), extensions=_TIMEOUT
        )
        response = await transport.handle_async_request(request)
        return json.loads(await response.aread())["request_id"]

    yield order
    await transport.aclose()


@asynccontextmanager
async def _client(base_url, concurrency):
    transport = build_transport(max_connections=concurrency, fresh_connections=False)
    async with httpx.AsyncClient(transport=transport, headers=_HEADERS) as client:

        async def order(row):
            answer = await client.post(f"{base_url}/v1/lipsync/generate", content=_body(row))
            return answer.json()["request_id"]

        yield order


@asynccontextmanager
async def _session(base_url, concurrency):
    connector = aiohttp.TCPConnector(limit=concurrency)
    async with aiohttp.ClientSession(connector=connector, headers=_HEADERS) as session:

        async def order(row):
            target = f"{base_url}/v1/lipsync/generate"
            async with session.post(target, data=_body(row)) as answer:
                return json.loads(await answer.read())["request_id"]

        yield order


@asynccontextmanager
async def _order(base_url, concurrency):
    transport = build_transport(max_connections=concurrency, fresh_connections=False)
    async with ApiClient(base_url, Secret(KEY), transport, SystemClock()) as api:

        async def order(row):
            body = generate_body(
                row["reference_id"], row["video_url"], row["audio_url"],
                disable_active_speaker_detection=False,
            )  # fmt: skip
            return (await api.generate(body)).request_id

        yield order


KINDS = {
    "sdk": _sdk,
    "sdk-aiohttp": _sdk_aiohttp,
    "transport": _transport,
    "client": _client,
    "session": _session,
    "order": _order,
}


async def _loop(kind, base_url, rows, concurrency):
    waiting = iter(rows)
    async with KINDS[kind](base_url, concurrency) as order:

        async def work():
            for row in waiting:
                assert await order(row)

        async with asyncio.TaskGroup() as group:
            for _ in range(concurrency):
                group.create_task(work())


def main(kind, base_url, manifest, concurrency):
    """Order every row of a manifest."""
    with Path(manifest).open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    asyncio.run(_loop(kind, base_url, rows, int(concurrency)))


if __name__ == "__main__":
    main(*sys.argv[1:])

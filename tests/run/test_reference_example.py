"""The API reference's own example, from a manifest to the body that is sent."""

from __future__ import annotations

import json

from batchdub.run.source import Choice, open_source
from tests.support.night import Night

EXAMPLE = """\
reference_id,video_url,audio_url
dub-episode-42,https://cdn.example.com/episodes/42.mp4,https://cdn.example.com/dubs/42-japanese.wav
"""


async def test_the_reference_s_example_as_a_manifest_gives_exactly_its_body(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.csv").write_text(EXAMPLE)
    night = Night(tmp_path)
    bodies = []
    send = night.transport.handle_async_request

    async def watch(request):
        if request.method == "POST":
            bodies.append(json.loads(await request.aread()))
        return await send(request)

    night.transport.handle_async_request = watch

    await night.run([row for _, row in open_source(["example.csv"], Choice(), print).numbered()])

    assert bodies == [
        {
            "inputs": [
                {"type": "video", "url": "https://cdn.example.com/episodes/42.mp4"},
                {"type": "audio", "url": "https://cdn.example.com/dubs/42-japanese.wav"},
            ],
            "reference_id": "dub-episode-42",
        }
    ]

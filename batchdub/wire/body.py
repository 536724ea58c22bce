"""The JSON body of a generate call: exactly what the API documents, nothing else."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from batchdub.media_url import secrets_of
from batchdub.redact import Secret


class MediaInput(TypedDict):
    """One of the two inputs of a dub."""

    type: Literal["video", "audio"]
    url: str


class GenerateBody(TypedDict):
    """The body as it goes over the wire; the URLs are whole, so it is never written anywhere."""

    inputs: list[MediaInput]
    reference_id: str
    disable_active_speaker_detection: NotRequired[bool]


def generate_body(
    reference_id: str,
    video_url: str,
    audio_url: str,
    disable_active_speaker_detection: bool,  # noqa: FBT001  the API's own field, named as there
) -> GenerateBody:
    """Make the body of one order: the video first, then the audio, then the reference_id.

    `disable_active_speaker_detection` is sent only when true: false is the API's default.
    """
    body = GenerateBody(
        inputs=[{"type": "video", "url": video_url}, {"type": "audio", "url": audio_url}],
        reference_id=reference_id,
    )
    if disable_active_speaker_detection:
        body["disable_active_speaker_detection"] = True
    return body


def secrets_in_body(body: GenerateBody) -> tuple[Secret, ...]:
    """Give what an answer may repeat of a body and nobody may see: its URLs' signatures."""
    return tuple(Secret(text) for each in body["inputs"] for text in secrets_of(each["url"]))

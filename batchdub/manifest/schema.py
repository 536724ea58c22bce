"""What a manifest may hold, for editors (`batchdub schema`) and for beginners (`batchdub init`)."""

from __future__ import annotations

from typing import Any

from batchdub.manifest.fields import LONGEST_REFERENCE, LONGEST_URL
from batchdub.manifest.names import ALIASES, AUDIO, FLAG, REFERENCE, VIDEO

_TEXT = {"type": ["string", "number", "boolean", "null"]}
_LINK_TEXT = "http(s) link to the {}; `{{column}}` is filled from the row's columns."


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a YAML or JSON manifest.

    It is for completion and hints in an editor; `batchdub validate` checks more.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "batchdub manifest",
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "What people call this batch."},
            "defaults": {
                "$ref": "#/$defs/row",
                "description": "Values for every row that does not give its own.",
            },
            "jobs": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/row"}},
            "matrix": _matrix(),
        },
        "oneOf": [{"required": ["jobs"]}, {"required": ["matrix"]}],
        "additionalProperties": False,
        "$defs": {"row": _row()},
    }


def _matrix() -> dict[str, Any]:
    return {
        "type": "object",
        "minProperties": 1,
        "description": "Lists that multiply: a row of every combination, the last varies fastest.",
        "additionalProperties": {"type": "array", "minItems": 1, "items": _TEXT},
    }


def _row() -> dict[str, Any]:
    links = {
        VIDEO: {**_link("video, an MP4")},
        AUDIO: {**_link("dubbed audio, a WAV or MP3")},
    }
    aliases = {alias: links[field] for alias, field in ALIASES.items()}
    reference = {
        "type": ["string", "number", "null"],
        "maxLength": LONGEST_REFERENCE,
        "description": "Unique name of the row at the API; made from the links if missing.",
    }
    flag = {
        "enum": [True, False, 1, 0, "true", "false", "yes", "no", "1", "0", "", None],
        "description": "Skip the detection of who is speaking.",
    }
    return {
        "type": "object",
        "properties": {**links, **aliases, REFERENCE: reference, FLAG: flag},
        "additionalProperties": {
            **_TEXT,
            "description": "A column of your own; it comes back in reports.",
        },
    }


def _link(what: str) -> dict[str, Any]:
    return {
        "type": "string",
        "maxLength": LONGEST_URL,
        "description": _LINK_TEXT.format(what),
    }


def starter_manifest() -> str:
    """Give the text of a first manifest, commented, that runs on the sandbox as it stands."""
    return _STARTER


_STARTER = """\
# A first manifest for batchdub. Try it without spending anything:
#
#   batchdub run manifest.yaml --sandbox
#
# Each row is one dub: a video (MP4) and the audio (WAV or MP3) to put into
# it. Every value stays the text that is written here: `no` is Norwegian,
# `010` is 010.

name: first dubs

# Values for every row. {episode} and the like are filled from the row's
# columns; put quotes around a value that begins with a brace.
defaults:
  season: "02"
  reference_id: "S{season}E{episode}-{language}"
  video_url: "https://media.example.com/s{season}/e{episode}.mp4"
  audio_url: "https://media.example.com/s{season}/e{episode}.{language}.wav"

# Lists that multiply: 2 episodes in 3 languages are 6 rows. The last list
# varies fastest.
matrix:
  episode: [01, 02]
  language: [ja, ko, no]

# Or list the rows one by one, instead of `matrix`; a row's own values go
# before the defaults:
#
# jobs:
#   - {episode: 01, language: ja}
#   - reference_id: S02-trailer-ja
#     video_url: https://media.example.com/show/s02/trailer.mp4
#     audio_url: https://media.example.com/show/s02/trailer.ja.wav
#     disable_active_speaker_detection: yes
"""

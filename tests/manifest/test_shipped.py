"""What is shipped: the two manifests, the starter, and the schema that describes them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from batchdub.manifest import json_schema, starter_manifest
from batchdub.manifest.names import ALIASES, FIELDS
from tests.manifest.conftest import read_paths

MANIFESTS = Path(__file__).parents[2] / "manifests"
NIGHTLY = MANIFESTS / "nightly.yaml"
SEASON = MANIFESTS / "season.csv"
_TYPES = {"object": dict, "array": list, "string": str, "number": int | float, "boolean": bool}


def fits(value, schema, root):
    """The part of JSON Schema that ours uses; an unknown word fails, so that it stays a part."""
    words = set(schema) - {"$schema", "title", "description", "$defs"}
    words = sorted(words, key=lambda word: word != "type")  # the others rely on it
    return all(_CHECKS[word](value, schema, root) for word in words)


def _fits_object(value, schema, root):
    rest = schema.get("additionalProperties", True)
    for name, each in value.items() if isinstance(value, dict) else ():
        wanted = schema.get("properties", {}).get(name, rest)
        if wanted is False or (wanted is not True and not fits(each, wanted, root)):
            return False
    return True


def _fits_type(value, schema, _root):
    wanted = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if value is None:
        return "null" in wanted
    return any(isinstance(value, _TYPES[each]) for each in wanted if each != "null")


_CHECKS = {
    "type": _fits_type,
    "properties": _fits_object,
    "additionalProperties": _fits_object,
    "items": lambda value, schema, root: all(fits(each, schema["items"], root) for each in value),
    "minItems": lambda value, schema, _: len(value) >= schema["minItems"],
    "minProperties": lambda value, schema, _: len(value) >= schema["minProperties"],
    "maxLength": lambda value, schema, _: len(str(value)) <= schema["maxLength"],
    "required": lambda value, schema, _: set(schema["required"]) <= set(value),
    "enum": lambda value, schema, _: value in schema["enum"],
    "oneOf": lambda value, schema, root: (
        sum(fits(value, each, root) for each in schema["oneOf"]) == 1
    ),
    "$ref": lambda value, schema, root: fits(
        value, root["$defs"][schema["$ref"].rpartition("/")[2]], root
    ),
}


def is_manifest(value):
    return fits(value, json_schema(), json_schema())


def test_the_nightly_manifest_is_5_episodes_in_4_languages():
    """Norwegian among them, unquoted."""
    got = read_paths(str(NIGHTLY))

    assert got.lines == got.warnings == []
    assert len(got.rows) == 20
    assert [row.columns["language"] for row in got.rows[:4]] == ["ja", "ko", "no", "pt-BR"]
    assert got.rows[2].reference_id == "S02E01-no"
    assert got.rows[2].audio_url.endswith("/dubs/e01.no.wav")
    assert all("{" not in row.video_url + row.audio_url for row in got.rows)


def test_the_season_manifest_is_as_a_european_excel_exports_it():
    """Byte order mark, semicolons, CRLF, a line break in a cell, a padded cell."""
    data = SEASON.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfvideo_url;audio_url;")
    assert data.count(b"\n") == data.count(b"\r\n") == 14

    got = read_paths(str(SEASON))

    assert got.lines == got.warnings == []
    assert len(got.rows) == 12
    assert got.rows[0].columns["notes"] == "Titelmusik ersetzt;\r\nAbspann bleibt"
    assert got.rows[1].source.line == 4
    assert got.rows[4].columns["language"] == "fr"
    assert got.rows[2].columns["client"] == "Skärgård Play"
    assert list(got.rows[0].columns) == [
        "season",
        "episode",
        "language",
        "client",
        "duration",
        "notes",
    ]


def test_both_shipped_manifests_can_be_ordered_together():
    """They share no reference_id."""
    assert len(read_paths(str(NIGHTLY), str(SEASON)).rows) == 32


def test_the_starter_manifest_validates_as_it_is_written(tmp_path):
    """The first thing a beginner runs must work."""
    (tmp_path / "dubs.yaml").write_text(starter_manifest(), encoding="utf-8")

    got = read_paths(str(tmp_path / "dubs.yaml"))

    assert got.lines == got.warnings == []
    assert [row.reference_id for row in got.rows][2] == "S02E01-no"
    assert len(got.rows) == 6


def test_the_starters_commented_alternative_validates_too(tmp_path):
    """A comment that does not work when uncommented is worse than none."""
    head, jobs = starter_manifest().split("# jobs:\n")
    head = head.partition("# Lists that multiply")[0]
    uncommented = "\n".join(line.removeprefix("# ") for line in jobs.splitlines())
    (tmp_path / "dubs.yaml").write_text(f"{head}jobs:\n{uncommented}\n", encoding="utf-8")

    got = read_paths(str(tmp_path / "dubs.yaml"))

    assert got.lines == []
    assert [row.reference_id for row in got.rows] == ["S02E01-ja", "S02-trailer-ja"]
    assert got.rows[1].disable_active_speaker_detection is True


def test_the_starter_fits_a_terminal():
    """It is looked at there first."""
    assert max(map(len, starter_manifest().splitlines())) <= 79


@pytest.mark.parametrize("text", [NIGHTLY.read_text(encoding="utf-8"), starter_manifest()])
def test_what_is_shipped_fits_the_schema(text):
    """Read as an editor reads it, with YAML's own types."""
    assert is_manifest(yaml.safe_load(text))


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"jobs": []},
        {"jobs": [1]},
        {"jobs": [{"video_url": []}]},
        {"rows": [], "jobs": [{"video_url": "x"}]},
        {"jobs": [{}], "matrix": {"a": [1]}},
        {"matrix": {}},
        {"matrix": {"a": []}},
        {"matrix": {"a": 1}},
        {"jobs": [{"disable_active_speaker_detection": "maybe"}]},
    ],
)
def test_the_schema_refuses_other_shapes(value):
    """So that an editor underlines them."""
    assert not is_manifest(value)


def test_the_schema_is_json_and_knows_every_name():
    """It is printed by `batchdub schema`."""
    schema = json.loads(json.dumps(json_schema()))

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert set(schema["$defs"]["row"]["properties"]) == {*FIELDS, *ALIASES}

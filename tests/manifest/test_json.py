"""JSON: the same manifest in another spelling, read by a reader of its own."""

from __future__ import annotations

import json

import pytest

from tests.manifest.conftest import AUDIO, VIDEO


def test_json_with_tabs_and_escapes_is_json(read_json):
    """Both are legal JSON and illegal YAML, so JSON has a reader of its own."""
    got = read_json(
        '{\n\t"jobs": [\n\t\t{\n\t\t\t"video": "' + VIDEO.replace("/", "\\/") + '",\n'
        f'\t\t\t"audio": "{AUDIO}", "reference_id": "\\u00e9\\u65e5",\n'
        '\t\t\t"n": 1.10, "big": 1e400, "minus": -0, "yes": true, "no": false, "nothing": null,\n'
        '\t\t\t"smile": "\\ud83d\\ude00"\n\t\t}\n\t]\n}\n'
    )

    (row,) = got.rows
    assert row.source.line == 3
    assert row.video_url == VIDEO
    assert row.reference_id == "é日"
    assert dict(row.columns) == {
        "n": "1.10",
        "big": "1e400",
        "minus": "-0",
        "yes": "true",
        "no": "false",
        "nothing": "",
        "smile": "😀",
    }


def test_json_takes_defaults_and_matrix_as_yaml_does(read_json):
    """They are two spellings of one manifest."""
    got = read_json(
        json.dumps(
            {
                "defaults": {"video": "https://h/{e}.mp4", "audio": "https://h/{e}.{l}.wav"},
                "matrix": {"e": [1, 2], "l": ["ja", "no"]},
            }
        )
    )

    assert [row.audio_url for row in got.rows] == [
        f"https://h/{episode}.{language}.wav" for episode in (1, 2) for language in ("ja", "no")
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "m.json:1: has no rows"),
        ('{"a": 1,\n "a": 2, "jobs": []}', "m.json:2:2: a second `a`; the first is at line 1"),
        ("{'jobs': []}", "m.json:1:2: not valid JSON: a name in double quotes expected"),
        ('{"jobs": []', "m.json:1:12: not valid JSON: `,` expected"),
        ('{"jobs" []}', "m.json:1:9: not valid JSON: `:` expected"),
        ('{"jobs": [],}', "m.json:1:13: not valid JSON: a name in double quotes expected"),
        ('{"jobs": [1 2]}', "m.json:1:13: not valid JSON: `,` expected"),
        ('{"jobs": []}\r\n{}', "m.json:2:1: not valid JSON: something after the end"),
        ('{"jobs": "a\nb"}', "m.json:1:10: not valid JSON: a text that is not closed"),
        ('{"jobs": "a\\x"}', "m.json:1:10: not valid JSON: a text with an escape"),
        ('{"jobs": NaN}', "m.json:1:10: not valid JSON: a value expected (texts stand in"),
        ('{"jobs": 01}', "m.json:1:11: not valid JSON: `,` expected"),
        ("[" * 100, "m.json:1:18: not valid JSON: nested too deeply"),
        ('{"a' + "[" * 100_000, "m.json:1:2: not valid JSON"),
    ],
)
def test_bad_json_is_told_with_its_place(read_json, content, told):
    """As strictly as YAML; Python's own reader would take some of these."""
    got = read_json(content)

    assert [line for line in got.lines if line.startswith(told)]
    assert got.rows == []


def test_half_a_character_in_json_is_a_problem_and_no_exception(read_json):
    """JSON can write what no text can hold."""
    got = read_json(
        f'{{"jobs": [{{"video": "{VIDEO}\\ud800", "audio": "{AUDIO}", "reference_id": "\\udc00",'
        ' "x": "\\ud800"}]}'
    )

    assert len(got.lines) == 3

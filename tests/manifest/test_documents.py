"""YAML: what is written is what is meant, and anything else is told."""

from __future__ import annotations

import json

import pytest

from batchdub.manifest import tree
from batchdub.models import Source
from tests.manifest.conftest import AUDIO, VIDEO

LINKS = f"video: '{VIDEO}', audio: '{AUDIO}'"


def test_the_api_references_own_example_is_a_row_of_exactly_those_values(read):
    """The order's body is made of these values, so nothing may be changed on the way."""
    got = read(
        "jobs:\n"
        "  - reference_id: dub-episode-42\n"
        "    video_url: https://cdn.example.com/episodes/42.mp4\n"
        "    audio_url: https://cdn.example.com/dubs/42-japanese.wav\n",
        "tonight.yaml",
    )

    (row,) = got.rows
    assert row.reference_id == "dub-episode-42"
    assert row.video_url == "https://cdn.example.com/episodes/42.mp4"
    assert row.audio_url == "https://cdn.example.com/dubs/42-japanese.wav"
    assert row.disable_active_speaker_detection is False
    assert row.source == Source("tonight.yaml", 2)
    assert dict(row.columns) == {}
    assert got.lines == got.warnings == []


@pytest.mark.parametrize(
    "text",
    ["no", "010", "1:30", "12:30:45", "1.10", "1_000", "0x1F", "1e5", "null", "Yes", "2026-03-01"],
)
@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_every_scalar_stays_the_text_that_was_written(read_yaml, text, quote):
    """Norwegian is `no`, and episode `010` keeps its zeros.

    Faults: F-63.
    """
    got = read_yaml(f"jobs: [{{{LINKS}, reference_id: r, x: {quote}{text}{quote}}}]")

    assert dict(got.rows[0].columns) == {"x": text}


@pytest.mark.parametrize(("written", "text"), [("~", ""), ("", ""), ("'~'", "~"), ("''", "")])
def test_a_bare_tilde_and_nothing_are_the_empty_text(read_yaml, written, text):
    """As an empty cell is."""
    got = read_yaml(f"jobs:\n- video: {VIDEO}\n  audio: {AUDIO}\n  x: {written}\n")

    assert got.rows[0].columns["x"] == text


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("a: 1\na: 2", "m.yaml:2:1: a second `a`; the first is at line 1 (keep one of them)"),
        ("defaults: &x {a: b}", "m.yaml:1:11: an anchor, `&x`"),
        ("defaults: *x", "m.yaml:1:11: an alias, `*x`"),
        ("defaults: {<<: {a: b}}", "m.yaml:1:12: a merge key, `<<`"),
        ("name: !!str x", "m.yaml:1:7: a tag (leave it out: every value is text)"),
        ("name: !x y", "m.yaml:1:7: a tag"),
        ("defaults: !!map {a: b}", "m.yaml:1:11: a tag"),
        ("? [a]\n: b", "m.yaml:1:3: a list as a name"),
        ("? *x\n: b", "m.yaml:1:3: an alias, `*x`"),
    ],
)
def test_what_changes_other_places_or_needs_types_is_refused(read_yaml, content, told):
    """`10 lines of aliases` can be a billion rows, and the last of two keys wins in silence.

    Faults: F-64, F-65.
    """
    jobs = f"\njobs: [{{{LINKS}}}]\n"

    got = read_yaml(content + jobs)

    assert [line for line in got.lines if line.startswith(told)]
    assert got.problems.blocking


def test_all_that_is_refused_is_told_in_one_go(read_yaml):
    """Duplicate keys in a job do not hide the links behind them."""
    got = read_yaml(
        f"jobs:\n- {{{LINKS}, a: 1, a: 2, video_url: x}}\n"
        f"- {{video: x, audio: *y}}\n- {{{LINKS}, reference_id: r}}\n"
    )

    assert [line.split(": ", 1)[1].split(" ")[0] for line in got.lines] == [
        "a",
        "video_url:",
        "an",
    ]


def test_a_quoted_merge_sign_is_a_name_like_any_other(read_yaml):
    """Only the bare one merges."""
    assert dict(read_yaml(f"jobs: [{{{LINKS}, '<<': x}}]").rows[0].columns) == {"<<": "x"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("jobs:\n\t- x", "m.yaml:2:1: not valid YAML: found character that cannot start any token"),
        ("jobs: [", "m.yaml:2:1: not valid YAML"),
        ("a: b: c", "m.yaml:1:5: not valid YAML: mapping values are not allowed"),
        ("jobs:\n- reference_id: {a}-b", "m.yaml:2:20: not valid YAML"),
        ("a: \x07", "m.yaml:1:4: U+0007 a control character in the text"),
        ("x: 1\na: \0", "m.yaml:2:4: U+0000 a control character in the text"),
        ('a: "\\ud800"', "m.yaml:1:7: not valid YAML"),
        ("jobs: []\n---\njobs: []", "m.yaml:2:1: a second document"),
        ("[" * 100, "m.yaml:1:18: nested too deeply"),
        ("a: &x b\n<<: *x\n" + "{a: " * 9000, "m.yaml:3:"),
    ],
)
def test_a_syntax_error_is_told_with_its_place(read_yaml, content, told):
    """And with the usual cause as a hint."""
    got = read_yaml(content)

    assert [line for line in got.lines if line.startswith(told)]
    assert got.rows == []


def test_tabs_and_braces_are_hinted_at(read_yaml):
    """The parser's own words help nobody who writes YAML once a month."""
    assert "indent with spaces" in read_yaml("jobs:\n\t- x").lines[0]
    assert "put quotes around" in read_yaml("jobs:\n- reference_id: {a}-b").lines[0]


def test_a_byte_that_is_not_utf8_is_told_with_line_and_column(read):
    """As in tables."""
    got = read(b"name: x\njobs: caf\xe9\n", "m.yaml")

    assert got.lines[0].startswith("m.yaml:2:10: byte 0xE9 is not UTF-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("name", ["m.yaml", "m.json"])
def test_a_byte_order_mark_is_taken(read, encoding, name):
    """Windows editors write it."""
    content = json.dumps({"jobs": [{"video": VIDEO, "audio": AUDIO, "title": "日本"}]})

    got = read(content.encode(encoding), name)

    assert got.rows[0].columns["title"] == "日本"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "m.yaml:1: has no rows (list them under `jobs:`)"),
        ("# nothing\n---\n", "m.yaml:1: has no rows"),
        ("name: x", "m.yaml:1:1: has no rows (list them under `jobs:`, or give `matrix:`"),
        ("jobs:", "m.yaml:1:6: jobs: has no rows"),
        ("jobs: []", "m.yaml:1:7: jobs: has no rows"),
        ("jobs: x", "m.yaml:1:7: jobs: a text where a list should be"),
        ("jobs: {a: b}", "m.yaml:1:7: jobs: a mapping where a list should be"),
        ("jobs: [x]", "m.yaml:1:8: jobs: a text where `column: value` pairs should be"),
        ("jobs: [{a: [b]}]", "m.yaml:1:12: a: a list where a text should be"),
        ("[{a: b}]", "m.yaml:1:1: a list where `jobs:` or `matrix:` should be"),
        ("hello", "m.yaml:1:1: a text where `jobs:` or `matrix:` should be"),
        ("jbos: []\njobs: []", "m.yaml:1:1: unknown name `jbos` (is `jobs` meant?)"),
        ("list: []\njobs: []", "m.yaml:1:1: unknown name `list` (there are name, defaults, jobs, "),
        ("name: [x]\njobs: []", "m.yaml:1:7: name: a list where a text should be"),
        ("jobs: []\nmatrix: {a: [b]}", "m.yaml:2:9: both `jobs` and `matrix`"),
        ("defaults: x\njobs: []", "m.yaml:1:11: defaults: a text where `column: value` pairs"),
        ("defaults: {a: {}}\njobs: []", "m.yaml:1:15: a: a mapping where a text should be"),
        ("matrix: []", "m.yaml:1:9: matrix: a list where names with lists should be"),
        ("matrix: {}", "m.yaml:1:9: matrix: a mapping where names with lists should be"),
        ("matrix: {a: []}", "m.yaml:1:13: a: has no rows"),
        ("matrix: {a: b}", "m.yaml:1:13: a: a text where a list should be"),
        ("matrix: {a: [[b]]}", "m.yaml:1:14: a: a list where a text should be"),
        ("matrix: {audio_ulr: [b]}", "m.yaml:1:10: audio_ulr: unknown, but close to `audio_url`"),
        ("jobs: [{a: b, video: x, video_url: y}]", "m.yaml:1:25: video_url: means `video_url`, as"),
        ("jobs: [{'': b}]", "m.yaml:1:9: a column without a name"),
    ],
)
def test_a_document_of_another_shape_is_told_with_what_it_should_be(read_yaml, content, told):
    """A beginner's first file is nearly right."""
    got = read_yaml(content)

    assert [line for line in got.lines if line.startswith(told)]
    assert got.rows == []


def test_a_jobs_own_values_go_before_the_defaults(read_yaml):
    """Also under another name of the same field, and where the job's is empty."""
    got = read_yaml(
        f"defaults: {{video: '{VIDEO}', audio_url: '{AUDIO}', season: 01, client: x}}\n"
        "jobs:\n"
        "- {episode: 01, reference_id: a}\n"
        "- {episode: 02, reference_id: b, audio: 'https://h/other.wav', client: ~}\n"
    )

    first, second = got.rows
    assert (first.video_url, first.audio_url) == (VIDEO, AUDIO)
    assert second.audio_url == "https://h/other.wav"
    assert list(first.columns.items()) == [("season", "01"), ("client", "x"), ("episode", "01")]
    assert second.columns["client"] == ""


def test_a_matrix_multiplies_its_lists_and_the_last_varies_fastest(read_yaml):
    """The order of the lists is as written."""
    got = read_yaml(
        "defaults:\n"
        "  reference_id: 'S{season}E{episode}-{language}'\n"
        "  video_url: 'https://h/s{season}/e{ episode }.mp4'\n"
        "  audio_url: 'https://h/{{x}}/{reference_id}.wav'\n"
        "  season: 02\n"
        "matrix:\n"
        "  episode:\n  - 01\n  - 02\n"
        "  language: [ja, no]\n"
    )

    assert got.lines == []
    assert [row.reference_id for row in got.rows] == [
        "S02E01-ja",
        "S02E01-no",
        "S02E02-ja",
        "S02E02-no",
    ]
    assert got.rows[3].video_url == "https://h/s02/e02.mp4"
    assert got.rows[3].audio_url == "https://h/{x}/S02E02-no.wav"
    assert [row.source.line for row in got.rows] == [8, 8, 9, 9]
    assert dict(got.rows[0].columns) == {"season": "02", "episode": "01", "language": "ja"}


def test_a_matrix_whose_rows_share_a_line_still_tells_duplicates(read_yaml):
    """A reference_id without the language is the same for all languages."""
    got = read_yaml(
        f"defaults: {{{LINKS}, reference_id: 'E{{episode}}'}}\n"
        "matrix: {episode: [1, 2], language: [ja, ko, no]}\n"
    )

    assert [row.reference_id for row in got.rows] == ["E1", "E2"]
    assert got.lines == [
        "m.yaml:2:20: reference_id: `E1` is already at m.yaml:2 (every row needs its own)",
        "m.yaml:2:23: reference_id: `E2` is already at m.yaml:2 (every row needs its own)",
    ]


def test_a_matrix_beyond_reason_is_told_before_it_is_made(read_yaml):
    """Seven short lists make ten million rows."""
    lists = ", ".join(f"c{number}: [{', '.join('0123456789')}]" for number in range(7))

    got = read_yaml(f"matrix: {{{lists}}}")

    assert got.lines == [
        "m.yaml:1:9: matrix: makes 10,000,000 rows, more than 1,000,000 (shorten its lists)"
    ]


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{epsiode}", "1:31: reference_id: no column `epsiode` for a placeholder (is `episode`"),
        ("{x}", "1:31: reference_id: no column `x` for a placeholder (there are `episode`, `la"),
        ("{episode.real}", "1:31: reference_id: no column `episode.real`"),
        ("{episode!r}", "1:31: reference_id: no column `episode!r`"),
        ("{episode:>9}", "1:31: reference_id: no column `episode:>9`"),
        ("{episode[0]}", "1:31: reference_id: no column `episode[0]`"),
        ("{}", "1:31: reference_id: no column ``"),
        ("{episode", "1:31: reference_id: a single `{`"),
        ("episode}", "1:31: reference_id: a single `}`"),
        ("{video_url}", "1:31: reference_id: no column `video_url`"),
        ("{empty}", "2:8: reference_id: `{empty}` has nothing to be filled with"),
    ],
)
def test_a_placeholder_is_a_columns_name_and_nothing_more(read_yaml, template, told):
    """No attribute, index or format is reached from a manifest; a hole is not left in a link."""
    got = read_yaml(
        f"defaults: {{ {'reference_id':>16}: '{template}', {LINKS} }}\n"
        "jobs: [{episode: 1, language: ja, empty: ~}]\n"
    )

    assert got.lines[0].startswith(f"m.yaml:{told}")
    assert got.rows == []
    assert got.problems.rows_left_out == 1


def test_a_placeholder_in_a_row_without_columns_says_so(read_yaml):
    """There is nothing to name."""
    got = read_yaml(f"jobs: [{{{LINKS}, reference_id: '{{x}}'}}]")

    assert "the row has no columns of its own" in got.lines[0]


def test_columns_of_the_users_own_are_no_templates(read_yaml):
    """A title may have braces."""
    got = read_yaml(f"jobs: [{{{LINKS}, title: '{{a}} }}'}}]")

    assert got.rows[0].columns["title"] == "{a} }"


def test_what_comes_of_a_default_template_is_told_at_the_row(read_yaml):
    """The template is right for other rows; a plain default is wrong by itself, and told once."""
    got = read_yaml(
        "defaults: {video: 'https://h/{e}.mp4', audio: 'nonsense'}\n"
        "jobs:\n- {e: a b}\n- {e: c}\n- {e: d e}\n"
    )

    assert [line.rpartition(" (")[0] for line in got.lines] == [
        "m.yaml:1:47: audio_url: not an http(s) URL",
        "m.yaml:3:3: video_url: has a space at character 12",
        "m.yaml:5:3: video_url: has a space at character 12",
    ]
    assert got.problems.rows_left_out == 3


def test_a_job_with_a_misspelt_name_makes_no_row_but_is_looked_at(read_yaml):
    """Left out as invalid it must not be ordered with half of its values."""
    got = read_yaml(
        f"jobs:\n- {{{LINKS}, referense_id: a}}\n- {{{LINKS}, reference_id: b}}\n"
        f"- {{video_ulr: x, audio: '{AUDIO}'}}\n"
    )

    assert [row.reference_id for row in got.rows] == ["b"]
    assert len(got.lines) == 3
    assert got.problems.rows_left_out == 2
    assert not got.problems.blocking


def test_more_values_than_memory_is_kept_for_is_told(read_yaml, read_json, monkeypatch):
    """64 MiB of `[a,a,a` would be gigabytes of marks.

    Faults: F-65.
    """
    monkeypatch.setattr(tree, "MOST_NODES", 5)

    for got in (read_yaml("jobs: [a, b, c, d]"), read_json('{"jobs": ["a", "b", "c", "d"]}')):
        assert "more than 3,000,000 values" in got.lines[0]

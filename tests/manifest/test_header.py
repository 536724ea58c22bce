"""Headers: which column is which, and what a typing error meant."""

from __future__ import annotations

import pytest

from tests.manifest.conftest import AUDIO, VIDEO


def cells(names, **values):
    known = {"video": VIDEO, "audio": AUDIO}
    return ",".join(values.get(name, known.get(name, "x")) for name in names)


@pytest.mark.parametrize("video", ["video_url", "video", "episode_url", "VIDEO_URL", " Video "])
@pytest.mark.parametrize("audio", ["audio_url", "audio", "dub_url", "Dub_URL"])
def test_each_alias_in_any_case_is_the_field(read, video, audio):
    """People name columns as their tools do."""
    got = read(f"{video},{audio}\n{VIDEO},{AUDIO}\n")

    assert (got.rows[0].video_url, got.rows[0].audio_url) == (VIDEO, AUDIO)


def test_columns_of_the_users_own_keep_name_order_and_text(read):
    """They come back in reports, as they were."""
    got = read(f"Season,video,Language,audio,client id\n01,{VIDEO},no,{AUDIO},0007\n")

    assert list(got.rows[0].columns.items()) == [
        ("Season", "01"),
        ("Language", "no"),
        ("client id", "0007"),
    ]
    assert repr(got.rows[0].columns) == (
        "Columns({'Season': '01', 'Language': 'no', 'client id': '0007'})"
    )
    assert len(got.rows[0].columns) == 3


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("video_ulr", "video_url"),
        ("Video URL", "video_url"),
        ("audio_uri", "audio_url"),
        ("reference_i", "reference_id"),
        ("referense_id", "reference_id"),
        ("disable_active_speaker_detecton", "disable_active_speaker_detection"),
    ],
)
def test_a_name_within_two_edits_of_a_field_is_an_error_with_the_suggestion(read, name, meant):
    """Kept as a column of the user's, it would be ignored in silence."""
    got = read(f"video,audio,{name}\n{VIDEO},{AUDIO},x\n")

    assert got.lines[0].startswith("m.csv:1:13: ")
    assert f"close to `{meant}` (write `{meant}`, or rename it)" in got.lines[0]
    assert got.problems.blocking


@pytest.mark.parametrize("name", ["studio", "radio", "sub_url", "title", "episode", "reference"])
def test_ordinary_names_are_the_users_own_though_an_alias_is_near(read, name):
    """`studio` is two edits from `audio`; a column called so must not be refused."""
    got = read(f"video,audio,{name}\n{VIDEO},{AUDIO},x\n")

    assert got.lines == []
    assert dict(got.rows[0].columns) == {name: "x"}


def test_a_misspelt_column_is_read_as_what_it_means_to_find_its_problems_too(read):
    """All problems in one go: the header's and the rows'."""
    got = read(f"video_ulr,audio\nnonsense,{AUDIO}\n")

    assert [line.split(": ")[1] for line in got.lines] == ["video_ulr", "video_url"]


def test_a_missing_column_is_told_at_line_1_once(read):
    """Not once for each of a million rows."""
    got = read(f"video,title\n{VIDEO},x\n{VIDEO},y\n")

    assert got.lines == ["m.csv:1: audio_url: no such column (the header must name it)"]
    assert got.rows == []


def test_a_missing_column_is_told_with_the_alias_that_was_probably_meant(read):
    """A typing error in an alias shows as a missing column."""
    got = read(f"vidoe,audio\n{VIDEO},{AUDIO}\n")

    assert got.lines == ["m.csv:1: video_url: no such column (is `vidoe` meant?)"]


def test_an_unknown_separator_is_hinted_at(read):
    """A table separated by bars looks like one column."""
    got = read(f"video|audio\n{VIDEO}|{AUDIO}\n")

    assert "separate the columns with a comma" in got.lines[0]


def test_a_table_without_a_header_is_told_and_shows_no_link(read):
    """The first record would be taken for names, and be printed with its signature."""
    got = read(f"{VIDEO}?X-Amz-Signature=hush,{AUDIO}\n{VIDEO},{AUDIO}\n")

    assert len(got.lines) == 1
    assert got.lines[0].startswith("m.csv:1:1: a link where a column's name should be")
    assert "hush" not in got.lines[0]


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("video,audio,", "m.csv:1:13: a column without a name"),
        ("video,audio,video_url", "m.csv:1:13: video_url: means `video_url`, as `video` does"),
        ("video,audio,Video", "m.csv:1:13: Video: two columns of this name"),
        ("video,audio,a b,a b", "m.csv:1:17: a b: two columns of this name"),
        ("video,audio,a\u200b", "m.csv:1:13: a<U+200B>: ends with U+200B ZERO WIDTH SPACE"),
        ("video,audio,\xa0a", "m.csv:1:13: <U+00A0>a: begins with U+00A0 NO-BREAK SPACE"),
        ("video,audio,a\x07", "m.csv:1:13: a<U+0007>: has U+0007 a control character"),
    ],
)
def test_names_that_cannot_be_told_apart_or_seen_are_errors(read, header, told):
    """A report could not show them."""
    got = read(header + "\n" + ",".join([VIDEO, AUDIO, "x", "y"][: header.count(",") + 1]) + "\n")

    assert got.lines[0].startswith(told)
    assert got.problems.blocking

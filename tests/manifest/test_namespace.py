"""reference_ids over all files: duplicates, made ones, and what spreadsheets do to them."""

from __future__ import annotations

import random

import pytest

from batchdub.manifest.rows import Columns
from batchdub.media_url import made_reference_id, media_key
from tests.manifest.conftest import AUDIO, VIDEO, read_paths

HEADER = "video,audio,reference_id\n"


def test_a_duplicate_is_told_at_the_later_line_naming_the_earlier(read):
    """Both rows are valid alone; the second would be a second order.

    Faults: F-57.
    """
    got = read(HEADER + f"{VIDEO},{AUDIO},a\n\n{VIDEO},{AUDIO},b\n{VIDEO},{AUDIO},a\n")

    column = len(f"{VIDEO},{AUDIO},") + 1
    assert got.lines == [
        f"m.csv:5:{column}: reference_id: `a` is already at m.csv:2 (every row needs its own)"
    ]
    assert [row.reference_id for row in got.rows] == ["a", "b"]


def test_several_manifests_are_one_namespace(read, tmp_path):
    """One command orders them together."""
    (tmp_path / "one.csv").write_text(HEADER + f"{VIDEO},{AUDIO},a\n")
    got = read(f"jobs:\n- {{video: '{VIDEO}', audio: '{AUDIO}', reference_id: a}}\n", "two.yaml")
    assert got.lines == []

    both = read_paths("one.csv", "two.yaml")

    assert both.lines[0].startswith("two.yaml:2:")
    assert "`a` is already at one.csv:2" in both.lines[0]


def test_a_row_with_another_problem_still_takes_its_name(read):
    """Mending that problem must not bring up a new one."""
    got = read(HEADER + f"nonsense,{AUDIO},a\n{VIDEO},{AUDIO},a\n")

    assert len(got.lines) == 2
    assert "`a` is already at m.csv:2" in got.lines[1]


def test_a_missing_reference_id_is_made_from_the_medias_identity(read):
    """The same media must get the same id every night."""
    got = read(HEADER + f"{VIDEO},{AUDIO},\n")

    key = media_key(VIDEO, AUDIO, disable_speaker_detection=False)
    assert got.rows[0].media_key == key
    assert got.rows[0].reference_id == made_reference_id(key)


def test_made_ids_are_stable_under_reordering_and_rotated_signatures(read):
    """Rows are known by identity, never by position, and a link is signed anew every night."""
    plain = [f"https://cdn.example.com/e{number}.mp4" for number in range(20)]

    def ids(seed, signature):
        order = random.Random(seed).sample(plain, len(plain))  # noqa: S311  not for secrets
        signed = f"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature={signature}"
        rows = "".join(f"{video}?{signed},{AUDIO}\n" for video in order)
        return {
            row.video_url.partition("?")[0]: row.reference_id
            for row in read(f"video,audio\n{rows}").rows
        }

    first = ids(1, "aa")
    assert first == ids(2, "bb")
    assert len(set(first.values())) == 20


def test_the_same_media_twice_without_ids_is_told(read):
    """Both rows would get the same made id."""
    got = read(f"video,audio\n{VIDEO},{AUDIO}\n{VIDEO},{AUDIO}\n")

    assert got.lines == [
        (
            "m.csv:3: reference_id: same media as at m.csv:2 "
            "(remove one, or give each a `reference_id`)"
        )
    ]


def test_the_flag_makes_another_dub_of_the_same_media(read):
    """It is part of the identity."""
    got = read(
        f"video,audio,disable_active_speaker_detection\n{VIDEO},{AUDIO},yes\n{VIDEO},{AUDIO},no\n"
    )

    assert [row.disable_active_speaker_detection for row in got.rows] == [True, False]
    assert len({row.reference_id for row in got.rows}) == 2


def test_bare_numbers_of_different_lengths_are_warned_of_once(read):
    """Excel turns 007 into 7; it is a warning, as 7 may be meant.

    Faults: F-67.
    """
    rows = "".join(f"{VIDEO},{AUDIO},{number}\n" for number in (98, 99, 100, 101, 7))
    got = read(HEADER + rows)

    assert len(got.warnings) == 1
    assert got.warnings[0].startswith("m.csv:4:")
    assert "leading zeros" in got.warnings[0]
    assert len(got.rows) == 5


def test_look_alike_letters_are_warned_of_with_their_place(read):
    """A Cyrillic letter in a Latin name cannot be seen."""
    got = read(HEADER + f"{VIDEO},{AUDIO},S02\u041507\n")

    assert got.rows[0].reference_id == "S02\u041507"
    assert "mixes Latin letters" in got.warnings[0]


def test_an_invisible_edge_of_a_users_value_is_warned_of_and_kept(read):
    """`ja` and `ja ` with a no-break space would be two languages in a report.

    Faults: F-67.
    """
    got = read(f"video,audio,language\n{VIDEO},{AUDIO},ja\xa0\n")

    assert got.rows[0].columns["language"] == "ja\xa0"
    assert "language: ends with U+00A0" in got.warnings[0]


def test_a_rows_repr_holds_no_link(read):
    """Rows land in logs; signed links must not."""
    got = read(HEADER + f"{VIDEO}?X-Amz-Signature=hush,{AUDIO},a\n")

    assert "hush" not in repr(got.rows[0])


def test_columns_behave_as_a_mapping():
    """Reports take them as they take a dict."""
    columns = Columns({"a": 0, "b": 1}, ("1", "2"))

    assert columns == {"a": "1", "b": "2"}
    with pytest.raises(KeyError):
        columns["c"]

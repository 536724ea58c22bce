"""Pairs that look wrong, with real file names: a doubt is worth as much as it is rare."""

from __future__ import annotations

import pytest

from batchdub.preflight import PairCheck
from batchdub.preflight import pairs as pairs_module
from batchdub.preflight.languages import language_of, said_by
from tests.support import links
from tests.support.night import make_row
from tests.support.virtual import EPOCH

CDN = "https://cdn.example.com"


def row(line, video, audio, **columns):
    return make_row(f"r{line}", line, video=f"{CDN}/{video}", audio=f"{CDN}/{audio}", **columns)


def doubts(*rows):
    """Look at rows in order, and give the doubts that are believed at the end."""
    check = PairCheck()
    found = [(each.source.line, doubt) for each in rows for doubt in check.look(each)]
    return [(line, doubt.field, doubt.what) for line, doubt in found if check.believes(doubt)]


def test_swapped_links_are_noticed():
    """The two columns were pasted the wrong way round."""
    ((line, field, what),) = doubts(row(2, "a.wav", "a.mp4"))
    assert (line, field) == (2, "video_url")
    assert "ends in .wav, and audio_url in .mp4" in what


@pytest.mark.parametrize(
    ("video", "audio", "field"),
    [("a.MP3", "b.wav", "video_url"), ("a.mp4", "b.mov?v=2", "audio_url")],
)
def test_one_file_of_the_wrong_kind_is_noticed(video, audio, field):
    """The API takes MP4 there, and WAV or MP3 here."""
    assert [each[1] for each in doubts(row(2, video, audio))] == [field]


@pytest.mark.parametrize(
    ("video", "audio"),
    [
        ("a.mp4", "a.wav"),
        ("a.mp4", "a.mp3"),
        ("42", "43"),
        ("a.bin", "v1.2/take"),
        ("a%2Emp4", "x"),
    ],
)
def test_right_kinds_and_names_that_say_nothing_are_no_doubt(video, audio):
    """Most media servers name by number."""
    assert doubts(row(2, video, audio)) == []


def test_one_dub_under_two_languages_is_told_at_the_later_row():
    """Copy and paste; however each link is signed."""
    audio = f"{CDN}/d/42.wav"
    first = make_row("a", 2, audio=links.aws_v2(EPOCH, audio), Language="ja")
    second = make_row("b", 9, audio=links.google_v2(EPOCH, audio), Language="ko")

    ((line, field, what),) = doubts(first, second)

    assert (line, field) == (9, "audio_url")
    assert what == "the same audio as at tonight.csv:2, where Language is `ja`"


@pytest.mark.parametrize(
    ("one", "other"),
    [("no", "nb"), ("pt-BR", "pt"), ("es-419", "es_MX"), ("ja", "Japanese"), ("", "ja")],
)
def test_two_spellings_of_a_language_are_no_doubt(one, other):
    """One dub may serve several countries."""
    rows = [
        row(line, f"{line}.mp4", "a.wav", language=name) for line, name in ((2, one), (3, other))
    ]
    assert doubts(*rows) == []


def test_one_video_under_many_languages_is_the_rule():
    """That is what dubbing is."""
    rows = [
        row(line, "s01e01.mp4", f"s01e01_{code}.wav", language=code, episode="01")
        for line, code in enumerate(["ja", "ko", "de", "fr"], 2)
    ]
    assert doubts(*rows) == []


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ({"episode": "01"}, {"episode": "02"}, True),
        ({"episode": "S01E01"}, {"episode": "S02E01"}, True),
        ({"episode": "1", "season": "1"}, {"episode": "1", "season": "2"}, True),
        ({"episode": "01"}, {"episode": "1"}, False),
        ({"episode": "E07"}, {"episode": "ep 7"}, False),
        ({"episode": "Der Anfang"}, {"episode": "The Beginning"}, False),
        ({"title": "1"}, {"title": "2"}, False),
    ],
)
def test_one_video_under_two_episodes_is_told_where_episodes_are_numbers(one, other, told):
    """A title may be translated, so that one video has many."""
    rows = [row(2, "a.mp4", "a.wav", **one), row(3, "a.mp4", "b.wav", **other)]
    assert bool(doubts(*rows)) is told


@pytest.mark.parametrize(
    ("audio", "language", "said"),
    [
        ("s01e01_ja.wav", "ko", "ja"),
        ("s01e01.de.wav", "fr", "de"),
        ("dubs/42-japanese.wav", "japanese", None),
        ("e01-pt-BR_v2.wav", "es", "pt"),
        ("E01_FRA_final_48k.wav", "de", "FRA"),
        ("kor/e01_jpn_v3.mp3", "ja", None),
        ("ja.wav", "ko", "ja"),
        ("e01_ja_to_ko.wav", "ja", None),
        ("e01_nb.wav", "no", None),
        ("e01_zh-Hant.wav", "zh-TW", None),
        ("e01_kr.wav", "ko", None),
        ("la-casa-de-papel-01.wav", "ja", None),
        ("chef-s-table_e03.wav", "ja", None),
        ("who-is-it/it.wav", "ja", None),
        ("take_no.wav", "es", None),
        ("e01_fin.wav", "es", None),
        ("e01_sd.wav", "es", None),
        ("e01_vo.wav", "fr", None),
        ("de/42.wav", "fr", None),
        ("us/en/eu-west-1/id/42.wav", "ja", None),
        ("e01_ja.wav", "Klingon", None),
        ("e01_ja.wav", "", None),
    ],
)
def test_a_file_name_that_says_another_language(audio, language, said):
    """The last word of a name counts; a word that may mean something else needs more."""
    found = doubts(row(2, "a.mp4", audio, language=language))
    assert [each[2] for each in found] == (
        [f"the file name says `{said}`, the column language `{language}`"] if said else []
    )


@pytest.mark.parametrize("shape", ["{}/42{}.wav", "dubs/42{1}_{0}.wav"])
def test_a_convention_that_the_manifest_follows_makes_a_doubt_of_what_breaks_it(shape):
    """Folders and short words mean a language where they do so in the other rows."""
    codes = ["it", "no", "id", "it", "no"]
    rows = [row(line, f"{line}.mp4", shape.format(code, line), language=code)
            for line, code in enumerate(codes, 2)]  # fmt: skip
    wrong = row(9, "9.mp4", shape.format("no", 9), language="it")

    assert doubts(*rows) == []
    assert [each[:2] for each in doubts(*rows, wrong)] == [(9, "audio_url")]
    assert [each[:2] for each in doubts(wrong, *rows)] == [(9, "audio_url")]


def test_a_folder_that_never_means_the_language_is_no_convention():
    """`/de/` may be a customer's country."""
    rows = [
        row(n, f"{n}.mp4", f"de/{n}.wav", language=code) for n, code in enumerate(["fr", "it"], 2)
    ]
    assert doubts(*rows) == []


def test_what_is_remembered_has_an_end(monkeypatch):
    """A million rows must not need room for a million media."""
    monkeypatch.setattr(pairs_module, "_REMEMBERED", 2)
    rows = [row(n, f"{n}.mp4", f"{n}.wav", language="ja") for n in (2, 3, 4)]
    again = [row(n + 10, f"{n}x.mp4", f"{n}.wav", language="ko") for n in (2, 3, 4)]

    assert [each[0] for each in doubts(*rows, *again)] == [12, 13]


def test_a_cell_that_slipped_is_not_quoted():
    """F-69: a signed link may stand in any column."""
    secret = "https://cdn.example.com/a.wav?sig=hush"
    found = doubts(
        row(2, "a.mp4", "a.wav", language=secret), row(3, "b.mp4", "a.wav", language="ja")
    )
    assert found
    assert "hush" not in str(found)


def test_languages_are_read_in_the_usual_spellings():
    """`no` is Norwegian."""
    spelt = {
        "no": "no",
        "nb-NO": "no",
        "pt_BR": "pt",
        "zh-Hans": "zh",
        "JPN": "ja",
        "Deutsch": "de",
    }
    assert {text: language_of(text) for text in spelt} == spelt
    assert language_of("tlh") == language_of("") == ""
    assert said_by("https://h", "ja") is None

"""What is done for a million rows has short ways: each gives what the long way gives, or is wrong.

The long way stands in the test, or is the one that the short way leaves what is odd to.
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from batchdub.cli import text as texts
from batchdub.cli.next_steps import Leads, led
from batchdub.cli.render import _pad
from batchdub.link_life import _READERS, LinkLife, _is_temporary, life_of
from batchdub.manifest import Problems, read_again, read_manifests
from batchdub.manifest.table import Table
from batchdub.media_url import (
    _SCHEMES,
    _lower_name,
    _split_signature,
    bytes_of_key,
    key_of_bytes,
    media_key,
    signature_of,
    signed_parameters,
)
from batchdub.preflight import languages, pairs
from batchdub.units import local_time
from tests.support.night import make_row

_CELL = st.text(st.sampled_from("ab é\u3000\t.;/:#'\\\0\x1c\x85\u2028"), max_size=6)
_QUOTED = st.text(st.sampled_from('ab ,\n\r;\t"'), max_size=6).map(
    lambda text: '"' + text.replace('"', '""') + '"'
)
_RECORD = st.lists(st.one_of(_CELL, _QUOTED), max_size=4)
_TEXT = st.one_of(st.text(), st.text(st.sampled_from("ab\x1b\n\u202e\u200f\u2066é漢\u0301`")))


@given(
    st.lists(_RECORD, max_size=6), st.sampled_from(",;\t"), st.sampled_from(["\n", "\r\n", "\r"])
)
@settings(max_examples=200)
def test_a_line_without_quotes_is_cut_as_csv_cuts_it(records, separator, end):
    """Whatever stands before it and after it."""
    header = f"video_url{separator}audio_url"
    body = end.join(separator.join(cells) for cells in records)
    told = []
    raw = io.BytesIO(f"{header}{end}{body}".encode())
    table = Table(io.TextIOWrapper(raw, "utf-8", newline=""), lambda *args: told.append(args))
    found = [cells for _, cells in table.records()]

    lines = io.StringIO(body, newline="")
    reader = csv.reader(lines, delimiter=separator, strict=True, skipinitialspace=True)
    try:
        stripped = [[cell.strip(" \t\r\n") for cell in cells] for cells in reader]
    except csv.Error:  # padded behind a quote, which the table mends
        return
    assert found == [cells for cells in stripped if any(cells) and len(cells) == 2]
    assert len(told) == sum(1 for cells in stripped if any(cells) and len(cells) != 2)


def test_a_second_reading_gives_the_same_rows(tmp_path):
    """Of two manifests, with references of their own and made ones, quotes, flags and links."""
    first, second = tmp_path / "a.csv", tmp_path / "b.yaml"
    link = "https://cdn.example.com/e"
    first.write_text(
        "video,audio,reference_id,disable_active_speaker_detection,note\n"
        f"{link}1.mp4,{link}1.wav,S1,yes,see https://u:p@cdn/a\n"
        f'{link}1.mp4,{link}1-ja.wav?sv=1&sig=x,,,"a\nb"\n'
    )
    second.write_text(f"jobs:\n- {{video: '{link}1.mp4', audio: '{link}2.wav', note: x}}\n")
    paths, problems, keys, files = [str(first), str(second)], Problems(), bytearray(), []
    rows = list(read_manifests(paths, problems, keys=keys))

    assert problems.total == 0
    assert list(read_again(paths, files, bytes(keys))) == rows
    assert len(rows) == 3 == len(keys) / 16
    assert len(files) == 2
    first.write_text(first.read_text() + f"http://[,{link}3.wav,S3,,\n")
    files.clear()
    list(read_again([str(first)], files, bytes(keys)))
    assert files == []


def test_a_media_key_is_packed_and_unpacked():
    """It is kept in 16 bytes from the first reading to the second."""
    key = media_key("https://h/a", "https://h/b", disable_speaker_detection=False)

    assert key_of_bytes(bytes_of_key(key)) == key
    assert len(bytes_of_key(key)) == 16


# -- links ----------------------------------------------------------------------------------------

_NAMES = sorted({name for _, needed, cut in _SCHEMES for name in needed | cut})
_PIECE = st.one_of(
    st.sampled_from([*_NAMES, *map(str.upper, _NAMES)]).map(
        lambda name: f"{name}=20260301T200000Z"
    ),
    st.sampled_from(
        ["", "=", "a", "expires=5", "Expires", "%73ig=1", "sv=2&sig=1", "st=2026-01-01"]
    ),
    st.sampled_from(["X-Amz-Expires=60", "se=2026-01-01T10:00Z", "x-amz-credential=ASIA%2Fx"]),
    st.sampled_from(["policy=e30_", "X-Amz-Algorithm=1&X-Amz-Signature=2", "key-pair-id=1"]),
)
_QUERY = st.lists(_PIECE, max_size=8).map("&".join)


def _split_slowly(query):
    pieces = tuple(piece for piece in query.split("&") if piece)
    names = [_lower_name(piece.partition("=")[0]) for piece in pieces]
    for scheme, needed, cut in _SCHEMES:
        if needed <= set(names):
            kept = zip(pieces, names, strict=True)
            return scheme, tuple(piece for piece, name in kept if name not in cut)
    return "", pieces


@given(_QUERY)
@settings(max_examples=200)
def test_a_signature_is_told_by_the_names_alone(query):
    """What is cut from a link decides which file it is."""
    assert _split_signature(query) == _split_slowly(query)


@given(_QUERY)
@settings(max_examples=200)
def test_a_life_rests_on_the_few_parameters_that_tell_of_time(query):
    """All the others may be passed over."""
    url = f"https://h/a.mp4?{query}"
    scheme, said = signature_of(url), signed_parameters(url)
    known = LinkLife(scheme, *_READERS[scheme](said), _is_temporary(said)) if scheme else None

    assert life_of(url) == known


_WORD = st.sampled_from(["ja", "JA", "pt", "BR", "dub", "e01", "v2", "é", "de", "", "mix", "%6Aa"])
_PATH = st.lists(st.one_of(_WORD, st.sampled_from("-_. /?#")), max_size=8).map("".join)


@given(_PATH, st.sampled_from(["ja", "pt", "de"]))
@settings(max_examples=200)
def test_the_last_word_of_a_name_says_what_all_its_words_say(path, wanted):
    """It is looked at first, since that is where the language nearly always stands."""
    url = f"https://h/{path}"
    short = languages.said_by(url, wanted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(languages, "_said_last", lambda *_: None)
        assert languages.said_by(url, wanted) == short


_FILE = st.tuples(
    _PATH, st.sampled_from([".mp4", ".wav", ".MP4", "", "mp4", ".mov?a=b.wav", ".wav#.mp4"])
)


@example("a.wav#.mp4", "b.wav")
@example("a.wav?.mp4", "b.wav")
@given(_FILE.map("".join), _FILE.map("".join))
@settings(max_examples=200)
def test_a_plain_pair_is_not_swapped(video, audio):
    """Links that plainly end as they should are not looked at any further."""
    row = make_row("r", 2, video=f"https://h/{video}", audio=f"https://h/{audio}")

    assert not (pairs._is_plain_pair(row) and list(pairs._swapped(row)))


# -- what is shown --------------------------------------------------------------------------------


@given(_TEXT)
def test_printable_text_is_shown_as_it_is(text):
    """And all that could move a cursor is not printable."""
    assert texts.visible(text) == texts._UNSEEN.sub(texts._escape, text)


@given(_TEXT, st.integers(0, 12), st.booleans())
def test_a_cell_is_padded_to_its_width(text, width, to_right):
    """By the columns that it takes, not by its letters."""
    padding = " " * max(0, width - texts.columns_wide(text))

    assert _pad(text, width, to_right) == (padding + text if to_right else text + padding)


@pytest.mark.parametrize("text", ["`batchdub retry x`", "see `batchdub reorder a`", "`x`", "no"])
def test_only_a_command_is_led(text):
    """What names none stays as it is."""
    leads = Leads(("--ledger", "l.db"))

    assert (led(text, leads) != text) is ("`batchdub " in text)


@given(st.integers(0, 4_000_000_000).map(lambda at_s: datetime.fromtimestamp(at_s, UTC)))
def test_a_local_time_is_written_as_strftime_does(moment):
    """In whatever zone this machine is."""
    assert local_time(moment) == moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")

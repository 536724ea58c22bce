"""Tables: whatever a spreadsheet exports is read, or told by line and column."""

from __future__ import annotations

import tracemalloc

import pytest

from batchdub.manifest import Problems, read_manifests
from batchdub.models import Source
from tests.manifest.conftest import AUDIO, VIDEO

HEADER = "video_url,audio_url,reference_id\n"
ROW = f"{VIDEO},{AUDIO},S1\n"


def test_the_api_references_own_example_is_a_row_of_exactly_those_values(read):
    """The order's body is made of these values, so nothing may be changed on the way."""
    got = read(
        "reference_id,video_url,audio_url\n"
        "dub-episode-42,https://cdn.example.com/episodes/42.mp4,"
        "https://cdn.example.com/dubs/42-japanese.wav\n",
        "tonight.csv",
    )

    (row,) = got.rows
    assert row.reference_id == "dub-episode-42"
    assert row.video_url == "https://cdn.example.com/episodes/42.mp4"
    assert row.audio_url == "https://cdn.example.com/dubs/42-japanese.wav"
    assert row.disable_active_speaker_detection is False
    assert row.source == Source("tonight.csv", 2)
    assert dict(row.columns) == {}
    assert got.lines == got.warnings == []


def test_below_a_cell_with_a_line_break_the_spreadsheets_row_is_told_too(read):
    """Who mends it sees rows, and no lines; above such a cell both are one."""
    bad = f"ftp://cdn/1.mp4,{AUDIO},S1,\n"
    got = read(
        f'video_url,audio_url,reference_id,title\n{bad}{VIDEO},{AUDIO},S2,"a\nb"\n\n'
        f"ftp://cdn/3.mp4,{AUDIO},S3,\n{VIDEO},{AUDIO},S4,,\n",
        "tonight.csv",
    )

    first, second, third = got.lines
    assert first.startswith("tonight.csv:2:1: video_url: not an http(s) URL (it must begin")
    assert second.startswith("tonight.csv:6:1: video_url: not an http(s) URL (row 5 in a spreadshe")
    assert third.startswith("tonight.csv:7:")
    assert "(row 6 in a spreadsheet; " in third


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_any_separator_line_end_and_byte_order_mark_gives_the_same_row(
    read, separator, end, encoding
):
    """Excel writes all of these, depending on country, system and menu item.

    Faults: F-66.
    """
    lines = [
        separator.join(("video_url", "audio_url", "reference_id", "title")),
        separator.join((VIDEO, AUDIO, "S1", '"Ström, ""weiß""; 日本\tx"')),
    ]

    got = read((end.join(lines) + end).encode(encoding))

    assert got.lines == []
    assert got.rows[0].reference_id == "S1"
    assert got.rows[0].columns["title"] == 'Ström, "weiß"; 日本\tx'


def test_the_separator_is_taken_from_the_header_alone(read):
    """A title full of commas must not turn a semicolon table into another one."""
    got = read(f"video_url;audio_url;title\n{VIDEO};{AUDIO};a,b,c,d,e,f\n")

    assert dict(got.rows[0].columns) == {"title": "a,b,c,d,e,f"}


def test_a_separator_within_a_quoted_header_name_does_not_count(read):
    """A name such as `client, agent, producer` is one column."""
    got = read(f'video_url;audio_url;"a, b,\nc, d"\n{VIDEO};{AUDIO};x\n')

    assert dict(got.rows[0].columns) == {"a, b,\nc, d": "x"}
    assert got.rows[0].source.line == 3


def test_cells_are_trimmed_and_blank_lines_and_empty_records_are_left_out(read):
    """Spreadsheets leave padded cells and empty rows at the end."""
    got = read(f"\n,,\n video_url , Audio , note \n\n , , \n {VIDEO} ,  {AUDIO}, x y \n,,\n\n")

    assert [row.source.line for row in got.rows] == [6]
    assert got.rows[0].video_url == VIDEO
    assert dict(got.rows[0].columns) == {"note": "x y"}
    assert got.lines == []


def test_a_padded_quoted_cell_is_a_cell(read):
    """Some programs pad after the closing quote too."""
    got = read(HEADER + f'"{VIDEO}" , "{AUDIO}"  ,  "S ""1"""  \n')

    assert got.lines == []
    assert got.rows[0].reference_id == 'S "1"'


def test_a_records_line_is_the_one_it_starts_at(read):
    """A quoted line break makes a record longer than a line, and people look for its start."""
    got = read(f'video,audio,note\n{VIDEO},{AUDIO},"one\ntwo\n\nfour"\n{VIDEO}2,{AUDIO},\n')

    assert [row.source.line for row in got.rows] == [2, 6]
    assert got.rows[0].columns["note"] == "one\ntwo\n\nfour"


def test_a_problem_stands_at_the_first_character_of_its_cell(read):
    """People go to line and column; both count characters, not bytes."""
    got = read(f'note,video_url,audio_url\n"ä, ""日"" ",{VIDEO},ftp://x/y\n')

    column = len(f'"ä, ""日"" ",{VIDEO},') + 1
    assert got.lines == [
        f"m.csv:2:{column}: audio_url: not an http(s) URL (it must begin with https:// or http://)"
    ]


def test_a_cell_behind_a_line_break_has_no_column(read):
    """Its position in another line would mislead; the record's line is told."""
    got = read(f'note,video_url,audio_url\n"a\nb",{VIDEO},\n')

    assert got.lines[0].startswith("m.csv:2: audio_url: is empty")


def test_the_last_cell_of_a_file_without_a_final_line_break_has_a_column(read):
    """An empty last cell begins where the file ends."""
    got = read(f"video_url,audio_url\n{VIDEO},")

    assert got.lines[0].startswith(f"m.csv:2:{len(VIDEO) + 2}: audio_url: is empty")


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (f"{VIDEO},{AUDIO}", "m.csv:2: 2 cells where the header has 3"),
        (
            f"{VIDEO},{AUDIO},S1,x",
            f"m.csv:2:{len(VIDEO) + len(AUDIO) + 6}: 4 cells where the header has 3",
        ),
        (VIDEO, "m.csv:2: 1 cell where the header has 3"),
        (f'{VIDEO},"{AUDIO}"x,S1', f"m.csv:2:{len(VIDEO) + 2}: text after a closing quote"),
    ],
)
def test_a_record_that_does_not_fit_is_told_and_the_next_is_read(read, record, told):
    """One slipped cell must neither shift a whole row nor hide what follows.

    Faults: F-66.
    """
    got = read(HEADER + record + f"\n{ROW}")

    assert len(got.lines) == 1
    assert got.lines[0].startswith(told)
    assert [row.reference_id for row in got.rows] == ["S1"]
    assert got.problems.rows_left_out == 1
    assert not got.problems.blocking


def test_a_tab_is_named_in_words(read):
    """A tab in backticks cannot be read."""
    got = read(f"video\taudio\n{VIDEO}\t{AUDIO}\tx\n")

    assert "`tab`" in got.lines[0]


@pytest.mark.parametrize("tail", ["", "\n" + "x" * 140_000, "\n" + "y,\n" * 60_000])
def test_a_quote_that_is_never_closed_is_told_where_it_opens(read, tail):
    """Everything behind it would be one cell, so reading stops there.

    Faults: F-66.
    """
    got = read(HEADER + ROW + f'{VIDEO},"{AUDIO},S2\n{VIDEO},{AUDIO},S3' + tail)

    assert len(got.rows) == 1
    assert got.lines[0].startswith(f"m.csv:3:{len(VIDEO) + 2}: a quote is opened and never closed")
    assert got.problems.blocking


def test_an_open_quote_in_the_header_is_told_there(read):
    """The header decides everything else, so it must be whole."""
    got = read(f'video_url,"audio_url\n{VIDEO},{AUDIO}\n')

    assert got.lines[0].startswith("m.csv:1:11: a quote is opened and never closed")


def test_a_record_that_outgrows_memory_is_told(read):
    """Each cell may be small enough, but not thousands of them in one record."""
    cell = '"' + "x\n" * 60_000 + '",'
    got = read(HEADER + cell * 40)

    assert got.lines[0].startswith("m.csv:2:1: a quote is opened and never closed")


def test_a_line_that_outgrows_memory_is_told(read):
    """A gigabyte without a line break is no manifest."""
    got = read(HEADER + "x" * (1 << 20))

    assert got.lines == ["m.csv:2: a line of 1,048,576 characters or more"]


def test_a_nul_is_told_in_its_row(read):
    """NUL is what is left of a broken disk or of a wrong encoding.

    Faults: F-66.
    """
    got = read(f"video,audio,note\n{VIDEO},{AUDIO},a\0b\n".encode())

    column = len(f"{VIDEO},{AUDIO},") + 1
    assert got.lines == [
        f"m.csv:2:{column}: note: has U+0000 a control character at character 2 (remove it)"
    ]


def test_utf16_without_its_mark_is_told_at_the_header(read):
    """Without the mark every other byte is a NUL; the hint says how to save instead."""
    got = read((HEADER + ROW).encode("utf-16-le"))

    assert got.lines[0].startswith("m.csv:1:2: has a NUL, U+0000")
    assert "UTF-8" in got.lines[0]


def test_a_byte_that_is_not_utf8_is_told_with_line_and_column(read):
    """Excel's plain CSV is Latin-1; guessing would change names in silence."""
    got = read(HEADER.encode() + ROW.encode() + f"{VIDEO},{AUDIO},caf\xe9\n".encode("latin-1"))

    column = len(f"{VIDEO},{AUDIO},caf") + 1
    assert got.lines[0].startswith(f"m.csv:3:{column}: byte 0xE9 is not UTF-8")
    assert "`CSV UTF-8`" in got.lines[0]
    assert got.problems.blocking


def test_half_a_utf16_character_is_told(read):
    """A cut file must not lose its last character in silence."""
    got = read((HEADER + ROW).encode("utf-16") + b"\x41")

    assert "is not UTF-8 (or UTF-16) text" in got.lines[0]


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff", ",,\n"])
def test_an_empty_table_has_no_rows(read, content):
    """Exit 0 on an empty export would hide that the export failed."""
    got = read(content)

    assert got.lines == ["m.csv:1: has no rows (the first line names the columns)"]


def test_a_header_alone_has_no_rows(read):
    """The same where only the header was exported."""
    assert read(HEADER).lines == ["m.csv:1: has no rows (only a header)"]


def test_a_file_of_broken_records_is_not_told_to_be_empty(read):
    """It has rows; they are told one by one."""
    got = read(HEADER + "a,b\n")

    assert len(got.lines) == 1


def test_all_problems_of_a_row_are_told_at_once(read):
    """People who mend one and run again for the next split their files by hand."""
    got = read("video,audio,reference_id,disable_active_speaker_detection\nx,,a/b,maybe\n")

    assert [line.split(": ")[1] for line in got.lines] == [
        "video_url",
        "audio_url",
        "reference_id",
        "disable_active_speaker_detection",
    ]
    assert got.problems.rows_left_out == 1


def test_more_rows_than_there_is_memory_for_is_told(read, monkeypatch):
    """The hashes that find duplicates are kept, so their number is bounded."""
    monkeypatch.setattr("batchdub.manifest.load.MOST_ROWS", 1)

    got = read(HEADER + f"{VIDEO},{AUDIO},a\n{VIDEO},{AUDIO},b\n")

    assert [row.reference_id for row in got.rows] == ["a"]
    assert got.lines == ["m.csv:3: more than 1 rows (split it)"]


def test_a_quoted_cell_padded_on_the_left_keeps_its_separators(read):
    """`, "a, b"` is one cell, as whoever wrote it meant."""
    got = read(f'video,audio,title\n{VIDEO}, "{AUDIO}",  "a, b"\n')

    assert got.lines == []
    assert dict(got.rows[0].columns) == {"title": "a, b"}


def test_a_row_more_costs_bytes_not_a_row_more_of_memory(tmp_path):
    """A million rows pass one by one; of each only what finds a duplicate is kept (F-66)."""

    def peak_bytes(rows):
        path = tmp_path / f"{rows}.csv"
        with path.open("w") as file:
            file.write("video,audio,reference_id,title\n")
            file.writelines(f"{VIDEO}?{n},{AUDIO}?{n},row-{n},{'x' * 500}\n" for n in range(rows))
        tracemalloc.start()
        try:
            read = sum(1 for _ in read_manifests([str(path)], Problems()))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert read == rows

    few, many = peak_bytes(1000), peak_bytes(6000)

    assert (many - few) / 5000 < 150

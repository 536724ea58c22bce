"""File names from templates: valid on every system, inside the folder, and never two alike."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.run.file_names import (
    DEFAULT_NAME,
    NoNameError,
    file_key,
    parse_name_template,
    safe_part,
)

NESTED = parse_name_template("{language}/S {season}/{title} {reference_id}.mp4")
WINDOWS_DEVICES = re.compile(
    r"(?i)(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?"
)
NASTY = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(
        ["..", ".", "../../etc/passwd", "/etc", "C:\\x", "con", "NUL.txt", "com¹", "a.", "a ",
         ".hidden", "~", "-rf", "a\0b", "a\nb", "\u202egpj", "e\u0301", "é", "x" * 400, "日" * 200,
         "...", " . ", "lpt1 .x", "a:b", '*?<>|"', "\ud800", "\u200d", "ﬁ", "ẞ", "İ"],
    ),
)  # fmt: skip


def fits_everywhere(part):
    """Say whether Linux, macOS and Windows all take this name, and as it is written."""
    return (
        0 < len(part.encode()) <= 255 - len(".12345678.part.note")
        and not set(part) & set('<>:"/\\|?*')
        and part not in (".", "..")
        and not part.startswith(".")
        and part == part.strip()
        and not part.endswith(".")
        and not WINDOWS_DEVICES.fullmatch(part)
        and not any(unicodedata.category(letter) in ("Cc", "Cf", "Cs") for letter in part)
        and unicodedata.normalize("NFC", part) == part
    )


@given(NASTY, NASTY, NASTY, NASTY, st.integers(1, 30))
@example("..", "..", "..", "..", 1)
def test_no_name_escapes_and_every_part_is_valid_everywhere(ref, language, season, title, revision):
    """Whatever a spreadsheet holds: as Linux, macOS and Windows read it."""
    columns = {"language": language, "season": season, "title": title}
    if not all(value.strip() for value in (ref, *columns.values())):
        with pytest.raises(NoNameError):
            NESTED.name_of(ref, revision, columns)
        return

    name = NESTED.name_of(ref[:20], revision, {key: text[:20] for key, text in columns.items()})

    parts = name.split("/")
    assert len(parts) == 3
    assert all(map(fits_everywhere, parts)), parts
    assert name.endswith(".mp4")
    for kind in (PurePosixPath, PureWindowsPath):
        assert not kind(name).is_absolute()
        assert len(kind(name).parts) == 3
        assert ".." not in kind(name).parts
    assert len(name.encode("utf-16-le")) <= 400


@given(NASTY)
def test_making_safe_again_changes_nothing(text):
    """So a name that is safe is kept as it was written."""
    assert safe_part(safe_part(text)) == safe_part(text)


@given(st.text(max_size=12), st.text(alphabet="aBcéÄöçÑжλ日1 ", max_size=12))
def test_names_that_a_file_system_takes_for_one_have_one_key(anything, letters):
    """macOS and Windows do not tell case, macOS does not tell how an accent is written."""
    for text in (anything, letters):
        for form in ("NFC", "NFD"):
            assert file_key(unicodedata.normalize(form, text)) == file_key(text)
        assert file_key(file_key(text)) == file_key(text.casefold()) == file_key(text)
    assert file_key(letters.upper()) == file_key(letters.lower()) == file_key(letters)
    assert file_key("a/b") != file_key("ab")


@given(st.integers(1, 99), st.integers(1, 99))
def test_no_revision_overwrites_another(first, second):
    """Whether the template tells them apart or not."""
    for text in (DEFAULT_NAME, "{reference_id} v{revision}.mp4", "{reference_id}/{language}.mp4"):
        template = parse_name_template(text)
        names = {template.name_of("S01E01", each, {"language": "ja"}) for each in (first, second)}
        assert len(names) == len({first, second})


def test_names_are_as_one_expects():
    name = parse_name_template("{language}/{season}/{reference_id}.mp4").name_of
    columns = {"language": "ja", "season": "01"}

    assert name("S01E01-ja", 1, columns) == "ja/01/S01E01-ja.mp4"
    assert name("S01E01-ja", 2, columns) == "ja/01/S01E01-ja~r2.mp4"
    assert parse_name_template("a {{x}} {reference_id}.MP4").name_of("b", 1, {}) == "a {x} b.MP4"
    assert parse_name_template("{ a/b }.mp4").name_of("r", 1, {"a/b": "A/B"}) == "A_B.mp4"
    assert safe_part("nul", ".mp4") == "_nul.mp4"
    long = safe_part("x" * 400, "~r2.mp4")
    assert re.fullmatch(r"x+~[0-9a-f]{8}~r2\.mp4", long)
    assert safe_part("x" * 401, "~r2.mp4") != long


def test_our_columns_win_over_the_users():
    """A column named `revision` must not make two revisions one file."""
    template = parse_name_template("{reference_id} {revision}.mp4")

    assert template.name_of("a", 2, {"revision": "1", "reference_id": "b"}) == "a 2.mp4"


@pytest.mark.parametrize(
    "text",
    ["", "a", "/a.mp4", "../{x}.mp4", "a/../{x}.mp4", "a//b.mp4", "{x}", "{x}.json", "{x}.PART",
     "{x.mp4", "x}.mp4", "{}.mp4", "C:/{x}.mp4", "a\\{x}.mp4", "con/{x}.mp4", ".mp4", "a/.mp4",
     "{x}/", " a/{x}.mp4", "a./{x}.mp4", "{x}.mp4 ", "{x}?.mp4", "{x}.mp4/{y}"],
)  # fmt: skip
def test_a_template_that_cannot_be_is_refused_with_an_example(text):
    """Before anything is read, let alone ordered."""
    with pytest.raises(UnusableInputError) as raised:
        parse_name_template(text)
    assert "`{language}/{season}/{reference_id}.mp4`" in raised.value.hint
    assert f"`{text}`" in raised.value.message


def test_what_is_missing_is_said():
    with pytest.raises(NoNameError) as raised:
        NESTED.name_of("a", 1, {"language": "ja"})
    assert (raised.value.column, raised.value.missing) == ("season", True)
    with pytest.raises(NoNameError) as raised:
        NESTED.name_of("a", 1, {"language": " ", "season": "1", "title": "t"})
    assert (raised.value.column, raised.value.missing) == ("language", False)
    with pytest.raises(NoNameError, match="longer than 200 characters"):
        NESTED.name_of("a" * 90, 1, {"language": "x" * 90, "season": "y" * 90, "title": "t"})

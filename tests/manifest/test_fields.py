"""The fields of a row: what may be sent, and what looks like damage."""

from __future__ import annotations

import json
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from batchdub.manifest import fields
from batchdub.manifest.fields import (
    column_doubt,
    column_fault,
    flag_fault,
    flag_value,
    letter_name,
    reference_doubt,
    reference_fault,
    url_fault,
)
from batchdub.media_url import cut_url, media_key
from tests.manifest.conftest import AUDIO, VIDEO


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/episodes/42.mp4",
        "HTTP://CDN.example.com/a.mp4",
        "https://cdn.example.com",
        "https://cdn.example.com:8443/a%20b.mp4?x=1&y=[2]#t",
        "https://user:pass@cdn.example.com/a.mp4",
        "https://cdn_1.example.com/a{b}.mp4",
        "https://[2001:db8::1]:443/a.mp4",
        "https://bücher.example/ä.mp4",
        "https://x/" + "a" * (8192 - 10),
    ],
)
def test_http_links_are_accepted(url):
    """The API fetches them; we only refuse what cannot be a link."""
    assert url_fault(url) is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "is empty"),
        ("ftp://x/y", "not an http(s) URL"),
        ("cdn.example.com/a.mp4", "not an http(s) URL"),
        ("C:\\dubs\\a.wav", "not an http(s) URL"),
        ("https:/x/y", "not an http(s) URL"),
        ("https:///a.mp4", "has no host"),
        ("https://user:pw@/a.mp4", "has no host"),
        ("https://:8080/a.mp4", "has no host"),
        ("https://?x", "has no host"),
        ("https://a..b/c", "has no host"),
        ("https://cdn.example.com/a b.mp4", "has a space at character 26"),
        ("https://cdn.example.com/a\tb", "has a tab"),
        ("https://cdn.example.com/a\n", "has a line break"),
        ("https://cdn.example.com/a\u200bb", "has U+200B ZERO WIDTH SPACE"),
        ("https://cdn.example.com/a\xa0b", "has U+00A0 NO-BREAK SPACE"),
        ("https://cdn.example.com/a\0", "has U+0000 a control character"),
        ("https://cdn.example.com/a\udc80", "has U+DC80"),
        ("https://cdn.example.com\\a", "has a backslash"),
        ("https://cdn.example.com:port/a", "not a valid URL"),
        ("https://cdn.example.com:99999/a", "not a valid URL"),
        ("https://[::1/a", "not a valid URL"),
        ("https://[nonsense]/a", "not a valid URL"),
        ("https://a\u2100b/c", "not a valid URL"),
        ("https://x/" + "a" * (8192 - 9), "has 8,193 characters, more than 8,192"),
    ],
)
def test_what_cannot_be_a_link_is_told_and_never_raises(url, told):
    """A bad port or IPv6 address makes the standard library raise; here it is a problem."""
    fault = url_fault(url)

    assert fault is not None
    assert fault.what.startswith(told)


@given(st.text(max_size=40), st.sampled_from(["", "https://", "http://h", "https://h:", "//"]))
def test_a_link_without_fault_has_a_media_key(text, start):
    """So that whatever passed the checks can be identified without an exception."""
    url = start + text

    if url_fault(url) is None:
        assert cut_url(url).identity
        assert media_key(url, VIDEO, disable_speaker_detection=False)


@pytest.mark.parametrize(
    "reference_id",
    [
        "dub-episode-42",
        "S02E07-ja",
        "no",
        "010",
        "a",
        "Épisode 12, 日本語 (v2)",
        "x" * 190,
        "2E05",
        "x~r",
        "~r2x",
        "1.5",
        "a..b",
        "deadbeef" * 4 + "0",
    ],
)
def test_printable_reference_ids_are_accepted(reference_id):
    """1 to 190 printable characters."""
    assert reference_fault(reference_id) is None
    assert reference_doubt(reference_id) is None


@pytest.mark.parametrize(
    ("reference_id", "told"),
    [
        ("x" * 191, "has 191 characters, more than 190"),
        (" a", "begins or ends with a space"),
        ("a ", "begins or ends with a space"),
        ("a\tb", "has a tab"),
        ("a\xa0b", "has U+00A0 NO-BREAK SPACE"),
        ("a\u200bb", "has U+200B ZERO WIDTH SPACE"),
        ("a\u202eb", "has U+202E RIGHT-TO-LEFT OVERRIDE"),
        ("../x", "has a slash"),
        ("a/b", "has a slash"),
        ("a\\b", "has a slash"),
        ("..", "is made of dots only"),
        ("ep~r2", "ends like a revision"),
        ("ep~R10", "ends like a revision"),
        ("1E+05", "`1E+05` looks like a number that a spreadsheet has shortened"),
        ("1,23E+11", "`1,23E+11` looks like a number"),
        ("2.5e-7", "`2.5e-7` looks like a number"),
        ("#REF!", "`#REF!` is a program's word for nothing"),
        ("#N/A", "has a slash"),
        ("NULL", "`NULL` is a program's word for nothing"),
        ("nan", "`nan` is a program's word for nothing"),
        ("ep😀", "has an emoji"),
        ("ep\u2764\ufe0f", "has an emoji"),
    ],
)
def test_reference_ids_that_cannot_be_told_apart_or_looked_up_are_refused(reference_id, told):
    """The reference_id is the only thread back to a row.

    Faults: F-67, F-68.
    """
    fault = reference_fault(reference_id)

    assert fault is not None
    assert fault.what.startswith(told)


@given(st.uuids(), st.sampled_from(["{}", "{{{}}}", "urn:uuid:{}"]), st.booleans(), st.booleans())
@example(uuid.UUID(int=0), "{}", False, False)
def test_no_form_of_a_uuid_is_a_reference_id(value, form, hyphens, upper):
    """The API takes either under the same address, and could not tell it from a request id.

    Faults: F-68.
    """
    text = form.format(value if hyphens else value.hex)

    fault = reference_fault(text.upper() if upper else text)

    assert fault is not None
    assert "UUID" in fault.what


@pytest.mark.parametrize(
    ("reference_id", "told"),
    [
        ("cafe\u0301", "has accents as separate characters"),
        ("S02\u041507", "mixes Latin letters with Greek or Cyrillic"),
    ],
)
def test_look_alikes_are_warned_of_and_sent_as_they_are(reference_id, told):
    """Never changed in silence: two ids that look alike are two orders.

    Faults: F-67.
    """
    assert reference_fault(reference_id) is None
    doubt = reference_doubt(reference_id)
    assert doubt is not None
    assert doubt.what.startswith(told)


@pytest.mark.parametrize("text", ["true", "TRUE", "Yes", "1"])
def test_yes_in_any_form_is_true(text):
    """Spreadsheets write TRUE, people yes."""
    assert flag_fault(text) is None
    assert flag_value(text) is True


@given(st.from_regex(fields._PLAIN_REFERENCE, fullmatch=True))
def test_the_short_way_accepts_no_reference_that_a_check_would_refuse(reference_id):
    """Nearly all are plain, and a million times seven checks are seconds."""
    assert fields._odd_reference(reference_id) is None
    assert reference_doubt(reference_id) is None


@given(st.from_regex(fields._PLAIN_URL, fullmatch=True))
def test_the_short_way_accepts_no_link_that_a_check_would_refuse(url):
    """The same of links."""
    assert fields._GAP.search(url) is None
    assert fields._address_fault(url) is None


@pytest.mark.parametrize("text", ["false", "False", "NO", "0", ""])
def test_no_in_any_form_and_nothing_is_false(text):
    """The API's default is false."""
    assert flag_fault(text) is None
    assert flag_value(text) is False


def test_a_flag_that_is_neither_is_told_without_showing_a_link():
    """Cells that slipped by one put a signed link here."""
    assert flag_fault("maybe").what == "`maybe` is neither true nor false"
    assert "hush" not in flag_fault("https://u:hush@x/y?X-Amz-Signature=hush").what
    assert "hush" not in flag_fault("x/y?X-Amz-Signature=hush").what


def test_columns_of_the_users_own_may_hold_all_but_control_characters():
    """They are printed in terminals and reports."""
    assert column_fault("one\n\ttwo, ✓ 😀") is None
    assert column_fault("\x1b[31m").what == "has U+001B a control character at character 1"
    assert column_doubt("ok\u200d👍") is None
    assert column_doubt("ja\xa0").what == "ends with U+00A0 NO-BREAK SPACE"
    assert column_doubt("\ufeffja").what == "begins with U+FEFF ZERO WIDTH NO-BREAK SPACE"


def test_characters_are_named():
    """What cannot be seen must be named."""
    assert letter_name("\r") == "a line break"
    assert json.dumps(letter_name("\u2028")) == '"U+2028 LINE SEPARATOR"'
    assert AUDIO.isprintable()

"""Where a key may be sent, and what a key is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import KeyRefusedError, UnusableInputError
from batchdub.wire import PRODUCTION_URL, STAGING_URL, check_base_url, check_key


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (PRODUCTION_URL, PRODUCTION_URL),
        (STAGING_URL, STAGING_URL),
        (" HTTPS://API.Chamelaion.com:443/api// ", PRODUCTION_URL),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:80/api/", "http://127.0.0.1/api"),
        ("http://127.9.9.9:8000/api", "http://127.9.9.9:8000/api"),
        ("http://[::1]:9/api", "http://[::1]:9/api"),
        ("https://[2001:db8::1]/api", "https://[2001:db8::1]/api"),
    ],
)
def test_a_base_url_has_one_spelling(written, normal):
    """The ledger is bound to it, so two spellings must not be two APIs."""
    assert check_base_url(written) == normal
    assert check_base_url(normal) == normal


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("http://api.chamelaion.com/api", "plain http"),
        ("http://127.0.0.1.example.com", "plain http"),
        ("http://localhost.example.com", "plain http"),
        ("http://0.0.0.0", "plain http"),
        ("https://u:hunter2@api.example.com", "user name or password"),
        ("http://127.0.0.1\\@example.com", "user name or password"),
        ("https://api.example.com?key=hunter2", "query"),
        ("https://api.example.com/#hunter2", "query or fragment"),
        ("https://api.example.com?", "query"),
        ("ftp://api.example.com", "https://"),
        ("api.example.com", "https://"),
        ("https://", "not a plain"),
        ("https://a b/", "not a plain"),
        ("https://api..example.com", "no such host"),
        ("https://api.example.com:0", "no such host or port"),
        ("https://api.example.com:70000", "no such host or port"),
        ("https://[::g]/", "not a"),
        ("https://[1:2]/", "no such host"),
        ("https://[::1", "not a URL"),
    ],
)
def test_other_addresses_are_refused_without_their_secrets(written, says):
    """A key in a wrong place cannot be taken back, and a message is kept for ever."""
    with pytest.raises(UnusableInputError) as caught:
        check_base_url(written)
    assert says in str(caught.value)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_safe_address_or_refused(text):
    """Only https, or this machine."""
    for written in (text, f"http://{text}", f"https://{text}"):
        try:
            url = check_base_url(written)
        except UnusableInputError:
            continue
        assert url.startswith(("https://", "http://localhost", "http://127.", "http://["))


def test_a_key_is_taken_without_the_white_space_around_it():
    """It comes from a file or a clipboard; a line end in a header breaks the request."""
    assert check_key(" sk-1\n").reveal() == "sk-1"


@pytest.mark.parametrize("text", ["", " \n", "sk 1", "sk-\n1", "sk-é", "sk-\x00", "sk-€", "\ud800"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_repeated(text):
    """httpx would put it into its exception's text."""
    with pytest.raises(KeyRefusedError) as caught:
        check_key(text)
    assert not text.strip() or text.strip() not in repr(caught.value)

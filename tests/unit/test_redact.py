"""A secret reaches no text that anybody reads."""

from __future__ import annotations

import base64
import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.redact import MASK, Secret, login_secrets, scrub

KEY = "sk-live-4f9a1c77"
_word = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=6, max_size=30)


def test_a_secret_masks_itself_wherever_it_is_printed():
    """Keys end up in logs by way of reprs, not by intent."""
    secret = Secret(KEY)

    texts = [str(secret), repr(secret), f"{secret}", "%s" % secret, repr({"key": secret})]  # noqa: UP031  all forms

    assert all(KEY not in text and MASK in text for text in texts)
    assert secret.reveal() == KEY


def test_a_secret_compares_by_value():
    """A set of secrets holds each once."""
    assert Secret(KEY) == Secret(KEY)
    assert Secret(KEY) != Secret("another")
    assert Secret(KEY) != KEY
    assert len({Secret(KEY), Secret(KEY)}) == 1


def test_a_secret_is_never_pickled():
    """A pickle is a file, and its reader would find the key in it."""
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(KEY))


@given(st.text(), st.text(), _word)
def test_a_secret_is_cut_from_any_text(before, after, secret):
    """A server may echo the key anywhere in what it says."""
    scrubbed = scrub(f"{before} {secret} {after}", Secret(secret))

    assert secret not in scrubbed.replace(MASK, "") or secret in before + after


def test_a_key_with_white_space_around_it_is_cut_as_well():
    """A key read from a file keeps its newline; httpx's message shows it without."""
    assert KEY not in scrub(f"Illegal header value {KEY!r}", Secret(f"{KEY}\n"))
    assert scrub("all is well", Secret("")) == "all is well"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {KEY}",
        f"bearer {KEY}",
        f"{{'Authorization': 'Bearer {KEY}'}}",
        f"[(b'x-api-key', b'{KEY}'), (b'accept', b'*/*')]",
        f'{{"x-api-key":"{KEY}"}}',
        f"authorization=Basic {KEY}",
        f"x-api-key: {KEY}",
        f"https://cdn.example.com/a.mp4?X-Amz-Signature={KEY}",
        f"https://user:{KEY}@cdn.example.com/a.mp4",
        f"(https://us)er:{KEY}@cdn.example.com/a.mp4)",
        f"see <HTTPS://user:{KEY}@cdn.example.com/a.mp4?b=1#frag>",
    ],
)
def test_what_looks_like_a_credential_is_cut_without_being_known(text):
    """The key of another tool, or a signed link, is as secret as ours."""
    assert KEY not in scrub(text)


def test_of_a_url_scheme_host_and_path_stay():
    """A message must still say which file it is about."""
    text = scrub("cannot read https://u:p@cdn.example.com/ep/42.mp4?sig=abc, again")

    assert "https://cdn.example.com/ep/42.mp4?" in text
    assert "abc" not in text
    assert scrub("https://cdn.example.com/a.mp4") == "https://cdn.example.com/a.mp4"


def test_the_apis_own_words_stay():
    """`missing authorization header` tells what to mend only while it is whole."""
    texts = ("missing authorization header", "invalid authorization format", "token limit reached")

    assert all(scrub(text) == text for text in texts)


@pytest.mark.parametrize(
    "form",
    [
        quote("q7/Zk+2x=Vb9TmLw4", safe=""),
        quote("q7/Zk+2x=Vb9TmLw4"),
        base64.b64encode(b"q7/Zk+2x=Vb9TmLw4").decode(),
        base64.b64encode(b"u:q7/Zk+2x=Vb9TmLw4").decode(),
        base64.urlsafe_b64encode(b"me:q7/Zk+2x=Vb9TmLw4").decode(),
        "q7/Zk+2x",
        "q7/Zk+2x=Vb...",
    ],
)
def test_a_secret_is_cut_in_other_forms_too(form):
    """Servers decode, encode and abbreviate what they were sent."""
    scrubbed = scrub(f"no such key: {form}, sorry", Secret("q7/Zk+2x=Vb9TmLw4"))

    assert form.rstrip(".") not in scrubbed
    assert scrubbed.startswith(f"no such key: {MASK}")
    assert scrubbed.endswith(", sorry")


def test_what_every_key_of_a_kind_begins_with_stays():
    """A vendor's name at the start of its keys is a word in other messages."""
    key = Secret("chamelaion_live_4f9a1c77")

    assert scrub("https://api.chamelaion.com/api", key) == "https://api.chamelaion.com/api"
    assert scrub("chamelaion_live_4f9a", key) == MASK
    assert scrub("chamelaion_live_4f9a1c77", Secret("chamelaion")) == f"{MASK}_live_4f9a1c77"


@pytest.mark.parametrize(
    "text",
    [
        f"cdn.example.com/a.mp4?X-Amz-Signature={KEY}&b=1",
        f"AWSAccessKeyId={KEY}",
        f"sv=1&sig={KEY}",
        f"auth_token={KEY}, or",
    ],
)
def test_a_signature_without_its_url_is_cut(text):
    """Of a link that was taken apart only the query may be left."""
    assert KEY not in scrub(text)
    assert "=" in scrub(text)


def test_a_login_has_its_forms():
    """As written, decoded, and the password alone; none where there is none."""
    found = login_secrets("http://studio:a%2Fb@proxy:3128")

    assert {secret.reveal() for secret in found} == {"studio:a%2Fb", "studio:a/b", "a%2Fb", "a/b"}
    assert [secret.reveal() for secret in login_secrets("u:p@proxy")] == ["u:p", "p"]
    assert login_secrets("http://proxy:3128") == login_secrets("http://[::1") == ()


@pytest.mark.parametrize(
    "text", ["x" * 200_000, "bearer " * 20_000, "https://" * 20_000, "a=" * 9999]
)
def test_a_long_text_is_scrubbed_at_once(text):
    """A search that begins anew at every letter would take hours here."""
    assert scrub(text, Secret(KEY))

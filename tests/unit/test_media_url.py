"""Media URLs: one identity for one file however it is signed, and no secret shown."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub import media_url
from batchdub.media_url import (
    cut_url,
    made_reference_id,
    media_key,
    secrets_of,
    shown_url,
    signed_parameters,
    url_hash,
    without_secrets,
)

BASE = "https://cdn.example.com/dubs/42.wav"
SIGNED = {
    "AWS V4": "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK{0}%2F2026%2Fs3"
    "&X-Amz-Date=2026{0}&X-Amz-Expires=3600&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t{0}&X-Amz-Signature=s{0}",
    "AWS V2": "AWSAccessKeyId=AK{0}&Expires=17{0}&Signature=s{0}%3D",
    "CloudFront": "Expires=17{0}&Signature=s{0}&Key-Pair-Id=K{0}&Policy=p{0}&Hash-Algorithm=SHA256",
    "Google V4": "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=c{0}&X-Goog-Date=d{0}"
    "&X-Goog-Expires=900&X-Goog-SignedHeaders=host&X-Goog-Signature=s{0}",
    "Google V2": "GoogleAccessId=me%40x&Expires=17{0}&Signature=s{0}",
    "Azure SAS": "sv=2024-{0}&ss=b&srt=o&sp=r&st=a{0}&se=b{0}&spr=https&sr=b&sip=1{0}&sig=s{0}%3D"
    "&skoid=o{0}&sktid=t&skt=x{0}&ske=y{0}&sks=b&skv=2024",
}  # fmt: skip


@pytest.mark.parametrize("scheme", SIGNED)
def test_a_rotated_signature_is_the_same_file(scheme):
    """A link is signed anew every night; the row must be known again.

    Faults: F-59.
    """
    first, second = (f"{BASE}?versionId=7&{SIGNED[scheme].format(text)}" for text in ("1a", "9z"))

    assert cut_url(first).signature == scheme
    assert cut_url(first).identity == cut_url(second).identity == f"{BASE}?versionId=7"
    keys = {media_key(url, BASE, disable_speaker_detection=False) for url in (first, second)}
    assert len(keys) == 1
    assert url_hash(first) != url_hash(second)


@pytest.mark.parametrize("scheme", SIGNED)
def test_nothing_of_a_signature_is_shown(scheme):
    """Ledger, reports and messages hold `shown`."""
    shown = cut_url(f"{BASE}?{SIGNED[scheme].format('hush')}&versionId=7").shown

    assert shown == BASE


@pytest.mark.parametrize("scheme", SIGNED)
def test_names_of_parameters_are_known_in_any_case_and_encoding(scheme):
    """Proxies change their case, and any letter may be percent-encoded."""
    query = SIGNED[scheme].format("1").replace("Signature", "SIGNATURE").replace("sig=", "%73ig=")

    assert cut_url(f"{BASE}?{query}").identity == BASE


@pytest.mark.parametrize(
    "query",
    ["file=1", "token=1", "signature=1", "X-Amz-Signature=1", "sig=1", "Expires=1&Signature=2"],
)
def test_an_unknown_parameter_is_never_cut(query):
    """It may choose the file: two rows must not become one."""
    other = query.replace("1", "9")

    assert cut_url(f"{BASE}?{query}").identity != cut_url(f"{BASE}?{other}").identity
    assert cut_url(f"{BASE}?{query}").signature == ""


def test_values_of_parameters_that_look_secret_are_hidden():
    """An unknown scheme's token is as secret as a known one's."""
    shown = cut_url(f"{BASE}?a=1&Access-Token=hush&hdnts=hush&empty_key=&flag").shown

    assert shown == f"{BASE}?a=1&Access-Token=[hidden]&hdnts=[hidden]&empty_key=&flag"


def test_a_login_is_never_shown_but_tells_files_apart():
    """It may choose the file as much as a path does."""
    one, two = cut_url("https://me:hush@h/a"), cut_url("https://you:hush@h/a")

    assert one.shown == two.shown == "https://h/a"
    assert one.identity != two.identity
    assert "hush" not in one.identity + repr(one)


@pytest.mark.parametrize(
    ("url", "identity"),
    [
        ("HTTPS://CDN.Example.com/A.mp4", "https://cdn.example.com/A.mp4"),
        ("https://h:443/a", "https://h/a"),
        ("http://h:80/a", "http://h/a"),
        ("https://h:80/a", "https://h:80/a"),
        ("https://h/a#t=1", "https://h/a"),
        ("https://h/a?&&", "https://h/a"),
        ("https://h", "https://h"),
        ("https://[2001:DB8::1]:8443/a", "https://[2001:db8::1]:8443/a"),
    ],
)
def test_spellings_of_one_address_have_one_identity(url, identity):
    """Scheme and host know no case, and a default port says nothing."""
    assert cut_url(url).identity == identity


@pytest.mark.parametrize("url", ["https://h:port/a", "https://[::1/a", "https://h:99999/"])
def test_what_cannot_be_taken_apart_is_a_value_error(url):
    """The caller makes a problem of it."""
    with pytest.raises(ValueError, match=r"."):
        cut_url(url)


_LETTERS = st.sampled_from(
    [*"aZ09./-_~%;:@!$&'()*+,=[]|{}\\\"?#^`<>", "X-Amz-Algorithm=1", "&sig=1", "&sv=2"]
)


@given(
    st.lists(_LETTERS, max_size=20).map("".join),
    st.sampled_from(["h/", "H/", "h:1/", "a.b/x?", "u@h/", "h"]),
)
def test_the_short_way_to_an_identity_gives_the_same_as_the_long_one(tail, start):
    """It is there for a million rows; a difference would order them all again."""
    url = f"https://{start}{tail}"
    try:
        identity = cut_url(url).identity
    except ValueError:
        return

    assert media_url.identity_of(url) == identity


def test_the_algorithms_give_what_they_gave():
    """Ledgers hold these values: another result would order every row again."""
    key = media_key(
        "https://cdn.example.com/episodes/42.mp4",
        "https://cdn.example.com/dubs/42-japanese.wav",
        disable_speaker_detection=False,
    )

    assert key == "m1:a1a1aaf661a37e660b1d6590df0bfe13"
    assert made_reference_id(key) == "dub1-c6b0ae399e006a79c5161a09"
    assert url_hash(BASE) == "14c5bea9e70e3a94"


def test_video_audio_and_flag_each_make_another_key():
    """Another dub is another row."""
    keys = {
        media_key(video, audio, disable_speaker_detection=flag)
        for video in ("https://h/a", "https://h/b")
        for audio in ("https://h/a", "https://h/b")
        for flag in (False, True)
    }

    assert len(keys) == 8


def test_parameters_are_read_by_lower_case_name_and_the_first_wins():
    """Pre-flight reads the time a link dies from them."""
    assert signed_parameters("https://h/a?X-Amz-Expires=60&x-amz-expires=1&b=") == {
        "x-amz-expires": "60",
        "b": "",
    }


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("no link at all?sig=x", "no link at all?sig=x"),
        ("HTTPS://CDN/a.mp4?b=1#c, and more", "HTTPS://CDN/a.mp4?b=1#c, and more"),
        ("see https://u:p@cdn/a?b=1 there", "see https://cdn/a?b=1 there"),
        ("https://cdn/a?AWSAccessKeyId=1&Expires=2&Signature=3", "https://cdn/a"),
        ("https://cdn/a?b=1&auth_token=3", "https://cdn/a?b=1&auth_token=[hidden]"),
        ("https://[::1/a?sig=1", "[hidden]"),
    ],
)
def test_links_in_a_users_own_text_lose_their_secrets_and_nothing_else(text, kept):
    """A column of the user's own comes back in reports as it was, but no key goes along."""
    assert without_secrets(text) == kept


def test_the_secrets_of_a_link_are_its_login_and_its_signature():
    """So that an answer that repeats one of them can be cut; a folder's name is none."""
    url = (
        "https://studio:pass%2Fword@cdn.example.com/episodes/1.mp4"
        "?quality=very-high&AWSAccessKeyId=AKIA1234&Expires=1&Signature=abc%2Bdefgh"
    )

    assert set(secrets_of(url)) == {
        "studio:pass%2Fword", "studio:pass/word", "pass%2Fword", "pass/word", "AKIA1234",
        "abc%2Bdefgh", "abc+defgh",
    }  # fmt: skip
    assert secrets_of("https://cdn.example.com/a.mp4?quality=very-high") == ()
    assert secrets_of("https://[::1/a?sig=12345678") == ()


@pytest.mark.parametrize("text", ["x" * 120_000 + "://", "http://" + "@" * 120_000, "://" * 40_000])
def test_a_long_cell_that_is_no_link_is_read_at_once(text):
    """A search that begins anew at every letter would take hours here."""
    assert without_secrets(text)


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/a.mp4",
        "https://cdn.example.com/a.mp4?",
        "https://cdn.example.com/a.mp4?v=1&token=abc",
        "https://cdn.example.com/a.mp4?X-Amz-Algorithm=A&X-Amz-Signature=f00&v=1",
        "https://user:word@cdn.example.com/a.mp4?v=1",
        "HTTPS://CDN.example.com:443/a%20b.mp4#part",
    ],
)
def test_the_short_way_to_what_is_shown_is_no_other_way(url):
    """A million rows are cut for the ledger, most of them written plainly."""
    assert shown_url(url) == cut_url(url).shown


@given(st.text(), st.text(), st.booleans())
def test_a_key_is_the_hash_of_what_it_identifies_in_json(video, audio, flag):
    """Every ledger there is holds such keys: one made in another way would be another row."""
    urls = [f"https://cdn.example.com/{name.replace('?', '')}" for name in (video, audio)]
    identity = json.dumps([*map(media_url.identity_of, urls), flag])
    key = media_key(*urls, disable_speaker_detection=flag)
    assert key == f"m1:{hashlib.sha256(identity.encode()).hexdigest()[:32]}"

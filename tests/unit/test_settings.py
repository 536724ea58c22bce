"""Where settings come from, who wins, and what a key may look like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from batchdub.errors import KeyRefusedError
from batchdub.exits import Exit
from batchdub.redact import Secret
from batchdub.settings import (
    DEFAULT_BASE_URL,
    Flags,
    load_settings,
    require_key,
    secrets_in,
    state_folder,
)
from batchdub.wire.address import PRODUCTION_URL

KEY = "sk-live-4f9a1c77"


def test_without_anything_the_defaults_hold():
    """A first run needs no setting but the key."""
    settings = load_settings({})

    assert settings.base_url == DEFAULT_BASE_URL
    assert settings.ledger == Path("batchdub.db")
    assert settings.key is None
    assert settings.origins == {"base_url": "default", "ledger": "default", "key": "not set"}


def test_flags_win_over_our_variables_which_win_over_the_vendors():
    """And each value says where it came from."""
    vendors = {"CHAMELAION_BASE_URL": "https://c", "CHAMELAION_API_KEY": "c"}
    ours = vendors | {"BATCHDUB_BASE_URL": "https://b", "BATCHDUB_API_KEY": "b"}

    assert load_settings(vendors).base_url == "https://c"
    assert load_settings(vendors).origins["base_url"] == "CHAMELAION_BASE_URL"
    assert load_settings(ours).base_url == "https://b"
    assert load_settings(ours).key == Secret("b")
    assert load_settings(ours).origins["key"] == "BATCHDUB_API_KEY"
    assert load_settings(ours, Flags(base_url="https://a")).base_url == "https://a"
    assert load_settings(ours, Flags(base_url="https://a")).origins["base_url"] == "--base-url"


def test_the_ledger_is_named_by_flag_or_variable():
    """Two batches on one machine keep two ledgers."""
    environ = {"BATCHDUB_LEDGER": "b.db"}

    assert load_settings(environ).ledger == Path("b.db")
    assert load_settings(environ, Flags(ledger="a.db")).ledger == Path("a.db")
    assert load_settings(environ, Flags(ledger="a.db")).origins["ledger"] == "--ledger"


def test_a_variable_that_is_empty_is_not_set():
    """`KEY= batchdub …` is how a shell takes one away; a newline comes along from a file."""
    environ = {"BATCHDUB_API_KEY": " ", "CHAMELAION_API_KEY": f"{KEY}\n"}

    assert load_settings(environ).key == Secret(KEY)
    assert secrets_in(environ) == (Secret(KEY),)


def test_the_bearer_token_is_the_last_name_that_is_tried():
    """The vendor's SDKs know both; the API key's own name is the plainer one."""
    environ = {"CHAMELAION_BEARER_TOKEN": "bearer"}

    assert load_settings(environ).key == Secret("bearer")
    assert load_settings(environ | {"CHAMELAION_API_KEY": "key"}).key == Secret("key")


@pytest.mark.parametrize("by_flag", [True, False])
def test_a_key_file_wins_over_the_vendors_variables(tmp_path, by_flag):
    """Whoever names a file for batchdub means batchdub."""
    file = tmp_path / "key"
    file.write_text(f"{KEY}\n")
    flags = Flags(key_file=str(file)) if by_flag else Flags()
    environ = {"CHAMELAION_API_KEY": "other", "BATCHDUB_KEY_FILE": str(file)}

    settings = load_settings(environ, flags)

    assert settings.key is None
    assert settings.origins["key"] == ("--key-file" if by_flag else "BATCHDUB_KEY_FILE")
    assert require_key(settings) == Secret(KEY)


def test_a_key_in_the_environment_is_given_as_it_is():
    """Without a look at any file."""
    assert require_key(load_settings({"CHAMELAION_API_KEY": KEY})) == Secret(KEY)


def test_no_key_exits_3_and_says_what_to_set():
    """The most common first failure deserves the best hint."""
    with pytest.raises(KeyRefusedError) as caught:
        require_key(load_settings({}))

    assert caught.value.exit_code is Exit.KEY
    assert "CHAMELAION_API_KEY" in caught.value.hint
    assert "--key-file" in caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"sk-live-4f9a1c77\nsecond", "more than a key"),
        (b"a" * 70_000, "more than a key"),
        (b"\xff\xfe\x00sk", "is not text"),
        (None, "cannot read the key"),
    ],
)
def test_a_key_file_that_is_no_key_is_refused_without_being_shown(tmp_path, content, message):
    """What stands in the wrong file may be a secret, too."""
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(KeyRefusedError) as caught:
        require_key(load_settings({}, Flags(key_file=str(file))))

    assert message in caught.value.message
    assert str(file) in caught.value.message
    assert "4f9a1c77" not in str(caught.value)


def test_settings_never_show_the_key():
    """Settings end up in logs."""
    settings = load_settings({"CHAMELAION_API_KEY": KEY} | dict(os.environ))

    assert KEY not in repr(settings)


def test_the_default_address_is_the_wires():
    """Written twice, since the wire is slow to import and `status` needs only the name."""
    assert DEFAULT_BASE_URL == PRODUCTION_URL


def test_the_config_file_comes_last_and_is_named():
    """Any variable wins over it, the vendor's own as well."""
    told = Flags(base_url="https://file/api", ledger="/file.db", key_file="/file.key")
    environ = {"CHAMELAION_BASE_URL": "https://variable/api"}

    settings = load_settings(environ, None, told, "season/batchdub.toml")

    assert settings.base_url == "https://variable/api"
    assert (str(settings.ledger), str(settings.key_file)) == ("/file.db", "/file.key")
    assert settings.origins == {
        "base_url": "CHAMELAION_BASE_URL",
        "key": "season/batchdub.toml",
        "ledger": "season/batchdub.toml",
    }


def test_a_proxys_login_is_a_secret_of_the_environment():
    """It is cut from what is printed, as the keys are."""
    environ = {"https_proxy": "http://u:hunter2@proxy:3128", "NO_PROXY": "localhost"}

    assert set(secrets_in(environ)) == {Secret("u:hunter2"), Secret("hunter2")}


def test_what_outlives_a_run_stands_in_the_users_own_state_folder():
    """Where other programs keep theirs; a relative name is ignored, as its specification says."""
    home = {"HOME": "/home/a"}
    assert state_folder(home) == Path("/home/a/.local/state/batchdub")
    assert state_folder(home | {"XDG_STATE_HOME": "/s"}) == Path("/s/batchdub")
    assert state_folder(home | {"XDG_STATE_HOME": "s"}) == state_folder(home)

"""The config file says how to work, is told wrong with its line, and never holds the key."""

from __future__ import annotations

import pytest

from batchdub.config import FILE_NAME, NAMES, Config, find_config, load_config
from batchdub.errors import UnusableInputError


@pytest.fixture
def write(tmp_path):
    """Write a config file and give its path."""

    def written(text, folder=tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE_NAME
        path.write_text(text)
        return path

    return written


def refused(path, profile=""):
    with pytest.raises(UnusableInputError) as raised:
        load_config(path, profile)
    return f"{raised.value.message}|{raised.value.hint}"


def test_settings_have_the_names_of_options(write):
    """What one types is what one writes down."""
    config = load_config(
        write('rate = "20/min"\nmax-jobs = 40\nverify = true\nfault = ["late=0.1"]\n'), ""
    )

    assert config.values == {
        "rate": "20/min", "max-jobs": "40", "verify": True, "fault": ["late=0.1"],
    }  # fmt: skip


def test_a_path_is_relative_to_its_file(write, tmp_path):
    """The same file means the same ledger, wherever cron starts."""
    config = load_config(write('ledger = "season.db"\nkey-file = "/run/key"\n'), "")

    assert config.values == {"ledger": str(tmp_path / "season.db"), "key-file": "/run/key"}


def test_a_profile_says_what_is_different(write):
    """Staging has another address; the rest is the same."""
    path = write('rate = "20/min"\nledger = "/a"\n[profiles.staging]\nrate = "1/s"\n')

    assert load_config(path, "").values["rate"] == "20/min"
    staging = load_config(path, "staging")
    assert staging.values == {"rate": "1/s", "ledger": "/a"}
    assert str(staging) == f"{path}, profile staging"
    assert staging.origin("rate") == f"{path}, profile staging"
    assert staging.origin("ledger") == str(path)


@pytest.mark.parametrize(
    ("text", "profile", "words"),
    [
        ('rate = "1/s"\n\nrat = "1/s"', "", ":3: there is no setting `rat`|did you mean `rate`?"),
        ("max_jobs = 3", "", ":1: there is no setting `max_jobs`|did you mean `max-jobs`?"),
        ("colour = 3", "", ":1: there is no setting `colour`|known are allow-same-media, "),
        ("rate = = 3", "", ":1:8: not TOML: Invalid value|"),
        ("rate = ", "", ": not TOML: Invalid value (at end of document)|"),
        ("rate = 1979-05-27", "", ":1: `rate` is neither text, number nor true or false|"),
        ("api-key = 'x'", "", ":1: the key does not belong into a config file|set `CHAMELAION"),
        ("[profiles.a]\ntoken = 'x'", "", ": profile a: the key does not belong into a config"),
        ("[profiles.a]\nrat = 'x'", "", ": profile a: there is no setting `rat`|did you mean"),
        ("[profiles.night]", "nigt", ": there is no profile `nigt`|did you mean `night`?"),
        ("[profiles.night]", "x", ": there is no profile `x`|there are night"),
        ("", "x", ": there is no profile `x`|it has none"),
        ("profiles = 3", "", ": `profiles` is not a table of profiles|"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(write, text, profile, words):
    """A misspelt cap that is passed over would cost money."""
    path = write(text)

    assert refused(path, profile).startswith(f"{path}{words}")


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    """It was named, so it was wanted."""
    assert "No such file" in refused(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\xff")
    assert "not UTF-8" in refused(tmp_path / "bad.toml")


def test_a_profile_without_a_file_is_told():
    """The night would go to production otherwise."""
    with pytest.raises(UnusableInputError, match="no profile `staging`"):
        load_config(None, "staging")
    assert load_config(None, "") == Config({})
    assert str(Config({})) == "none"


def test_the_nearest_file_counts(write, tmp_path):
    """Named, beside the manifest, the user's own: the first there is, and only that."""
    beside, home = tmp_path / "season", tmp_path / "home"
    environ = {"HOME": str(home)}
    assert find_config("", beside, environ) is None

    own = write("", home / ".config" / "batchdub")
    assert find_config("", beside, environ) == own
    other = write("", tmp_path / "xdg" / "batchdub")
    assert find_config("", beside, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == other
    near = write("", beside)
    assert find_config("", beside, environ) == near
    assert find_config("x.toml", beside, environ).name == "x.toml"


def test_the_key_has_no_name_there():
    """Nor have things that one does once."""
    assert not {"api-key", "key", "yes", "dry-run", "only", "limit"} & set(NAMES)

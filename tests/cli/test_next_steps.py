"""The next command is exact: whatever a command tells to type works when it is pasted."""

from __future__ import annotations

import shlex

import pytest

from batchdub.cli.next_steps import Found, Leads, commands_in, leads_of, next_commands
from batchdub.settings import Flags, load_settings
from batchdub.states import JobState
from tests.cli.nights import (
    FAST,
    KEY,
    SANDBOX,
    api_that_answers,
    ids,
    ledger_with,
    sandbox_on_a_port,
    told,
    write_manifest,
)
from tests.ledger.support import remote

REPORT = "batchdub report --format csv --output report.csv"


# -- the choice -------------------------------------------------------------------------------


def test_with_nothing_to_do_it_is_the_report_or_if_not_all_is_well_the_status():
    """There is always a next command."""
    assert next_commands(Found(), Leads()) == [REPORT]
    assert next_commands(Found(), Leads(), well=False) == ["batchdub status"]


def test_what_is_left_comes_first_then_what_a_person_must_see():
    """Money that is still to be spent, then doubts, duplicates, and rows that failed."""
    found = Found(
        ("batchdub", "run", "a b.csv"),
        True,
        "one",
        "id-2",
        "two",
        ("batchdub", "plan"),
        failed=True,
    )

    assert next_commands(found, Leads(("--ledger", "x.db"), ("--sandbox",))) == [
        "batchdub run 'a b.csv'",
        "batchdub reconcile --sandbox --ledger x.db",
        "batchdub reconcile --acknowledge id-2 --ledger x.db",
        "batchdub show --ledger x.db one",
        "batchdub show --ledger x.db two",
        "batchdub plan",
    ]


def test_rows_that_may_be_tried_again_are_but_not_beside_a_duplicate():
    """The further order may be the dub that is wanted, so it is seen to first."""
    bad = Found(bad="one", failed=True, rejected=True)

    assert next_commands(bad, Leads((), ("--sandbox",))) == [
        "batchdub show one",
        "batchdub retry --failed --sandbox",
        "batchdub retry --rejected --sandbox",
    ]


def test_a_row_that_begins_like_an_option_is_no_option():
    """A reference_id may be `-x`."""
    assert next_commands(Found(bad="-x"), Leads()) == ["batchdub show -- -x"]


def test_the_way_to_ledger_and_api_is_part_of_the_command():
    """Where they are the defaults, nothing need be said."""
    plain = load_settings({})
    named = load_settings({}, Flags("https://x/api", "season 2.db", "/etc/key"))

    assert leads_of(plain, plain.base_url) == Leads()
    assert leads_of(plain, "sandbox") == Leads((), ("--sandbox",))
    assert leads_of(named, "https://x/api") == Leads(
        ("--ledger", "season 2.db"), ("--base-url", "https://x/api", "--key-file", "/etc/key")
    )


# -- pasted as it stands ----------------------------------------------------------------------


def paste(cli, result):
    """Run every command that a result told to type next, and give their exit codes."""
    commands = told(result)
    assert commands, result.err
    assert all(command.startswith("batchdub ") for command in commands)
    return [cli(*shlex.split(command)[1:]).code for command in commands]


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ((), [0]),
        (("--max-jobs", "2"), [5]),
        (("--tokens", "2"), [4]),
        (("--fault", "junk-after=1", "--fault", "list-lag=1:1h", "--settle", "0.1s"), [0]),
        (("--ledger", "season 2.db", "--max-jobs", "2"), [5]),
    ],
)
def test_what_a_run_tells_to_type_next_works(cli, tmp_path, options, codes):
    """After a good end, a cap, the token limit, in doubt, with a ledger of another name."""
    manifest = write_manifest(tmp_path, 5, "my night.csv")

    assert paste(cli, cli("run", manifest, *SANDBOX, *options)) == codes


@pytest.mark.real_time
def test_what_a_run_with_bad_rows_tells_to_type_next_works(cli, tmp_path, monkeypatch):
    """Refused rows: `show`; conflicts: `plan`; rows with problems: `validate`, which says so."""
    monkeypatch.setenv("CHAMELAION_API_KEY", KEY)
    manifest = write_manifest(tmp_path, 2)
    with api_that_answers(400, {"error": "invalid request body"}) as base_url:
        refused = cli("run", manifest, "--base-url", base_url, *FAST, "--ledger", "a.db")
    write_manifest(tmp_path, 2, media="other-")
    conflict = cli("run", manifest, *SANDBOX, "--ledger", "b.db")
    write_manifest(tmp_path, 2)
    conflict = cli("run", manifest, *SANDBOX, "--ledger", "b.db")
    (tmp_path / "bad.csv").write_text("video_url,audio_url\nhttps://x/1.mp4,\n" + two_urls())
    invalid = cli("run", "bad.csv", *SANDBOX, "--skip-invalid", "--ledger", "c.db")

    retry = f"batchdub retry --rejected --base-url {base_url} --ledger a.db"
    assert told(refused) == [f"batchdub show --ledger a.db {ids(1)}", retry]
    assert paste(cli, refused) == [0, 9]
    assert told(conflict) == [f"batchdub plan --ledger b.db {manifest}"]
    assert paste(cli, conflict) == [0]
    assert told(invalid) == ["batchdub validate bad.csv"]
    assert paste(cli, invalid) == [2]


def two_urls():
    return "https://x/2.mp4,https://x/2.wav\n"


@pytest.mark.real_time
def test_what_a_run_told_on_another_api_leads_back_to_it(cli, tmp_path, monkeypatch):
    """With the base URL, and the file that holds the key."""
    manifest = write_manifest(tmp_path, 2)
    (tmp_path / "key").write_text(KEY)
    with sandbox_on_a_port("junk-after=1", "list-lag=1:1h") as (options, _):
        first = cli("run", manifest, *options, "--key-file", "key", "--on-unknown", "hold")
        status = cli("status")
        again = paste(cli, status)
        monkeypatch.setenv("BATCHDUB_KEY_FILE", "key")
        settled = cli("reconcile", *options[:2], *FAST, "--settle", "0.2s")

    assert first.code == 6
    assert told(status) == [f"batchdub show {ids(1)}"]
    assert again == [0]
    assert settled.code == 6


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("states", "commands"),
    [
        ({"a": JobState.COMPLETED}, [REPORT]),
        ({"a": JobState.PENDING}, ["batchdub resume --sandbox"]),
        ({"a": JobState.IN_DOUBT}, ["batchdub reconcile --sandbox"]),
        ({"a": JobState.SENDING}, ["batchdub reconcile --sandbox"]),
        ({"a": JobState.IN_DOUBT, "b": JobState.PENDING}, ["batchdub resume --sandbox"]),
        ({"a": JobState.FAILED}, ["batchdub show a", "batchdub retry --failed --sandbox"]),
        ({"-a": JobState.REJECTED}, ["batchdub show -- -a", "batchdub retry --rejected --sandbox"]),
        ({"a": JobState.CANCELLED}, [REPORT]),
    ],
)
def test_what_status_tells_to_type_next_fits_the_states(
    cli, tmp_path, monkeypatch, states, commands
):
    """From the ledger alone; each is a command that works."""
    monkeypatch.setenv("BATCHDUB_SETTLE", "0.1s")
    ledger, _ = ledger_with(tmp_path, **states)
    ledger.close()
    links = (
        f"https://cdn.example.com/{name}.mp4,https://cdn.example.com/{name}.wav,{name}"
        for name in states
    )
    (tmp_path / "tonight.csv").write_text("\n".join(["video_url,audio_url,reference_id", *links]))

    status = cli("status")

    assert told(status) == commands
    assert set(paste(cli, status)) <= {0, 6}


def test_a_duplicate_is_acknowledged_as_told(cli, tmp_path):
    """And then nothing is left to be seen to."""
    ledger, jobs = ledger_with(tmp_path, a=JobState.COMPLETED)
    with ledger.transaction():
        ledger.record_other(jobs["a"], remote("request-9", reference_id="a"), "duplicate")
    ledger.close()

    assert told(cli("status")) == ["batchdub reconcile --acknowledge request-9"]
    assert paste(cli, cli("status")) == [0]
    assert told(cli("status")) == [REPORT]


# -- the same afterwards ----------------------------------------------------------------------


def lose_orders(cli, folder, manifest):
    """Order something, and lose the ledger."""
    cli("run", manifest, *SANDBOX, "--max-jobs", "1")
    (folder / "batchdub.db").unlink()


def change_media(cli, folder, manifest):
    """Order all of it, and give the rows other media."""
    cli("run", manifest, *SANDBOX)
    write_manifest(folder, 3, manifest, media="other-")


def spoil_a_row(_cli, folder, manifest):
    with (folder / manifest).open("a") as lines:
        lines.write("ftp://x/1,also wrong,S09E01,ja\n")


def nothing(_cli, _folder, _manifest):
    """Nothing happened before."""


UNSEEN = ("--fault", "junk-after=1", "--fault", "list-lag=1:1h", "--settle", "0.1s")
ENDS = {
    "done": (0, nothing, ()),
    "cap": (5, nothing, ("--max-jobs", "1")),
    "tokens": (4, nothing, ("--tokens", "1")),
    "in doubt": (6, nothing, UNSEEN),
    "stale ledger": (6, lose_orders, ()),
    "conflict": (8, change_media, ()),
    "invalid": (8, spoil_a_row, ("--skip-invalid",)),
    "no answer": (9, nothing, ("--fault", "list-error=1", "--settle", "0.1s")),
}


@pytest.mark.real_time
@pytest.mark.parametrize(("code", "before", "options"), ENDS.values(), ids=ENDS)
def test_status_names_what_the_run_named(cli, tmp_path, code, before, options):
    """In the morning the run's last lines are gone; `resume` is the same command without names."""
    manifest = write_manifest(tmp_path, 3)
    before(cli, tmp_path, manifest)

    ended = cli("run", manifest, *SANDBOX, *options)

    assert ended.code == code, ended.err
    named = told(ended) or commands_in(ended.err)
    assert named or "run the same command again" in ended.err
    assert verbs(told(cli("status"))) == verbs(named or ["batchdub run"])


def verbs(commands):
    """Give each command without its options; what orders the rest is one command."""
    words = [shlex.split(command) if isinstance(command, str) else command for command in commands]
    named = [" ".join(each[1:3] if each[1] == "ledger" else each[1:2]) for each in words]
    return ["resume" if name == "run" else name for name in named]


@pytest.mark.real_time
def test_status_names_what_a_run_named_that_never_began(cli, tmp_path, monkeypatch):
    """No key that works, no API there, another account: the same command, once that is mended."""
    manifest = write_manifest(tmp_path, 3)
    monkeypatch.setenv("CHAMELAION_API_KEY", "planted-wrong-key")
    with sandbox_on_a_port(key=KEY) as (options, _):
        refused = cli("run", manifest, *options)
        after_refusal = cli("status")
    with api_that_answers(400, {"error": "invalid request body"}) as base_url:
        rejected = cli("run", manifest, "--base-url", base_url, *FAST, "--ledger", "a.db")
        after_rejection = cli("status", "--ledger", "a.db")

    assert (refused.code, "same command" in refused.err) == (3, True)
    assert verbs(told(after_refusal)) == ["resume"]
    assert rejected.code == 8
    assert told(after_rejection) == told(rejected)

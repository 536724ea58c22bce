"""A ledger opens only if what it acknowledges will be on disk; else it says why not."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from batchdub.errors import LedgerUnusableError
from batchdub.ledger import Ledger, open_for_reading, opening, schema
from batchdub.ledger.tables import COLUMNS, indexes
from batchdub.states import JobState
from tests.ledger.support import TickingClock, add_jobs, bring_to, open_ledger, tamper


def try_open(path):
    return Ledger(path, TickingClock())


def refusal(path, opener=try_open):
    with pytest.raises(LedgerUnusableError) as caught:
        opener(path)
    assert caught.value.exit_code == 10
    assert caught.value.hint
    return caught.value.message


# -- durable and private -----------------------------------------------------------------------


@pytest.mark.parametrize("umask", [0, 0o077, 0o777])
def test_the_ledger_is_private_whatever_the_umask(path, umask):
    """F-91: its rows and links are the studio's business; its WAL and index take over its mode."""
    before = os.umask(umask)
    try:
        ledger = open_ledger(path)
    finally:
        os.umask(before)

    modes = {
        found.name: stat.S_IMODE(found.stat().st_mode) for found in path.parent.glob("batchdub.db*")
    }
    ledger.close()
    assert modes == {"batchdub.db": 0o600, "batchdub.db-wal": 0o600, "batchdub.db-shm": 0o600}


def test_the_mode_that_a_person_gave_is_kept(path):
    """A studio may share its ledger with a group on purpose."""
    open_ledger(path).close()
    path.chmod(0o640)

    try_open(path).close()

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_the_writer_is_durable(ledger):
    """With less than WAL and FULL a power cut may take the last commit, which is our intent."""
    pragmas = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")

    assert [next(ledger.ask(f"PRAGMA {name}"))[0] for name in pragmas] == ["wal", 2, 1, 1]


@pytest.mark.parametrize("ignored", ["journal_mode", "synchronous", "foreign_keys"])
def test_a_pragma_that_did_not_take_is_noticed(path, ignored):
    """SQLite ignores in silence what it cannot do, so each is read back."""

    class Ignoring(sqlite3.Connection):
        def execute(self, sql, *values):
            if sql.startswith(f"PRAGMA {ignored} ="):
                sql = f"PRAGMA {ignored}"
            return super().execute(sql, *values)

    with closing(sqlite3.connect(path, isolation_level=None, factory=Ignoring)) as connection:
        # FULL is this library's default, so take it away first.
        sqlite3.Connection.execute(connection, "PRAGMA synchronous = NORMAL")
        with pytest.raises(LedgerUnusableError, match="cannot keep a ledger safely"):
            opening._make_durable(path, connection)


def test_on_macos_the_drives_own_cache_is_flushed(path, monkeypatch):
    """A plain fsync leaves the data in the drive there."""
    monkeypatch.setattr(opening.sys, "platform", "darwin")

    with open_ledger(path) as ledger:
        assert next(ledger.ask("PRAGMA fullfsync"))[0] == 1
        assert next(ledger.ask("PRAGMA checkpoint_fullfsync"))[0] == 1


def test_closing_folds_the_wal_into_the_file(ledger, path, job_id):
    """People copy the bare file."""
    bring_to(ledger, job_id, JobState.SUBMITTED)

    ledger.close()

    assert [found.name for found in path.parent.iterdir()] == ["batchdub.db"]
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    with open_for_reading(copy) as reader:
        assert reader.counts() == {JobState.SUBMITTED: 1}


def test_closing_while_someone_reads_loses_nothing(ledger, path, job_id):
    """Then the WAL stays beside the file, and the next opening reads both."""
    with open_for_reading(path) as reader:
        rows = reader.jobs_in(JobState.PENDING)
        next(rows)
        bring_to(ledger, job_id, JobState.SUBMITTED)
        ledger.close()

    with open_for_reading(path) as reader:
        assert reader.counts() == {JobState.SUBMITTED: 1}


def test_a_closed_ledger_may_be_closed_again(ledger):
    """Cleaning up runs more than once when a run ends badly."""
    ledger.close()
    ledger.close()


def test_a_reader_cannot_write(ledger, path):
    """F-85: commands that only look must not be able to do more."""
    with open_for_reading(path) as reader, pytest.raises(sqlite3.OperationalError):
        reader._connection.execute("DELETE FROM meta")


def test_each_opening_is_proven_by_a_write(path):
    """F-82: a read-only or full disk shows only when something is written."""
    for _ in range(3):
        try_open(path).close()

    with open_for_reading(path) as reader:
        assert reader.meta("opened") == "3"


# -- the file that was opened ------------------------------------------------------------------


def test_a_ledger_deleted_while_open_is_noticed(ledger, path):
    """F-73: SQLite goes on writing into the deleted file without a word."""
    ledger.require_same_file()
    path.unlink()

    with pytest.raises(LedgerUnusableError, match="moved, deleted or replaced"):
        ledger.require_same_file()


def test_a_ledger_replaced_while_open_is_noticed(ledger, path):
    """F-73: a restored backup under the same name is another file."""
    copy = path.with_name("copy.db")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)

    with pytest.raises(LedgerUnusableError, match="moved, deleted or replaced"):
        ledger.require_same_file()


# -- files that are no ledger ------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"video_url,audio_url\n" * 200, b"x", os.urandom(8192)])
def test_a_file_that_is_not_sqlite_is_refused_and_left_alone(path, content):
    """`--ledger tonight.csv` is a slip that must not cost the manifest."""
    path.write_bytes(content)

    assert str(path) in refusal(path)
    refusal(path, open_for_reading)
    assert path.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(path):
    """F-76: our tables in someone's library of photos would be a nuisance at best."""
    tamper(path, "CREATE TABLE photos (name TEXT)")
    before = path.read_bytes()

    assert "another program" in refusal(path)
    assert "another program" in refusal(path, open_for_reading)
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_with_both_versions(path):
    """F-76: an older batchdub cannot know what the newer one promised."""
    open_ledger(path).close()
    tamper(path, "PRAGMA user_version = 99")

    for opener in (try_open, open_for_reading):
        assert f"schema 99, this one knows {schema.SCHEMA_VERSION}" in refusal(path, opener)


def test_a_ledger_that_is_not_there_is_not_made_by_reading(path):
    """`status` in the wrong folder must say so, not leave an empty file behind."""
    assert "there is no ledger" in refusal(path, open_for_reading)
    assert not path.exists()


@pytest.mark.parametrize("content", ["nothing", "wal"])
def test_an_empty_ledger_is_told_to_a_reader(path, content):
    """A run that died at once may leave a file with nothing in it."""
    path.touch()
    if content == "wal":
        tamper(path, "PRAGMA journal_mode = WAL")

    assert "empty" in refusal(path, open_for_reading)


def test_a_folder_in_place_of_the_ledger_is_refused(path):
    """The operating system's own words, and the name."""
    path.mkdir()

    assert "Is a directory" in refusal(path)
    assert "no ledger" in refusal(path, open_for_reading)


def test_a_pipe_in_place_of_the_ledger_is_refused(path):
    """Opening one must not hang a nightly job."""
    os.mkfifo(path)

    assert "not a plain file" in refusal(path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    """A mistyped --ledger."""
    assert "No such file" in refusal(tmp_path / "missing" / "batchdub.db")


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="needs Linux's /sys")
def test_a_folder_that_nobody_may_write_is_told():
    """F-82: not even root makes files in /sys."""
    assert "cannot be written" in refusal(Path("/sys/kernel/batchdub.db"))


@pytest.mark.skipif(not Path("/sys/kernel/notes").is_file(), reason="needs Linux's /sys")
def test_a_file_that_nobody_may_write_is_told():
    """The mode bits stop no root; a read-only kernel file does."""
    assert "/sys/kernel/notes" in refusal(Path("/sys/kernel/notes"))


def test_a_ledger_on_a_read_only_disk_is_told(path, monkeypatch):
    """F-82: opened so that SQLite itself refuses the write, as it does on a read-only mount."""
    open_ledger(path).close()
    connect = sqlite3.connect
    monkeypatch.setattr(
        opening.sqlite3,
        "connect",
        lambda name, **options: connect(f"{name.as_uri()}?mode=ro", uri=True, **options),
    )

    assert "cannot be written" in refusal(path)


# -- damage ------------------------------------------------------------------------------------


@pytest.fixture
def sound(path):
    """The bytes of a closed ledger of many pages, with jobs in every state."""
    with open_ledger(path) as ledger:
        jobs = add_jobs(ledger, *(f"S02E{number:03d}" for number in range(300)))
        for number, job_id in enumerate(jobs[:80]):
            bring_to(ledger, job_id, list(JobState)[number % len(JobState)])
    return path.read_bytes()


def knowledge(path):
    """What a run would act on, or None where the ledger is refused."""
    try:
        with try_open(path) as ledger:
            with ledger.transaction():
                ledger.recover()
            names = [f"S02E{number:03d}" for number in range(300)]
            jobs = ledger.latest_jobs(names).values()
            ledger.doubts()
            return {(job.key, job.state, job.request_id, job.attempts) for job in jobs}
    except LedgerUnusableError:
        return None


def test_a_ledger_cut_short_at_any_page_is_refused(path, sound):
    """F-75: a truncated copy must never pass for a ledger with fewer orders."""
    for size in range(4096, len(sound), 4096):
        path.write_bytes(sound[:size])
        assert knowledge(path) is None, size


def test_a_ledger_with_a_zeroed_page_is_refused(path, sound):
    """F-75: what a failing disk likes to return."""
    for start in range(0, len(sound), 4096):
        path.write_bytes(sound[:start] + bytes(4096) + sound[start + 4096 :])
        assert knowledge(path) is None, start


def test_a_ledger_with_a_flipped_byte_never_shows_another_state(path, sound):
    """F-75: refused, or the flip is in what no decision reads: a wrong state would order again."""
    path.write_bytes(sound)
    truth = knowledge(path)
    chance = random.Random(4)  # noqa: S311  a fixed seed is the point
    refused = 0
    for _ in range(250):
        place = chance.randrange(len(sound))
        damaged = bytearray(sound)
        damaged[place] ^= chance.randrange(1, 256)
        path.write_bytes(damaged)
        found = knowledge(path)
        if found is None:
            refused += 1
        elif found != truth:
            assert chosen_states(found) == chosen_states(truth), place
    assert refused


def chosen_states(jobs):
    return sorted((key.reference_id, state) for key, state, _, _ in jobs)


def test_a_ledger_without_its_guards_takes_no_orders(path):
    """They are the last line before a wrong order; looking is still allowed."""
    open_ledger(path).close()
    tamper(path, "DROP TRIGGER sending_needs_intent")

    assert "guards are missing or changed" in refusal(path)
    open_for_reading(path).close()


def test_what_another_program_added_does_not_stop_a_run(path):
    """A table browser may have made an index; `ledger check` names it."""
    open_ledger(path).close()
    tamper(path, "CREATE INDEX handy ON jobs (line)")

    try_open(path).close()


# -- creation ----------------------------------------------------------------------------------


class _KilledError(BaseException):
    """Stands for the process's death at a statement."""


def test_a_ledger_killed_half_way_through_creation_opens_again(tmp_path, monkeypatch):
    """All of the schema is one commit, so at whatever statement the process dies, none is there.

    F-113.
    """
    steps = 0
    while True:
        steps += 1
        path = tmp_path / f"{steps}.db"
        with monkeypatch.context() as patch:
            connections = []
            patch.setattr(opening.sqlite3, "connect", dying_connect(steps, connections))
            try:
                open_ledger(path).close()
                break
            except _KilledError:
                for connection in connections:
                    connection.close()
        with open_ledger(path, "run-2") as ledger:
            assert add_jobs(ledger, "a") == [1]
    assert steps > 40


def dying_connect(steps, connections):
    """Connect so that statement number `steps` and all later ones are never run."""
    connect, left = sqlite3.connect, [steps]

    class Dying(sqlite3.Connection):
        def execute(self, *arguments):
            left[0] -= 1
            if left[0] <= 0:
                raise _KilledError
            return super().execute(*arguments)

    def connect_dying(*names, **options):
        connections.append(connect(*names, factory=Dying, **options))
        return connections[-1]

    return connect_dying


def test_the_schema_names_its_guards_once():
    """`ledger check` compares by name."""
    statements = [*schema.guards(), *indexes()]

    assert len({" ".join(sql.split())[:60] for sql in statements}) == len(statements)


def test_a_new_ledger_whose_first_page_was_torn_by_a_power_cut_opens(tmp_path):
    """F-77: nothing was ever ordered from it; the journal beside it says how to undo the write."""
    path = tmp_path / "batchdub.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA cache_spill = 1")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("BEGIN")
    connection.execute("CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 4000,)] * 50)
    torn = path.read_bytes()
    journal = path.with_name("batchdub.db-journal").read_bytes()
    connection.execute("ROLLBACK")
    connection.close()
    assert journal
    path.write_bytes(bytes(512) + torn[512:])
    path.with_name("batchdub.db-journal").write_bytes(journal)

    with Ledger(path, TickingClock()) as ledger:
        assert ledger.meta("opened") == "1"


def test_a_row_that_points_nowhere_is_refused_before_anything_is_sent(tmp_path):
    """A flipped byte in a run's name breaks no page, so the file itself looks sound."""
    ledger = open_ledger(tmp_path / "batchdub.db")
    (job_id,) = add_jobs(ledger, "a")
    bring_to(ledger, job_id, JobState.SUBMITTED)
    ledger.close()
    with closing(sqlite3.connect(tmp_path / "batchdub.db")) as connection:
        connection.execute("UPDATE runs SET run_id = 'another'")
        connection.commit()

    with pytest.raises(LedgerUnusableError, match="points nowhere"):
        Ledger(tmp_path / "batchdub.db", TickingClock())


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("jobs", "UPDATE jobs SET state = 'qending'"),
        ("attempts", "UPDATE attempts SET event = 'lofst'"),
        ("transitions", "UPDATE transitions SET to_state = 'sendinh' WHERE to_state = 'sending'"),
        ("other_requests", ("INSERT INTO other_requests VALUES"
         " ('r', 'a', '', 'unlike', 1, '', NULL, NULL, NULL, NULL)")),
    ],
)  # fmt: skip
def test_a_value_that_none_can_be_is_refused(path, table, change):
    """SQLite's own check would find it, at twice the time that a million jobs may take."""
    with open_ledger(path) as ledger:
        (job_id,) = add_jobs(ledger, "a")
        bring_to(ledger, job_id, JobState.IN_DOUBT)
        guards = [name for name in ledger.guards() if name not in ("job_state", "job_attention")]
    triggers = [f"DROP TRIGGER IF EXISTS {name}" for name in guards]
    tamper(path, *triggers, "PRAGMA ignore_check_constraints = ON", change)

    assert f"`{table}` has a value that none can be" in refusal(path)


def test_a_writer_leaves_the_checks_of_its_rows_on(path):
    """They are off only while the whole file is looked at."""
    with open_ledger(path) as ledger:
        found = [next(ledger.ask("PRAGMA ignore_check_constraints"))[0]]
        found += [next(ledger.ask("PRAGMA cache_size"))[0]]

    assert found == [0, -2000]


def test_damage_is_told_to_a_reader_where_it_reads(path, sound):
    """A reader spends nothing, so it does not search a million jobs before it tells of one."""
    refused = 0
    for start in range(4096, len(sound), 4096):
        path.write_bytes(sound[:start] + bytes(4096) + sound[start + 4096 :])
        try:
            with open_for_reading(path) as reader:
                states = Counter(row["state"] for row in reader.report_rows())
                assert sum(states.values()) == 300
        except LedgerUnusableError:
            refused += 1
    assert refused


def test_a_file_cut_short_is_refused_to_a_reader(path, sound):
    """SQLite compares the file's length with what its header says."""
    for size in range(4096, len(sound), 4096):
        path.write_bytes(sound[:size])
        with pytest.raises(LedgerUnusableError), open_for_reading(path) as reader:
            reader.counts()


@pytest.mark.parametrize("table", sorted(COLUMNS))
def test_a_table_that_lacks_a_column_is_damage(path, table):
    """A bit that flips in a name makes another name, which SQLite finds nothing wrong with."""
    with open_ledger(path) as ledger:
        found = ledger._connection.execute(f"PRAGMA table_info({table})")
        assert [row[1] for row in found] == COLUMNS[table].split()
    column = COLUMNS[table].split()[-1]
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
            (column, column[:-1] + "_", table),
        )

    assert "the ledger is damaged" in refusal(path)


def test_a_view_that_names_no_column_is_damage(path):
    """It would be noticed at the end of a run, with its orders sent."""
    open_ledger(path).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA writable_schema = ON")
        other.execute(
            "UPDATE sqlite_master SET sql = replace(sql, 'created_at', 'created_ad')"
            " WHERE type = 'view' AND name = 'duplicates'"
        )

    assert "the ledger is damaged" in refusal(path)

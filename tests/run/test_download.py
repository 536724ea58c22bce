"""Downloads: every finished dub comes to its place whole, or it is said why not."""

from __future__ import annotations

import errno
import hashlib
import json
import os
from typing import NamedTuple

import pytest

from batchdub.errors import ManifestError
from batchdub.exits import Exit
from batchdub.ledger.outputs import known_output
from batchdub.run import showing, space
from batchdub.run.output_files import give_name
from batchdub.sandbox.calls import Answer
from tests.support.night import Disk, Night, make_row, make_rows

REF = "S01E001"
NAME = "{reference_id}.mp4"


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture(autouse=True)
def _few_snapshots(monkeypatch):
    """As in the tests of polling."""
    monkeypatch.setattr(showing, "_SHOW_EVERY_S", 5.0)


def file_of(night, reference_id=REF):
    return night.dubs / f"{reference_id}.mp4"


def names_in(night):
    return sorted(path.name for path in night.dubs.iterdir())


def fetches(night):
    return [call for call in night.transport.calls if "/outputs/" in call.path]


def known(night, reference_id=REF):
    with night.ledger() as ledger:
        return known_output(ledger, night.job(reference_id).job_id)


def spoil(night, change, times=1):
    """Change the next answers with a dub's bytes."""
    left = [times]

    def rewrite(request, answer):
        if "/outputs/" in request.url.path and left[0]:
            left[0] -= 1
            return change(request, answer)
        return answer

    night.transport.rewrite = rewrite


def about_bytes(answer, body, **headers):
    return Answer(answer.status, {**answer.headers, **headers}, body)


# -- the plain way --------------------------------------------------------------------------------


async def test_each_dub_is_fetched_as_soon_as_it_is_done(night):
    """Whole, with its hash on record, and a note beside it that names where it came from."""
    result = await night.run(make_rows(5), download=NAME)

    assert (result.exit_code, result.downloads.fetched, result.downloads.left) == (0, 5, 0)
    content = file_of(night).read_bytes()
    assert content == night.dub(REF)
    found = known(night)
    assert (found.file, found.total) == (str(file_of(night)), len(content))
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    note = json.loads((night.dubs / f"{REF}.mp4.json").read_text())
    assert (note["sha256"], note["bytes"]) == (found.sha256, found.total)
    assert (note["request_id"], note["source"]) == (night.job(REF).request_id, "tonight.csv:2")
    assert "?" not in note["output_url"]
    with night.ledger() as ledger:
        assert next(ledger.report_rows())["output_file"] == str(file_of(night))
    assert night.findings() == []
    assert [name for name, _ in night.files] == ["row.downloaded"] * 5


async def test_what_is_there_is_not_fetched_again(night):
    """And is not even read through, as long as its size and time are those on record."""
    await night.run(make_rows(3), download=NAME)
    before = len(fetches(night))

    result = await night.run(make_rows(3), download=NAME)

    assert (result.exit_code, result.downloads.fetched, result.downloads.present) == (0, 0, 3)
    assert len(fetches(night)) == before


async def test_what_an_earlier_run_ordered_and_waited_for_is_fetched(night):
    """The link comes from the API, anew: the ledger keeps none that works."""
    await night.run(make_rows(3), wait=True)

    result = await night.run(make_rows(3), download=NAME)

    assert (result.ordered, result.downloads.fetched) == (0, 3)
    assert file_of(night).read_bytes() == night.dub(REF)


async def test_a_touched_file_is_read_through_once(night):
    await night.run(make_rows(1), download=NAME)
    os.utime(file_of(night), ns=(1, 1))

    assert (await night.run(make_rows(1), download=NAME)).exit_code == 0
    assert known(night).modified_ns == 1


async def test_a_file_that_has_gone_is_said_and_fetched_again(night):
    await night.run(make_rows(2), download=NAME)
    file_of(night).unlink()

    result = await night.run(make_rows(2), download=NAME)

    assert (result.exit_code, result.downloads.fetched, result.downloads.present) == (0, 1, 1)
    assert any("has gone; it is fetched again" in line for line in night.said)
    assert file_of(night).read_bytes() == night.dub(REF)


async def test_a_file_that_was_changed_is_said_and_left_alone(night):
    """Also where its size is the same: somebody may have worked on it."""
    await night.run(make_rows(1), download=NAME)
    file_of(night).write_bytes(b"x" * len(night.dub(REF)))

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code is Exit.ROWS_FAILED
    (line,) = result.downloads.failed
    assert line.startswith(f"tonight.csv:2: `{REF}`: not downloaded: {file_of(night)}: is not what")
    assert file_of(night).read_bytes().startswith(b"xxx")


async def test_a_file_of_somebody_elses_is_never_overwritten(night):
    """Nor a link, nor the note's place."""
    night.dubs.mkdir()
    file_of(night).write_text("mine")
    file_of(night, "S01E002").symlink_to("nowhere")
    (night.dubs / "S01E003.mp4.json").write_text("{}")

    result = await night.run(make_rows(4), download=NAME)

    assert (result.exit_code, result.downloads.failed_total) == (8, 3)
    assert all("another file stands" in line for line in result.downloads.failed)
    assert file_of(night).read_text() == "mine"
    assert file_of(night, "S01E002").is_symlink()
    assert not file_of(night, "S01E003").exists()
    assert file_of(night, "S01E004").exists()


async def test_rows_without_a_name_of_their_own_are_told_before_anything_is_ordered(night):
    """Exit 2, and nothing of the run is on record but that."""
    rows = [make_row("a", 2, language="ja"), make_row("b", 3, language="JA"),
            make_row("c", 4, language="")]  # fmt: skip

    with pytest.raises(ManifestError) as raised:
        await night.run(rows, download="{language}.mp4")

    assert [line.partition(" (")[0] for line in raised.value.problems] == [
        "tonight.csv:3: `b` would be the same file as `a`",
        "tonight.csv:4: no name for its file: the column `language` is empty",
    ]
    assert night.orders() == {}
    with pytest.raises(ManifestError, match="1 problem") as raised:
        await night.run(rows, download="{season}/{reference_id}.mp4")
    (problem,) = raised.value.problems
    assert problem == (
        "tonight.csv:1: --download-name: there is no column `season`"
        " (there are `language`, `reference_id`, `revision`)"
    )
    assert night.transport.calls == []


async def test_rows_of_other_runs_keep_their_files(night):
    await night.run([make_row("a", language="ja")], download="{language}.mp4")

    with pytest.raises(ManifestError) as raised:
        await night.run([make_row("b", language="ja")], download="{language}.mp4")

    assert "the same file as `a`, downloaded before" in raised.value.problems[0]


# -- F-114: lines that break, files that change ---------------------------------------------------


async def test_a_download_that_is_cut_goes_on_where_it_was_cut(tmp_path):
    """F-114: a `.part` until then, resumed by Range under If-Range."""
    night = Night(tmp_path, "output-drop=0.4", seed=3)

    result = await night.run(make_rows(8), download=NAME)

    assert result.exit_code == 0
    rows = [row.reference_id for row in make_rows(8)]
    assert all(file_of(night, each).read_bytes() == night.dub(each) for each in rows)
    assert len(fetches(night)) > 8
    assert result.downloads.received == sum(len(night.dub(each)) for each in rows)
    assert not [name for name in names_in(night) if name.endswith(".part")]


async def test_a_download_that_is_always_cut_is_given_up_and_gone_on_with(night):
    """F-114: what has come is kept for another day."""
    spoil(night, lambda _, answer: Answer(answer.status, answer.headers, answer.body, cut_at=900),
          times=99)  # fmt: skip

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code is Exit.ROWS_FAILED
    assert "given up after 5 tries, what has come is kept" in result.downloads.failed[0]
    night.transport.rewrite = lambda _, answer: answer
    assert (await night.run(make_rows(1), download=NAME)).exit_code == 0
    assert file_of(night).read_bytes() == night.dub(REF)


async def test_a_download_that_stalls_is_begun_again(night):
    """F-114: a connection that gives a byte now and then is no better than none."""
    spoil(night, lambda _, answer: Answer(answer.status, answer.headers, answer.body, lasts_s=9e3))

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 0
    assert result.elapsed_s < 300
    assert len(fetches(night)) == 2
    assert file_of(night).read_bytes() == night.dub(REF)


@pytest.mark.parametrize("more", [-7, 7])
async def test_a_wrong_length_is_not_taken_for_the_whole(night, more):
    """F-114: whether it is short of what was announced, or beyond it."""

    def change(_, answer):
        body = answer.body[:more] if more < 0 else answer.body + b"x" * more
        return about_bytes(answer, body, **{"content-length": str(len(answer.body))})

    spoil(night, change)
    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 0
    assert file_of(night).read_bytes() == night.dub(REF)


@pytest.mark.parametrize("piece", [4000, 500])
async def test_a_piece_of_the_rest_is_not_taken_for_all_of_it(night, piece):
    """F-114: some servers answer a Range with less than was asked for, however well it ends."""

    def change(request, answer):
        whole = night.dub(REF)
        if "range" not in request.headers:
            return Answer(200, {**answer.headers, "content-length": str(len(whole))}, whole,
                          cut_at=900)  # fmt: skip
        start = int(request.headers["range"][6:-1])
        end = min(start + piece, len(whole))
        ranged = {"content-range": f"bytes {start}-{end - 1}/{len(whole)}"}
        return Answer(206, {"etag": answer.headers["etag"], **ranged}, whole[start:end])

    spoil(night, change, times=99)
    result = await night.run(make_rows(1), download=NAME)

    if piece == 500:
        assert result.exit_code is Exit.ROWS_FAILED
        assert "it gave 2,900 of" in result.downloads.failed[0]
        assert not file_of(night).exists()
    else:
        assert (result.exit_code, file_of(night).read_bytes()) == (0, night.dub(REF))


@pytest.mark.parametrize("status", [200, 206, 416])
async def test_a_file_that_changed_meanwhile_is_not_spliced(night, status):
    """F-114: a store that ignores If-Range is not believed, whatever it says of the rest."""
    new = b"\0\0\0\x10ftypnew!" + b"n" * 9000

    def change(request, answer):
        headers = {"content-type": "video/mp4", "etag": '"new"'}
        if "range" not in request.headers:
            return Answer(200, headers, new, cut_at=4000 if first.pop() else None)
        if status == 200:
            return Answer(200, {**headers, "etag": '"newer"'}, new.replace(b"n", b"o"))
        start = int(request.headers["range"][6:-1])
        ranged = {"content-range": f"bytes {start}-{len(new) - 1}/{len(new)}", "etag": '"newer"'}
        return Answer(status, {**headers, **ranged}, b"?" * (len(new) - start))

    first = [False, True]
    spoil(night, change, times=99)
    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 0
    assert file_of(night).read_bytes() == (new.replace(b"n", b"o") if status == 200 else new)


async def test_a_file_without_a_version_is_begun_anew(night):
    """F-114: nothing could tell whether the rest belongs to what is here."""
    whole = []

    def change(request, answer):
        assert "range" not in request.headers
        whole.append(answer.body)
        headers = {"content-type": "video/mp4"}
        return Answer(200, headers, answer.body, cut_at=4000 if len(whole) == 1 else None)

    spoil(night, change, times=9)

    assert (await night.run(make_rows(1), download=NAME)).exit_code == 0
    assert file_of(night).read_bytes() == night.dub(REF)


# -- F-115: what is no dub ------------------------------------------------------------------------


async def test_a_page_in_place_of_a_dub_is_refused(tmp_path):
    """F-115: by its type; nothing of it is kept, and the next run asks again."""
    night = Night(tmp_path, "output-page=1")

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code is Exit.ROWS_FAILED
    assert "HTTP 200 with `text/html`, which is no dub" in result.downloads.failed[0]
    assert names_in(night) == []


@pytest.mark.parametrize("body", [b"<html>" + b"sorry " * 99, b"MZ" + b"\0" * 99, b"short"])
async def test_a_page_that_calls_itself_a_video_is_refused_by_its_first_bytes(night, body):
    """F-115: an error page of a store may go out under the file's own type."""
    spoil(night, lambda _, answer: about_bytes(answer, body))

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 0, "the second answer was the dub"
    assert file_of(night).read_bytes() == night.dub(REF)
    assert len(fetches(night)) == 2


# -- F-116: links that die ------------------------------------------------------------------------


async def test_a_link_that_has_died_is_fetched_anew(night):
    """F-116: from the API, free of charge, once."""
    spoil(night, lambda _, __: Answer(403, {}, b"expired"))

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 0
    asked = [call.path for call in night.transport.gets()]
    assert asked.pop() == "/api/v1/lipsync/requests"  # the last call counts the account's requests
    assert asked[-3].startswith("/api/outputs/")
    assert asked[-2].startswith("/api/v1/lipsync/requests/")
    assert asked[-1].startswith("/api/outputs/")


async def test_links_that_are_refused_though_fresh_are_not_fetched_for_ever(tmp_path):
    """F-116: a few of them, then it is said, and nothing else waits for it."""
    night = Night(tmp_path, "output-expired=1")

    result = await night.run(make_rows(2), download=NAME)

    assert (result.exit_code, result.downloads.failed_total) == (8, 2)
    assert (
        "HTTP 403 from the server that has the dub; fresh links are refused as well"
        in (result.downloads.failed[0])
    )
    assert len(fetches(night)) == 8
    assert [name for name, _ in night.files] == ["row.not_downloaded"] * 2


async def test_a_link_that_dies_in_the_middle_costs_nothing(tmp_path):
    """F-116: what has come stays, the fresh link leads to the rest."""
    night = Night(tmp_path, "output-drop=1", link_ttl_s=1.0)
    expired = []

    def rewrite(request, answer):
        if "/outputs/" in request.url.path and len(fetches(night)) == 2:
            expired.append(request)
            return Answer(403, {}, b"")
        if "/outputs/" in request.url.path and expired:
            return Answer(answer.status, answer.headers, answer.body)
        return answer

    night.transport.rewrite = rewrite
    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 0
    assert result.downloads.received == len(night.dub(REF))


async def test_a_request_that_is_another_rows_gives_no_dub(night):
    """Its dub under this row's name would be found out only by watching it."""
    await night.run(make_rows(1), wait=True)
    show = night.transport.rewrite
    night.transport.rewrite = lambda request, answer: (
        Answer(200, answer.headers, answer.body.replace(REF.encode(), b"other"))
        if "/requests/" in request.url.path
        else show(request, answer)
    )

    result = await night.run(make_rows(1), download=NAME)

    assert result.exit_code == 8
    assert "is another row's at the API" in result.downloads.failed[0]
    assert names_in(night) == []


# -- F-117: disks that are full -------------------------------------------------------------------


async def test_a_dub_that_does_not_fit_is_not_begun(night, monkeypatch):
    """F-117: room is looked at first, and so much stays free that the ledger has its own."""
    room = space.LEAST_FREE_BYTES + 5000
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: Usage(10**9, 0, room))

    result = await night.run(make_rows(3), download=NAME)

    assert result.exit_code is Exit.ROWS_FAILED
    assert result.standing.states == {"completed": 3}, "orders and polling went on"
    assert "the disk is full: 10.6 kB needed, 5.0 kB free in" in result.downloads.failed[0]
    monkeypatch.undo()
    assert (await night.run(make_rows(3), download=NAME)).exit_code == 0
    assert night.orders() == {row.reference_id: 1 for row in make_rows(3)}


async def test_a_disk_that_fills_up_during_a_download_keeps_what_has_come(tmp_path, monkeypatch):
    """F-117: exit 8, the paid state as it is; with room again the rest is asked for, no more."""
    night = Night(tmp_path, "output-slow=1:40s")
    real, written = os.pwrite, [0]

    def pwrite(handle, content, at):
        written[0] += len(content)
        if written[0] > 5000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, content, at)

    monkeypatch.setattr(os, "pwrite", pwrite)
    first = await night.run(make_rows(1), download=NAME)
    monkeypatch.undo()
    kept = known(night).kept

    assert first.exit_code is Exit.ROWS_FAILED
    assert "the disk is full" in first.downloads.failed[0]
    assert 0 < kept <= 5000
    second = await night.run(make_rows(1), download=NAME)
    assert (second.exit_code, second.ordered) == (0, 0)
    assert second.downloads.received == len(night.dub(REF)) - kept
    assert file_of(night).read_bytes() == night.dub(REF)
    assert night.findings() == []


async def test_a_ledger_that_takes_no_more_ends_downloads_as_everything_else(night):
    """F-117: of the ledger's own disk that is exit 10; the files are found by their notes."""
    disk = Disk()
    night.on_session = disk.watch
    real = night.aside

    async def aside(work):
        done = await real(work)
        if getattr(work, "func", None) is give_name:
            disk.refuse()
        return done

    night.aside = aside
    result = await night.run(make_rows(1), download=NAME)
    night.on_session, night.aside = (lambda _: None), real

    assert result.exit_code is Exit.LEDGER_UNUSABLE
    assert (await night.run(make_rows(1), download=NAME)).downloads.present == 1


# -- signals, keys, revisions ---------------------------------------------------------------------


async def test_ctrl_c_cuts_downloads_and_the_next_run_goes_on(tmp_path):
    night = Night(tmp_path, "output-slow=1:40s")
    night.signal_at(25)

    first = await night.run(make_rows(1), download=NAME)

    assert first.exit_code is Exit.INTERRUPTED
    assert (first.downloads.left, first.downloads.failed_total) == (1, 0)
    kept = known(night).kept
    assert kept > 0
    second = await night.run(make_rows(1), download=NAME)
    assert second.exit_code == 0
    assert second.downloads.received == len(night.dub(REF)) - kept
    assert file_of(night).read_bytes() == night.dub(REF)


async def test_downloads_go_on_beside_orders_and_after_our_own_cap(tmp_path):
    """A cap on orders is none on what was paid for."""
    night = Night(tmp_path, "output-slow=1:10s")

    result = await night.run(make_rows(6), download=NAME, max_jobs=3)

    assert result.exit_code is Exit.CAP
    assert result.downloads.fetched == 3


async def test_few_come_at_once(tmp_path):
    """Two here: the line and the store are shared with others."""
    night = Night(tmp_path, "output-slow=1:50s")

    await night.run(make_rows(6), download=NAME)

    begun = [call.at_s for call in fetches(night)]
    assert all(later - earlier >= 47 for earlier, later in zip(begun, begun[2:], strict=False))


async def test_progress_tells_what_is_left_to_download(tmp_path):
    night = Night(tmp_path, "output-slow=1:60s")

    await night.run(make_rows(3), download=NAME)

    seen = {(each.phase, each.to_download) for each in night.snapshots}
    assert ("downloading", 3) in seen
    assert ("downloading", 1) in seen

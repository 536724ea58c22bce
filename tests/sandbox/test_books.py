"""The books: nothing that was accepted is lost, nothing else is taken for them."""

from __future__ import annotations

import errno
import json
import os
import stat
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchdub.errors import UnusableInputError
from batchdub.sandbox.books import Books, FileBooks, read_books
from batchdub.sandbox.orders import Order, OrderInput, order_from_line, order_line
from tests.sandbox.driving import START

ORDER = Order(
    request_id="00000000-0000-4000-8000-000000000001",
    reference_id="S01E01-ja",
    created_at=START,
    listed_at=START,
    inputs=(OrderInput("video", "https://a.example/v.mp4", "ab"),),
    disable_active_speaker_detection=False,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "books.jsonl"


@pytest.fixture
def open_books(path):
    opened = []

    def _open():
        opened.append(FileBooks(path))
        return opened[-1]

    yield _open
    for books in opened:
        books.close()


@given(st.text(), st.integers(0, 10**9), st.booleans())
def test_a_line_reads_back_as_the_same_order(reference_id, milliseconds, fails):
    """Whatever the reference_id holds, line ends included, it is one line."""
    moment = START + timedelta(milliseconds=milliseconds)
    order = replace(ORDER, reference_id=reference_id, created_at=moment, fails=fails)
    line = order_line(order)
    assert line.count(b"\n") == 1
    assert order_from_line(line) == order


def test_an_order_is_in_the_file_when_append_returns(path, open_books):
    """The answer leaves after it, so no answered order can be missing."""
    open_books().append(ORDER)
    assert list(read_books(path)) == [ORDER]
    assert json.loads(path.read_bytes())["reference_id"] == "S01E01-ja"


def test_the_file_is_for_its_owner_alone(path, open_books):
    """It names what a team is working on."""
    open_books()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_restart_finds_everything_again(open_books):
    """By id, by reference_id, and in order."""
    second = replace(ORDER, request_id="2")
    first_life = open_books()
    first_life.append(ORDER)
    first_life.append(second)
    first_life.close()
    first_life.close()
    books = open_books()
    assert books.orders == [ORDER, second]
    assert books.by_id("2") == second
    assert books.by_reference("S01E01-ja") == [ORDER, second]
    assert books.by_id("3") is None
    assert books.by_reference("S01E01") == ()


def test_a_torn_last_line_is_told_and_removed(path, open_books):
    """A kill in the middle of the write: that order was never answered."""
    line = order_line(ORDER)
    for cut in (1, 8, len(line) - 1):
        path.write_bytes(line + line[:cut])
        told = []
        assert list(read_books(path, on_torn=told.append)) == [ORDER]
        assert list(read_books(path)) == [ORDER]
        assert told == [2]
        books = open_books()
        assert books.torn_line == 2
        books.append(replace(ORDER, request_id="2"))
        books.close()
        assert len(list(read_books(path))) == 2


def test_whole_books_have_no_torn_line(open_books):
    """The normal case is silent."""
    books = open_books()
    books.append(ORDER)
    books.close()
    assert open_books().torn_line is None


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b'{"name":"x"}', b"[]\n", b"7", b'{"request_id": 1}\n', b"\xff\n"]
)
def test_another_kind_of_file_is_refused_and_left_as_it_is(path, content):
    """Above all it is not taken for a torn line and cut: it may be the manifest."""
    path.write_bytes(content)
    with pytest.raises(UnusableInputError, match=f"{path}:1: not an order"):
        FileBooks(path)
    assert path.read_bytes() == content


def test_a_damaged_line_is_told_by_its_number(path):
    """Books that lie are worse than none."""
    path.write_bytes(order_line(ORDER) + b"{}\n" + order_line(ORDER))
    with pytest.raises(UnusableInputError, match=f"{path}:2: not an order"):
        list(read_books(path))


def test_a_file_that_cannot_be_opened_is_told(tmp_path):
    """A folder, a missing folder, a pipe that would block for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, words in (
        (tmp_path, "Is a directory"),
        (tmp_path / "no" / "books", "No such file"),
        (pipe, "not a file"),
    ):
        with pytest.raises(UnusableInputError, match=words):
            FileBooks(path)
    with pytest.raises(UnusableInputError, match="No such file"):
        list(read_books(tmp_path / "no"))


def test_one_sandbox_holds_the_books(open_books):
    """Two would give out the same tokens twice."""
    first = open_books()
    with pytest.raises(UnusableInputError, match="in use by another sandbox"):
        open_books()
    first.close()
    open_books()


def test_late_orders_can_be_left_out(path, open_books):
    """The file has them at once, the books count them from their time on."""
    late = replace(ORDER, request_id="2", created_at=START + timedelta(seconds=2))
    books = open_books()
    books.append(ORDER)
    books.append(late)
    assert list(read_books(path, until=START + timedelta(seconds=1))) == [ORDER]
    assert list(read_books(path, until=late.created_at)) == [ORDER, late]
    assert list(read_books(path)) == [ORDER, late]


def test_a_write_that_was_cut_short_leaves_no_trace(path, open_books, monkeypatch):
    """A full disk: the order is not taken, and what follows is not glued to half a line."""
    books = open_books()
    books.append(ORDER)
    real_write = os.write
    monkeypatch.setattr(os, "write", lambda file, data: real_write(file, data[:5]))
    with pytest.raises(OSError, match="No space left") as caught:
        books.append(replace(ORDER, request_id="2"))
    monkeypatch.undo()
    assert caught.value.errno == errno.ENOSPC
    assert books.by_id("2") is None
    books.append(replace(ORDER, request_id="3"))
    assert [order.request_id[-1] for order in read_books(path)] == ["1", "3"]


def test_books_in_memory_behave_the_same():
    """A simulation needs no file."""
    books = Books()
    books.append(ORDER)
    books.close()
    assert books.by_id(ORDER.request_id) == ORDER

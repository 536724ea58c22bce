"""No task is lost: what one of them raises ends the run, and nothing goes on behind its back."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

import batchdub
from batchdub.states import JobState
from tests.support.night import make_rows

SOURCES = Path(batchdub.__file__).parent


def calls_of(name):
    """Give file, enclosing function and receiver of every call of this method or function."""
    for path in sorted(SOURCES.rglob("*.py")):
        source = path.read_text()
        for owner in ast.walk(ast.parse(source)) if name in source else ():
            if isinstance(owner, ast.FunctionDef | ast.AsyncFunctionDef):
                for node in ast.walk(owner):
                    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(f".{name}"):
                        yield path.name, owner, ast.unparse(node.func).rpartition(".")[0]


def test_every_task_has_somebody_who_waits_for_it():
    """A task that nobody holds may be collected in the middle of an order, its error unseen.

    F-110: each is made by a TaskGroup, or gathered by the function that made it.
    """
    made = list(calls_of("create_task"))
    assert made
    for path, owner, receiver in made:
        groups = [ast.unparse(node) for node in ast.walk(owner) if isinstance(node, ast.AsyncWith)]
        assert any(f"TaskGroup() as {receiver}" in text for text in groups), path
    for path, owner, _ in calls_of("ensure_future"):
        assert "finally" in ast.unparse(owner), path
        assert "asyncio.gather(" in ast.unparse(owner), path


async def test_a_failure_beside_the_orders_ends_them(night):
    """What is lost must not be lost in silence, and no order leaves after it (F-110)."""
    night.transport.latency_s = lambda: 1.0

    class Display(list):
        def append(self, _snapshot):
            if len(night.transport.posts()) >= 2:
                raise ZeroDivisionError("a fault of the display")

    night.snapshots = Display()

    with pytest.raises(ZeroDivisionError, match="a fault of the display"):
        await night.run(make_rows(30), concurrency=2)
    posts = len(night.transport.posts())
    await asyncio.sleep(3600)

    assert len(night.transport.posts()) == posts < 30


async def test_whatever_kills_the_writer_no_order_leaves_without_its_intent(night):
    """The wait for the commit fails, and with it the order (F-111)."""

    def dead(session):
        def apply_group(_changes):
            raise RuntimeError("the writer is gone")

        session.ledger.apply_group = apply_group

    night.on_session = dead

    with pytest.raises(RuntimeError, match="the writer is gone"):
        await night.run(make_rows(5))

    assert night.transport.posts() == []
    assert night.states() == {JobState.PENDING: 5}

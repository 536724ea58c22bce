"""A YAML or JSON document as text with marks: no numbers, no truth values, no dates."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from batchdub.manifest.problems import quoted

DEEPEST = 16
MOST_NODES = 3_000_000
TOO_DEEP = "nested too deeply"
TOO_MANY = f"more than {MOST_NODES:,} values"
ONE_KEY = "keep one of them"
SPLIT = "split it into several manifests, or use a table"


class Scalar(NamedTuple):
    """A text as it was written; nothing (`~`, JSON's null) is the empty text."""

    text: str
    line: int
    column: int


class Sequence(NamedTuple):
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


class Mapping(NamedTuple):
    """Keys, all different, and their values, in order."""

    pairs: tuple[tuple[Scalar, Node], ...]
    line: int
    column: int


class Unknown(NamedTuple):
    """A value that was refused and told of: say nothing more about it."""

    line: int
    column: int


Node: TypeAlias = Scalar | Sequence | Mapping | Unknown

Tell: TypeAlias = Callable[[int, int, str, str], None]
"""Told of what is refused: its line and column from 1, what is wrong, and what to do."""


def duplicate_key(key: Scalar, first: Scalar) -> str:
    """Say that a key has been there before."""
    return f"a second {quoted(key.text)}; the first is at line {first.line}"


def kind_of(node: Node) -> str:
    """Name a node's kind for people."""
    return {Scalar: "a text", Sequence: "a list", Mapping: "a mapping"}.get(type(node), "unknown")

"""YAML on PyYAML's C parser, read so strictly that what was written is what is meant.

Only the parser's events are used: nothing is resolved, so `no` stays Norwegian and `010` stays
three characters. What lets one place of a file change another (anchors, aliases, merge keys) or
what needs a type (tags) is refused, and a second key of the same name is never preferred.
"""

from __future__ import annotations

import re
from typing import Any

from yaml import (
    AliasEvent,
    CBaseLoader,
    DocumentStartEvent,
    MappingEndEvent,
    MarkedYAMLError,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    YAMLError,
)

from batchdub.manifest import tree
from batchdub.manifest.fields import letter_name
from batchdub.manifest.problems import UnreadableError, quoted

_NOT_YAML = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # the characters of YAML 1.1, section 5.1
_ONE_PLACE = "write the value out in each place"


def read_yaml(text: str, tell: tree.Tell) -> tree.Node | None:
    """Read the one document of a text; None if there is none.

    What is refused is told and read past. Raises UnreadableError at a syntax error.
    """
    _check_letters(text)
    try:
        return _Composer(text, tell).document()
    except MarkedYAMLError as error:
        raise _syntax_error(error, text) from None
    except YAMLError as error:
        raise UnreadableError(None, None, f"not valid YAML: {type(error).__name__}") from None


def _check_letters(text: str) -> None:
    found = _NOT_YAML.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        raise UnreadableError(line, column, f"{letter_name(found[0])} in the text", "remove it")


def _syntax_error(error: MarkedYAMLError, text: str) -> UnreadableError:
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return UnreadableError(None, None, f"not valid YAML: {error.problem}")
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = "put quotes around a value that begins with `{`, `[`, `@`, `%` or holds `: `"
    if line.lstrip(" ").startswith("\t"):
        hint = "indent with spaces: YAML does not take tabs"
    return UnreadableError(mark.line + 1, mark.column + 1, f"not valid YAML: {error.problem}", hint)


class _Composer:
    def __init__(self, text: str, tell: tree.Tell) -> None:
        # The C parser's events have no declared types.
        self._next: Any = CBaseLoader(text).get_event
        self._tell = tell
        self._count = 0

    def document(self) -> tree.Node | None:
        root: tree.Node | None = None
        while (event := self._next()) is not None:
            if not isinstance(event, DocumentStartEvent):
                continue
            if root is not None:
                line, column = _place(event)
                self._tell(line, column, "a second document", "a manifest is one document")
                return root
            root = self._node(self._next(), 0)
        return root

    def _node(self, event: Any, depth: int) -> tree.Node:
        self._count += 1
        line, column = _place(event)
        if depth > tree.DEEPEST or self._count > tree.MOST_NODES:
            what = tree.TOO_DEEP if depth > tree.DEEPEST else tree.TOO_MANY
            raise UnreadableError(line, column, what, tree.SPLIT)
        if isinstance(event, AliasEvent):
            self._tell(line, column, f"an alias, {quoted(f'*{event.anchor}')}", _ONE_PLACE)
            return tree.Unknown(line, column)
        if event.anchor is not None or event.tag is not None:
            self._refuse_marks(event, line, column)
        if isinstance(event, ScalarEvent):
            return tree.Scalar(_text(event), line, column)
        if isinstance(event, SequenceStartEvent):
            return tree.Sequence(self._items(depth), line, column)
        return tree.Mapping(self._pairs(depth), line, column)

    def _refuse_marks(self, event: Any, line: int, column: int) -> None:
        if event.anchor is not None:
            self._tell(line, column, f"an anchor, {quoted(f'&{event.anchor}')}", _ONE_PLACE)
        if event.tag is not None:
            self._tell(line, column, "a tag", "leave it out: every value is text")

    def _items(self, depth: int) -> tuple[tree.Node, ...]:
        items = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return tuple(items)

    def _pairs(self, depth: int) -> tuple[tuple[tree.Scalar, tree.Node], ...]:
        pairs: dict[str, tuple[tree.Scalar, tree.Node]] = {}
        while not isinstance(event := self._next(), MappingEndEvent):
            is_merge = isinstance(event, ScalarEvent) and event.implicit[0] and event.value == "<<"
            key, value = self._node(event, depth + 1), self._node(self._next(), depth + 1)
            if is_merge:
                self._tell(key.line, key.column, "a merge key, `<<`", _ONE_PLACE)
                value = tree.Unknown(key.line, key.column)
            if not isinstance(key, tree.Scalar):
                self._refuse_key(key)
            elif key.text in pairs:
                first = pairs[key.text][0]
                self._tell(key.line, key.column, tree.duplicate_key(key, first), tree.ONE_KEY)
            else:
                pairs[key.text] = key, value
        return tuple(pairs.values())

    def _refuse_key(self, key: tree.Node) -> None:
        if not isinstance(key, tree.Unknown):
            self._tell(key.line, key.column, f"{tree.kind_of(key)} as a name", "a name is a text")


def _text(event: Any) -> str:
    # Only a bare tilde is nothing; a quoted one was meant.
    return "" if event.value == "~" and event.implicit[0] else str(event.value)


def _place(event: Any) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1

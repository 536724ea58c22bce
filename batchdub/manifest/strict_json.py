"""JSON as text with marks, and as strict as the YAML.

JSON is not read as YAML: tabs may indent it and `\\ud83d\\ude00` is one character, and the YAML
parser takes neither. Numbers keep the digits that were written; true and false are the words.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right

from batchdub.manifest import tree
from batchdub.manifest.problems import UnreadableError

_SPACE = re.compile(r"[ \t\r\n]*")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"')
_WORD = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_LINE_END = re.compile(r"\r\n?|\n")


def read_json(text: str, tell: tree.Tell) -> tree.Node | None:
    """Read the one value of a text; None if there is none.

    A second key of the same name is told and read past. UnreadableError at a syntax error.
    """
    reader = _Reader(text, tell)
    return reader.document()


class _Reader:
    def __init__(self, text: str, tell: tree.Tell) -> None:
        self._text = text
        self._tell = tell
        self._at = 0
        self._count = 0
        self._line_starts = [0, *(match.end() for match in _LINE_END.finditer(text))]

    def document(self) -> tree.Node | None:
        if not self._peek():
            return None
        root = self._node(0)
        if self._peek():
            raise self._error("something after the end of the document")
        return root

    def _peek(self) -> str:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _take(self, wanted: str) -> None:
        if self._peek() != wanted:
            raise self._error(f"`{wanted}` expected")
        self._at += 1

    def _node(self, depth: int) -> tree.Node:
        self._count += 1
        letter = self._peek()
        if depth > tree.DEEPEST or self._count > tree.MOST_NODES:
            raise self._error(tree.TOO_DEEP if depth > tree.DEEPEST else tree.TOO_MANY, tree.SPLIT)
        if letter == "{":
            return self._mapping(depth)
        if letter == "[":
            return self._sequence(depth)
        return self._string() if letter == '"' else self._word()

    def _mapping(self, depth: int) -> tree.Mapping:
        line, column = self._mark()
        pairs: dict[str, tuple[tree.Scalar, tree.Node]] = {}
        self._take("{")
        while self._peek() != "}":
            if pairs:
                self._take(",")
            key = self._key()
            self._take(":")
            value = self._node(depth + 1)
            if key.text in pairs:
                what = tree.duplicate_key(key, pairs[key.text][0])
                self._tell(key.line, key.column, what, tree.ONE_KEY)
            pairs.setdefault(key.text, (key, value))
        self._take("}")
        return tree.Mapping(tuple(pairs.values()), line, column)

    def _key(self) -> tree.Scalar:
        if self._peek() != '"':
            raise self._error("a name in double quotes expected")
        return self._string()

    def _sequence(self, depth: int) -> tree.Sequence:
        line, column = self._mark()
        items: list[tree.Node] = []
        self._take("[")
        while self._peek() != "]":
            if items:
                self._take(",")
            items.append(self._node(depth + 1))
        self._take("]")
        return tree.Sequence(tuple(items), line, column)

    def _string(self) -> tree.Scalar:
        line, column = self._mark()
        match = _STRING.match(self._text, self._at)
        if match is None:
            raise self._error("a text that is not closed, or has a line break in it")
        text = match[0][1:-1]
        if "\\" in text:
            try:
                text = json.loads(match[0])
            except ValueError:
                raise self._error("a text with an escape that JSON does not have") from None
        self._at = match.end()
        return tree.Scalar(text, line, column)

    def _word(self) -> tree.Scalar:
        line, column = self._mark()
        match = _WORD.match(self._text, self._at)
        if match is None:
            raise self._error("a value expected", "texts stand in double quotes")
        self._at = match.end()
        return tree.Scalar("" if match[0] == "null" else match[0], line, column)

    def _mark(self) -> tuple[int, int]:
        line = bisect_right(self._line_starts, self._at)
        return line, self._at - self._line_starts[line - 1] + 1

    def _error(self, what: str, hint: str = "") -> UnreadableError:
        line, column = self._mark()
        return UnreadableError(line, column, f"not valid JSON: {what}", hint)

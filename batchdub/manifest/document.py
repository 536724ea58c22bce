"""What a YAML or JSON manifest says: jobs, or a matrix of lists that multiply, with defaults.

`jobs` are rows as they stand. A `matrix` gives columns lists of values and makes a row of every
combination; the last list varies fastest. Both are filled up from `defaults`.
"""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from batchdub.manifest import tree
from batchdub.manifest.entries import Entry, Job, sort_entry
from batchdub.manifest.names import nearest
from batchdub.manifest.problems import Problem, Problems, UnreadableError, quoted, shown_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchdub.manifest.fields import Fault
    from batchdub.manifest.rows import Maker
    from batchdub.models import Row

TOP = ("name", "defaults", "jobs", "matrix")
MOST_COMBINATIONS = 1_000_000


class Document:
    """One document's rows; what is wrong with it goes to `problems`."""

    def __init__(self, path: str, problems: Problems, maker: Maker) -> None:
        self._path = path
        self._problems = problems
        self._maker = maker
        self._defaults = Entry({}, {}, 1, 1)
        self._places: dict[tuple[str, ...], dict[str, int]] = {}

    def tell(self, line: int, column: int, what: str, hint: str) -> None:
        """Add a problem of the document itself, not of a single row."""
        self._problems.add(Problem(self._path, line, column, "", what, hint))

    def rows(self, root: tree.Node | None) -> Iterator[Row]:
        """Give the valid rows of a document, in its order; UnreadableError if it has none."""
        if root is None or _is_empty(root):
            raise UnreadableError(1, None, "has no rows", "list them under `jobs:`")
        if not isinstance(root, tree.Mapping):
            what = f"{tree.kind_of(root)} where `jobs:` or `matrix:` should be"
            raise UnreadableError(root.line, root.column, what, "list the rows under `jobs:`")
        parts = self._parts(root)
        if "defaults" in parts:
            defaults = self._entry(parts["defaults"], "defaults", of_row=False)
            if defaults is None:
                return
            self._defaults = defaults
        for entry in self._entries(parts, root):
            yield from self._row(entry)

    def _parts(self, root: tree.Mapping) -> dict[str, tree.Node]:
        for key, _ in root.pairs:
            if key.text not in TOP:
                near = nearest(key.text, TOP)
                hint = f"is `{near}` meant?" if near else f"there are {', '.join(TOP)}"
                self.tell(key.line, key.column, f"unknown name {quoted(key.text)}", hint)
        parts = {key.text: node for key, node in root.pairs}
        name = parts.get("name")
        if isinstance(name, tree.Sequence | tree.Mapping):
            self._wrong_kind("name", name, "a text")
        return parts

    def _entries(self, parts: dict[str, tree.Node], root: tree.Mapping) -> Iterator[Entry]:
        if "jobs" in parts and "matrix" in parts:
            node = parts["matrix"]
            hint = "put them in two manifests; one command takes several"
            raise UnreadableError(node.line, node.column, "both `jobs` and `matrix`", hint)
        if "jobs" in parts:
            return self._jobs(parts["jobs"])
        if "matrix" in parts:
            return self._combinations(parts["matrix"])
        hint = "list them under `jobs:`, or give `matrix:` lists that multiply"
        raise UnreadableError(root.line, root.column, "has no rows", hint)

    def _jobs(self, node: tree.Node) -> Iterator[Entry]:
        for item in self._items(node, "jobs"):
            entry = self._entry(item, "jobs", of_row=True)
            if entry is not None:
                yield entry

    def _entry(self, node: tree.Node, name: str, *, of_row: bool) -> Entry | None:
        """Sort a mapping's values; None where nothing can be said of them."""
        if not isinstance(node, tree.Mapping):
            self._wrong_kind(name, node, "`column: value` pairs", of_row=of_row)
            return None
        pairs = [(key, value) for key, value in node.pairs if isinstance(value, tree.Scalar)]
        for key, value in node.pairs:
            if not isinstance(value, tree.Scalar):
                self._wrong_kind(key.text, value, "a text", of_row=of_row)
        if len(pairs) < len(node.pairs):
            self._problems.rows_left_out += of_row
            return None
        return sort_entry(pairs, node.line, node.column, self._tell_name(of_row=of_row))

    def _combinations(self, node: tree.Node) -> Iterator[Entry]:
        if not isinstance(node, tree.Mapping) or not node.pairs:
            self._wrong_kind("matrix", node, "names with lists")
            return
        axes = [self._axis(key, value) for key, value in node.pairs]
        if not all(axes):
            return
        count = prod(len(axis) for axis in axes)
        if count > MOST_COMBINATIONS:
            what = f"matrix: makes {count:,} rows, more than {MOST_COMBINATIONS:,}"
            raise UnreadableError(node.line, node.column, what, "shorten its lists")
        first = [pairs[0] for pairs in axes]
        if sort_entry(first, node.line, node.column, self._tell_name(of_row=False)).good:
            for pairs in product(*axes):
                place = pairs[0][1]
                yield sort_entry(pairs, place.line, place.column, self._tell_name(of_row=False))

    def _axis(self, key: tree.Scalar, node: tree.Node) -> list[tuple[tree.Scalar, tree.Scalar]]:
        items = self._items(node, key.text)
        for item in items:
            if not isinstance(item, tree.Scalar):
                self._wrong_kind(key.text, item, "a text")
                return []
        return [(key, item) for item in items if isinstance(item, tree.Scalar)]

    def _items(self, node: tree.Node, name: str) -> tuple[tree.Node, ...]:
        if isinstance(node, tree.Sequence) and node.items:
            return node.items
        if isinstance(node, tree.Sequence) or _is_empty(node):
            problem = Problem(
                self._path, node.line, node.column, shown_name(name), "has no rows", "list some"
            )
            self._problems.add(problem)
        else:
            self._wrong_kind(name, node, "a list")
        return ()

    def _row(self, entry: Entry) -> Iterator[Row]:
        job = Job(entry, self._defaults)
        names = job.names
        places = self._places.setdefault(names, {name: at for at, name in enumerate(names)})
        draft, errors = job.draft(places)
        for name, error in errors:
            place = job if error.of_row else job.place_of_template
            self._maker.tell(name, error.fault, place)
        row = None if errors else self._maker.make(draft, job)
        if errors or (row is not None and not entry.good):
            self._problems.rows_left_out += 1
        elif row is not None:
            yield row

    def _tell_name(self, *, of_row: bool) -> Callable[[tree.Scalar, Fault], None]:
        def tell(key: tree.Scalar, fault: Fault) -> None:
            problem = Problem(
                self._path, key.line, key.column, shown_name(key.text), fault.what, fault.hint
            )
            self._problems.add(problem, of_row=of_row)

        return tell

    def _wrong_kind(self, name: str, node: tree.Node, wanted: str, *, of_row: bool = False) -> None:
        if isinstance(node, tree.Unknown):
            return
        what = f"{tree.kind_of(node)} where {wanted} should be"
        problem = Problem(self._path, node.line, node.column, shown_name(name), what)
        self._problems.add(problem, of_row=of_row)


def _is_empty(node: tree.Node) -> bool:
    return isinstance(node, tree.Scalar) and not node.text

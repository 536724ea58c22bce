"""`python -m tests.faults`: each fault that may come, by number, and the tests that prove it.

A test claims a fault by naming it in its docstring, as in `F-7`; so may its class, its module,
and a member of the simulation's `Fault`. A number stands for one thing that goes wrong and for
what must be true afterwards: a claim is a promise that the test asserts the latter.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path

FAULTS = range(1, 119)
_MARK = re.compile(r"(?<![\w-])F-([0-9]{1,3})\b")
_TESTS = Path(__file__).resolve().parent


NOT_YET: Mapping[int, str] = {}
"""What may be without a claim, and why. A number that has one needs no reason any more."""


def claims() -> dict[int, list[str]]:
    """Give the tests that claim each fault, as `path::name`, in the order of their files."""
    found: dict[int, list[str]] = defaultdict(list)
    for path in sorted(_TESTS.rglob("*.py")):
        if path == Path(__file__).resolve():
            continue
        place = path.relative_to(_TESTS.parent).as_posix()
        for name, text in documented(ast.parse(path.read_text(encoding="utf-8"))):
            for number in dict.fromkeys(map(int, _MARK.findall(text))):
                found[number].append("::".join(filter(None, (place, name))))
    return dict(found)


def documented(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Give every docstring with the name of what it documents; the module's name is empty."""
    yield "", ast.get_docstring(module) or ""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, ast.get_docstring(node) or ""
        elif isinstance(node, ast.ClassDef):
            yield node.name, ast.get_docstring(node) or ""
            yield from _members(node)


def _members(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Give the members of an enum that have a docstring of their own, on the line below."""
    for member, text in pairwise(owner.body):
        if isinstance(member, ast.Assign) and isinstance(text, ast.Expr):
            (target, value) = (member.targets[0], text.value)
            if isinstance(target, ast.Name) and isinstance(value, ast.Constant):
                yield f"{owner.name}.{target.id}", str(value.value)


def unclaimed(found: Mapping[int, list[str]]) -> list[int]:
    """Give the faults that no test claims, those with a reason among them."""
    return [number for number in FAULTS if number not in found]


def main() -> int:
    """Print a line for each fault; fails if one has neither a claim nor a reason."""
    found = claims()
    for number in FAULTS:
        tests = found.get(number, [])
        print(f"F-{number}: {', '.join(tests) or NOT_YET.get(number, 'NO TEST')}")  # noqa: T201
    open_ones = unclaimed(found)
    missing = [number for number in open_ones if number not in NOT_YET]
    print(  # noqa: T201
        f"{len(found)} of {len(FAULTS)} claimed, {len(open_ones) - len(missing)} not yet,"
        f" {len(missing)} without a reason"
    )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

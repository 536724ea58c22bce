"""Reading the README as a person does: its blocks, its tables, and the tour's commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
ANYTHING = "…"


@dataclass(frozen=True)
class Step:
    """A command of the tour, and the lines that it must print; `…` stands for anything."""

    command: str
    lines: tuple[str, ...]

    def expectation(self) -> str:
        """Give a regular expression for the whole output."""
        patterns = [
            r"[^\n]*".join(map(re.escape, line.split(ANYTHING))) if line != ANYTHING else r"(?s:.*)"
            for line in self.lines
        ]
        return r"\n".join(patterns) + (r"\n?" if patterns else "")


def blocks(language: str) -> list[str]:
    """Give the fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def tour() -> list[Step]:
    """Give all `$ command` steps of the console blocks, in order."""
    steps: list[Step] = []
    for block in blocks("console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            steps.append(Step(command, tuple(lines)))
    return steps


def section_under(heading: str) -> str:
    """Give what stands under a heading, up to the next of its rank."""
    rest = re.split(rf"^#+ {re.escape(heading)}$", TEXT, flags=re.MULTILINE)[1]
    return re.split(r"^## ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def table_under(heading: str) -> list[tuple[str, ...]]:
    """Give the cells of the first table under a heading, without its head; code marks cut."""
    rows = re.search(r"(?:^\|.*\|$\n?)+", section_under(heading), re.MULTILINE)
    assert rows is not None, f"no table under {heading}"
    cells = [
        tuple(cell.strip().replace("`", "") for cell in line.strip("|").split("|"))
        for line in rows[0].strip().split("\n")
    ]
    return cells[2:]

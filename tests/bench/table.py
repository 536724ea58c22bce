"""The table at the end of a part: medians over the rounds, and what they are worth together."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from statistics import median

_HEAD = ("", "orders/s", "in the loop", "CPU s / 1,000", "books", "duplicates")


def print_trials(trials, compared):
    """Print a Markdown table of trials by contender, and one contender against the others."""
    print_table(_HEAD, [_line(name, runs) for name, runs in trials.items()])
    ours = _median(trials[compared])
    for name, runs in trials.items():
        if name != compared:
            sys.stdout.write(f"{compared} against {name}: {ours / _median(runs):.2f}\n")


def print_table(head, lines):
    """Print a Markdown table, with the day and the machine below it."""
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    rules = ["-" * width for width in widths]
    for cells in (head, rules, *lines):
        row = (f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        sys.stdout.write(f"| {' | '.join(row)} |\n")
    sys.stdout.write(f"\n{machine()}\n")


def machine():
    """Give day, machine and Python, for whoever reads the figures later."""
    day, cores = datetime.now(UTC).date(), os.cpu_count()
    return f"{day}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def note(text):
    """Tell on the way what has been measured."""
    sys.stderr.write(f"{text}\n")


def _median(runs):
    return median(run.orders_per_s for run in runs)


def _line(name, runs):
    return (
        name,
        f"{_median(runs):,.0f}",
        f"{median(run.ordering_per_s for run in runs):,.0f}",
        f"{median(run.cpu_s_per_1000 for run in runs):.2f}",
        f"{min(run.orders for run in runs):,}",
        f"{max(run.duplicates for run in runs)}",
    )

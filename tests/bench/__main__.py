"""The benchmark, part by part; each prints one table.

    python -m tests.bench                       # which parts there are
    python -m tests.bench throughput
    python -m tests.bench throughput --help

A part is a file of this folder with a `main(arguments)`; the first line of its docstring is its
line in the list. Run it on a machine that does nothing else.
"""

from __future__ import annotations

import sys
from importlib import import_module

PARTS = ("throughput", "wire", "disk", "scale", "startup", "pacing", "night")
"""The parts by name; a new one is entered here."""


def main(arguments):
    """Run the part that is named, or list them all."""
    if arguments and arguments[0] in PARTS:
        return import_module(f"tests.bench.{arguments[0]}").main(arguments[1:])
    lines = [f"  {name:<12} {_about(name)}\n" for name in PARTS]
    sys.stderr.writelines(["usage: python -m tests.bench PART [OPTIONS]\n", *lines])
    return 0 if not arguments or arguments[0] in ("-h", "--help") else 2


def _about(name):
    return import_module(f"tests.bench.{name}").__doc__.partition("\n")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What a thousand rows cost, and a million: seconds, memory, and bytes of ledger, per command.

For each size a manifest is made, plain and with both links signed, and a ledger in which every row
is done, made by the ledger's own methods; that takes longer than all the measuring, so `--folder`
keeps both for the next time. Then every command runs once. The table shows whether a cost grows in
proportion to the rows; below it stands what DESIGN asks of a million.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.processes import batchdub, cost_of

SIZES = (1_000, 10_000, 100_000, 1_000_000)
YAML_ROWS = 100_000
_BUDGETS = (
    "of a million rows: validate, plan and a run with nothing to do within 30 s and 400 MB,",
    "report within 30 s and 200 MB; 1,200 bytes a job; 100,000 jobs of YAML within 10 s;",
    "status as fast as of a thousand",
)


def main(arguments):
    """Make what is needed, measure, and print the table."""
    options = _read_options(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        lines = [line for rows in options.sizes for line in _lines_of(folder, rows, options)]
        if not options.no_yaml:
            lines += _yaml_lines(folder)
    sys.stdout.write("| command | rows | wall s | CPU s | CPU µs / row | peak MB |\n")
    sys.stdout.write("| --- | ---: | ---: | ---: | ---: | ---: |\n")
    sys.stdout.writelines(sorted(lines, key=lambda line: line.split("|")[1]))
    sys.stdout.write(f"\n{'; '.join(_BUDGETS)}\n")
    return 0


def _read_options(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--folder", help="keep manifests and ledgers here, and use them again")
    parser.add_argument("--only", nargs="+", help="commands, by the names in the table")
    parser.add_argument("--no-yaml", action="store_true")
    return parser.parse_args(arguments)


def _lines_of(folder, rows, options):
    wanted = [name for name in _commands(rows) if not options.only or name in options.only]
    _make(folder, f"plain-{rows}.csv", "table", rows)
    _make(folder, f"signed-{rows}.csv", "signed", rows)
    if any(name not in ("validate", "validate, signed", "plan, new") for name in wanted):
        _make(folder, f"done-{rows}.db", "ledger", f"plain-{rows}.csv")
        size = (folder / f"done-{rows}.db").stat().st_size
        _note(f"{rows:,} rows: {size / rows:,.0f} bytes of ledger a job")
        yield f"| bytes a job: {size / rows:,.0f} | {rows:,} | | | | |\n"
    for name in wanted:
        yield _measured(name, rows, _commands(rows)[name], folder)


def _commands(rows):
    plain, ledger = f"plain-{rows}.csv", ("--ledger", f"done-{rows}.db")
    return {
        "validate": ("validate", plain),
        "validate, signed": ("validate", f"signed-{rows}.csv"),
        "plan": ("plan", plain, *ledger),
        "plan, new": ("plan", plain, "--ledger", "none.db"),
        "run, nothing to do": ("run", plain, "--sandbox", "--yes", *ledger),
        "report csv": ("report", *ledger),
        "report jsonl": ("report", "--format", "jsonl", *ledger),
        "status": ("status", *ledger),
        "show": ("show", "S01E02-ja", *ledger),
    }


def _yaml_lines(folder):
    for kind in ("jobs", "matrix"):
        _make(folder, f"{kind}.yaml", kind, YAML_ROWS)
        yield _measured(f"validate, YAML {kind}", YAML_ROWS, ("validate", f"{kind}.yaml"), folder)


def _measured(name, rows, arguments, folder):
    cost = cost_of(batchdub(*arguments), folder=folder)
    per_row = 1e6 * cost.cpu_s / rows
    line = (
        f"| {name} | {rows:,} | {cost.wall_s:.2f} | {cost.cpu_s:.2f} | {per_row:,.1f}"
        f" | {cost.peak_mb:.0f} |\n"
    )
    _note(line.strip())
    return line


def _make(folder, name, kind, what):
    """Make a file under its name only when it is whole, so that a kept one can be trusted."""
    if (folder / name).exists():
        return
    draft = f"draft-{name}"
    for leftover in folder.glob(f"{draft}*"):
        leftover.unlink()
    command = [sys.executable, "-m", "tests.bench.filling", kind, str(folder / draft), str(what)]
    root = str(Path(__file__).parents[2])
    subprocess.run(  # noqa: S603  our own module
        command, cwd=folder, env={"PYTHONPATH": root}, check=True
    )
    (folder / draft).rename(folder / name)


def _note(text):
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

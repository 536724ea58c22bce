"""A report's file on a disk that refuses: the new one is there as a whole, or the old one is."""

from __future__ import annotations

import sys
from itertools import product

from tests.crash import oracle, program, tracing
from tests.crash.campaign import Result
from tests.crash.starts import HALF
from tests.crash.tracing import Point

_ERRORS = {
    "rename": ("EIO", "ENOSPC", "EROFS"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT"),
    "write": ("EIO", "ENOSPC", "EDQUOT"),
}
_OLD = "yesterday's report\n"


def all_outputs():
    """Give every refusal: of which call, with which error, and whether once or from then on."""
    for call, errors in _ERRORS.items():
        yield from product((call,), errors, (False, True))


def refuse_output(bench, call, error, onwards):
    """Carry one trial out."""
    with bench.place(HALF) as place:
        report = place.folder / "report.csv"
        report.write_text(_OLD)
        command = [sys.executable, "-m", "batchdub", "report", "--format", "csv"]
        command += ["--output", str(report), "--ledger", str(place.ledger)]
        strace = tracing.injecting(
            place, bench.trace, Point("output", call, 1), f"error={error}", onwards=onwards
        )
        ended = program.run(command, strace)
        wrong = [] if ended.code == 2 else [f"exit {ended.code}: {oracle.last_words(ended)}"]
        if "Traceback" in ended.talk:
            wrong.append("a traceback")
        # Where each write fails, the complaint cannot be written either.
        if str(report) not in ended.talk and not (call == "write" and onwards):
            wrong.append(f"the message does not name the report: {oracle.last_words(ended)}")
        if report.read_text() != _OLD:
            wrong.append("the old report is gone, and the new one is none")
        wrong += [f"{left.name} is left behind" for left in place.folder.glob(".report*")]
        wrong += oracle.recover(place)
    struck = "(INJECTED)" in bench.trace.read_text()
    return Result(f"report, {call} {error}", struck, (ended.code,), wrong, f"{call} {error}")

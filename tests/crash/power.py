"""Power cuts: disk images rebuilt from the program's own system calls, each opened and looked at.

The negative controls are the same program with a ledger that syncs less: if their images are
sound, too, then this proves nothing.
"""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from batchdub.sandbox.books import read_books
from tests.crash import program, tracing
from tests.crash.bench import Bench
from tests.crash.campaign import say
from tests.crash.disk import Operation, Sent
from tests.crash.images import Shelf, cuts
from tests.crash.points import in_turn, spread
from tests.crash.recording import operations, recording
from tests.crash.starts import STARTS

_BATCHDUB = ("batchdub",)
CONTROLS = {level: ("tests.crash.unsynced", level) for level in ("NORMAL", "OFF")}
_SHARE_OF_CONTROL = 10
_EXAMPLES = 3
_TRIES = 20  # many choices come to the same image


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run's ledger files before it, and all it did to them."""

    title: str
    before: dict[str, bytes]
    done: list[Operation]


@dataclass(slots=True)
class Counted:
    """How many different images of a recorded run were looked at, and what was wrong."""

    title: str
    images: int = 0
    wrong: int = 0
    examples: tuple[str, ...] = ()


def main(*, images, jobs):
    """Look at so many images, and at a tenth of them for each control; gives the exit code."""
    why = tracing.missing()
    if why:
        say(why)
        return 1
    began_s = time.monotonic()
    # Before any worker is forked: it would hold on to the bench's pipes.
    tasks = list(_tasks(images, jobs))
    with ProcessPoolExecutor(jobs) as pool:
        counted = list(pool.map(_look, tasks))
    return _tell(counted, time.monotonic() - began_s)


def _tasks(images, jobs):
    with Bench() as bench:
        for start in STARTS:
            recorded = record(bench, start)
            for shard in range(jobs):
                yield recorded, images // (len(STARTS) * jobs) + 1, shard
        for level, wrapper in CONTROLS.items():
            recorded = record(bench, "fresh", f"control: {level}", wrapper)
            yield recorded, images // _SHARE_OF_CONTROL, 0


def record(bench, start, title="", wrapper=_BATCHDUB):
    """Record one run from a start state; every order in the books must be in the recording."""
    with bench.place(start) as place:
        before = _ledger_files(place)
        known = {order.reference_id for order in read_books(place.books)}
        command = place.command(program=wrapper)
        ended = program.run(command, recording(bench.trace))
        assert ended.code == 0, ended.talk
        done = operations(bench.trace.read_text(), place.ledger, before)
        ordered = {order.reference_id for order in read_books(place.books)}
    sent = {operation.reference_id for operation in done if isinstance(operation, Sent)}
    assert sent == ordered - known, (sent, ordered, known)
    return Recorded(title or f"start: {start}", before, done)


def _ledger_files(place):
    paths = place.folder.glob(f"{place.ledger.name}*")
    return {path.name: path.read_bytes() for path in paths if not path.name.endswith(".lock")}


def _look(task):
    recorded, wanted, shard = task
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        return look(recorded, Shelf(Path(folder)), wanted, shard)


def look(recorded, shelf, wanted, shard=0):
    """Look at `wanted` different images of a recorded run."""
    counted, seen = Counted(recorded.title), set()
    moments = list(cuts(recorded.before, recorded.done, shelf))
    chosen = [moments[number - 1].images(shard) for number in spread(len(moments))]
    for cut, image in islice(in_turn(chosen), _TRIES * wanted):
        key = hash((cut.owed, *sorted(image.items())))
        if key in seen:
            continue
        seen.add(key)
        counted.images += 1
        wrong = shelf.wrong(image, cut.owed)
        if wrong:
            counted.wrong += 1
            told = f"{recorded.title}, after operation {cut.number}: {wrong[0]}"
            counted.examples = (*counted.examples, told)[:_EXAMPLES]
        if counted.images >= wanted:
            break
    return counted


def _memory():
    memory = Path("/dev/shm")  # noqa: S108  images are many, and worth nothing afterwards
    return memory if memory.is_dir() else None


def _tell(counted, elapsed_s):
    sums: dict[str, Counted] = {}
    for part in counted:
        whole = sums.setdefault(part.title, Counted(part.title))
        whole.images += part.images
        whole.wrong += part.wrong
        whole.examples = (*whole.examples, *part.examples)[:_EXAMPLES]
    real = [each for each in sums.values() if not each.title.startswith("control")]
    controls = [each for each in sums.values() if each.title.startswith("control")]
    total = Counted("all but the controls", sum(r.images for r in real), sum(r.wrong for r in real))
    say(f"{'power cuts':24}{'images':>10}{'violations':>12}{'rate':>9}")
    for each in (*sums.values(), total):
        say(f"{each.title:24}{each.images:10}{each.wrong:12}{each.wrong / each.images:9.1%}")
    say(*(f"VIOLATION {line}" for each in real for line in each.examples), f"{elapsed_s:.0f} s")
    toothless = [each.title for each in controls if not each.wrong]
    say(*(f"VIOLATION {title}: its images are sound, so nothing is proven" for title in toothless))
    return 1 if toothless or any(each.wrong for each in real) else 0

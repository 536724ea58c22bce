"""kill -9 at any system call that bears on state, and again while what it left is recovered.

A trial: a start state, a mood of the API, a run that is killed at a point; every second trial
kills the next run, too. Then the same command until it is done, and the books decide.
F-92, F-93, F-94, F-95, F-96, F-97.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from tests.crash import oracle, program, tracing
from tests.crash.campaign import Result, carry_out, on_benches, say
from tests.crash.moods import MOODS
from tests.crash.points import in_turn, points
from tests.crash.starts import DOUBT, STARTS
from tests.crash.tracing import point_of

_BY_NAME = {mood.name: mood for mood in MOODS}


@dataclass(frozen=True, slots=True)
class Trial:
    """Where a run is killed, and where the one after it, in which start state and mood."""

    start: str
    mood: str
    kills: tuple[tracing.Point, ...]

    def __str__(self) -> str:
        return ",".join((self.start, self.mood, *map(str, self.kills)))


def trial_of(text):
    """Read a trial back, as a violation's line has it."""
    start, mood, *kills = text.split(",")
    return Trial(start, mood, tuple(map(point_of, kills)))


def main(*, wanted, jobs, replay=None):
    """Kill runs until `wanted` were killed; gives the process's exit code."""
    why = tracing.missing()
    if why:
        say(why)
        return 1
    trials = [trial_of(replay)] if replay else all_trials(record_all(jobs))
    return carry_out(trials, perform, jobs=jobs, title="kill -9", enough=wanted)


def record_all(jobs):
    """Run every start state in every mood once, undisturbed, and count its calls."""
    recorded = {}

    def record(bench, scenario):
        start, mood = scenario
        with bench.place(start, mood) as place:
            ended = program.run(place.command(), tracing.recording(bench.trace))
            assert ended.code == 0, (start, mood.name, ended.talk)
            return (start, mood.name), tracing.count(place, bench.trace.read_text())

    on_benches(jobs, product(STARTS, MOODS), record, lambda found: recorded.update([found]))
    return recorded


def all_trials(recorded):
    """Give the trials of every start and mood in turn, for as long as anyone wants some."""
    chosen = [
        [(start, mood, point) for point in points(counts)]
        for (start, mood), counts in sorted(recorded.items())
    ]
    afterwards = {mood: points(recorded[DOUBT, mood]) for mood in _BY_NAME}
    for number, (start, mood, point) in enumerate(in_turn(chosen)):
        again = afterwards[mood]
        second = (again[number % len(again)],) if number // len(chosen) % 2 else ()
        yield Trial(start, mood, (point, *second))


def perform(bench, trial):
    """Carry one trial out."""
    wrong: list[str] = []
    ends = []
    with bench.place(trial.start, _BY_NAME[trial.mood]) as place:
        for point in trial.kills:
            ended = program.run(place.command(), tracing.injecting(place, bench.trace, point))
            ends.append(ended.code)
            wrong += [*oracle.twice(place), *oracle.leaked(place, ended.talk)]
        wrong += oracle.recover(place)
    line = f"{trial.start}, {trial.mood}"
    return Result(line, ends.count(137), tuple(ends), wrong, f"kills --replay {trial}")

"""How a known-bad variant of the program is put in place, and taken out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from batchdub.run.submit import Submitter

MUTANTS: dict[str, Callable[[ExitStack], None]] = {}


@dataclass(frozen=True, slots=True)
class _Restore:
    place: object
    name: str
    real: object

    def __call__(self) -> None:
        setattr(self.place, self.name, self.real)


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Break the program in one way while the block lasts."""
    with ExitStack() as stack:
        MUTANTS[name](stack)
        yield


def mutant(function):
    """Enter a variant under its function's name."""
    MUTANTS[function.__name__.replace("_", " ")] = function
    return function


def put(stack: ExitStack, place: object, name: str, variant: object) -> object:
    """Put a variant in place of something, until the block ends; gives what was there."""
    if isinstance(place, type):
        place = next(room for room in place.__mro__ if name in room.__dict__)
    real = place.__dict__[name]
    stack.callback(_Restore(place, name, real))
    setattr(place, name, variant)
    return real


def put_everywhere(stack: ExitStack, name: str, variant: object, *places: object) -> None:
    """Put a variant into every room that has imported the real one."""
    for place in places:
        if name in place.__dict__:
            put(stack, place, name, variant)


def no_look_before_a_try(stack: ExitStack) -> None:
    """Let every row be sent without asking what became of its earlier tries."""
    put(stack, Submitter, "_needs_look", lambda self, order: False)

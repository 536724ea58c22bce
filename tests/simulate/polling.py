"""What the API shows of an order while its dub is made: odd, but never a lie about its end."""

from __future__ import annotations

from contextlib import contextmanager

from tests.simulate.faults import Fault
from tests.simulate.scenario import dice

_MARK = "/lipsync/requests/"


class _Forgetful:
    """The books, without some orders."""

    def __init__(self, books, forgotten) -> None:
        self._books = books
        self._forgotten = forgotten

    @property
    def orders(self):
        """Give the orders that are remembered."""
        return [each for each in self._books.orders if each.request_id not in self._forgotten]

    def by_reference(self, reference_id):
        """Give those under a reference_id."""
        found = self._books.by_reference(reference_id)
        return [each for each in found if each.request_id not in self._forgotten]

    def by_id(self, request_id):
        """Give the one with this id."""
        return None if request_id in self._forgotten else self._books.by_id(request_id)


def nature(adversary, request_id: str) -> Fault | None:
    """Give what befalls an order, the same at every look; nothing does once all is quiet."""
    if adversary.quiet:
        return None
    chance = dice("nature", adversary.world.seed, request_id)
    for fault, odds in adversary.plan.poll_faults.items():
        if chance.random() < odds:
            return fault
    return None


def hides(adversary, passing) -> bool:
    """Decide whether an id is unknown, now and then or from now on."""
    path = passing.request.url.path
    if _MARK not in path:
        return False
    request_id = path.rpartition("/")[2]
    fault = nature(adversary, request_id)
    if fault is Fault.FORGOTTEN:
        # It is asked about by its id, so the ledger has it: from now on only the ledger does.
        adversary.forgotten.add(request_id)
    elif fault is not Fault.UNKNOWN_ID or adversary.dice.random() < 0.3:
        return False
    adversary.world.hit(fault)
    return True


@contextmanager
def forgetting(adversary, provider):
    """Look at the books as an API does that has forgotten some orders."""
    if adversary.quiet or not adversary.forgotten:
        yield
        return
    books = provider.books
    provider.books = _Forgetful(books, adversary.forgotten)
    try:
        yield
    finally:
        provider.books = books


def befall(adversary, row, *, filtered: bool) -> None:
    """Change what is shown of one request; `filtered` if its reference_id was asked for."""
    fault = nature(adversary, row["id"])
    status = row["status"]
    match fault:
        case Fault.STATUS_BACKWARDS if status != "queued" and adversary.dice.random() < 0.7:
            _unfinished(row, adversary.dice.choice(("queued", "processing")))
        case Fault.STRANGE_STATUS if adversary.dice.random() < 0.7:
            _unfinished(row, "awaiting review")
        case Fault.STUCK:
            _unfinished(row, "queued")
        case Fault.NO_LINK if status == "completed":
            row.pop("output_url", None)
        case Fault.FOREIGN_ECHO if not filtered:
            row["reference_id"] = "S99E999"
        case _:
            return
    adversary.world.hit(fault)


def _unfinished(row, status: str) -> None:
    row["status"] = status
    for name in ("output_url", "finished_at", "error_message"):
        row.pop(name, None)

"""How the list lies, short of lying: every distortion that a complete look must see through."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, timedelta, timezone

from batchdub.sandbox.calls import Answer, Call, error_answer
from batchdub.units import from_stored_time
from tests.simulate import polling
from tests.simulate.faults import Fault

_MEMORY = timedelta(hours=24, minutes=30)
_PARIS = timezone(timedelta(hours=2))


def distort(adversary, passing, call: Call) -> Answer:
    """Answer a look-up, with what befalls it."""
    world, plan, fault = adversary.world, adversary.plan, passing.fault
    provider = world.provider_of(passing.request)
    query = dict(call.query)
    if fault is Fault.FILTER_IGNORED:
        query.pop("reference_id", None)
    if fault is Fault.INSERT_WHILE_PAGING and query.get("offset", "0") != "0":
        world.order_elsewhere()
    order = plan.list_order
    if fault is Fault.LIST_RESHUFFLED:
        order = adversary.dice.choice(("asc", "desc", "hash"))
    back_s = plan.back_s if fault is Fault.LIST_BACKWARDS else 0.0
    if polling.hides(adversary, passing):
        return error_answer(404, "lipsync request not found")
    with world.seen_from(provider, order, back_s), polling.forgetting(adversary, provider):
        answer = provider.handle(replace(call, query=query))
    if answer.status != 200:
        return answer
    return _reworded(adversary, fault, answer, query)


def _reworded(adversary, fault, answer: Answer, query) -> Answer:
    value = json.loads(answer.body)
    headers = dict(answer.headers)
    if "data" in value:
        _forget(adversary, value)
        if fault is Fault.WRONG_TOTAL:
            total = value["pagination"]["total"]
            value["pagination"]["total"] = adversary.dice.choice((total + 1, -1, str(total)))
        if value["pagination"]["total"] != len(value["data"]):
            adversary.world.hit(Fault.SMALL_PAGES)
    for row in value.get("data", [value]):
        polling.befall(adversary, row, filtered="reference_id" in query)
    if fault is Fault.CACHED_ANSWER:
        headers["age"] = "30"
    if adversary.plan.odd_times:
        adversary.world.hit(Fault.ODD_TIMES)
        for row in value.get("data", [value]):
            row["created_at"] = _spelled(adversary.dice, row["created_at"])
    return replace(answer, body=json.dumps(value).encode(), headers=headers)


def _forget(adversary, value) -> None:
    """Leave out what is older than the list's memory; pages are read on as if it never was."""
    if not adversary.plan.short_memory:
        return
    oldest = adversary.world.provider.now() - _MEMORY
    kept = [row for row in value["data"] if from_stored_time(row["created_at"]) >= oldest]
    gone = len(value["data"]) - len(kept)
    if gone and value["pagination"]["total"] == len(value["data"]):
        adversary.world.hit(Fault.SHORT_MEMORY)
        value["data"] = kept
        value["pagination"]["total"] -= gone


def _spelled(dice, stored: str) -> str:
    moment = from_stored_time(stored).astimezone(UTC)
    spellings = (
        stored,
        moment.isoformat(),
        moment.replace(tzinfo=None).isoformat(),
        moment.astimezone(_PARIS).isoformat(),
        moment.replace(microsecond=0).isoformat().replace("+00:00", "Z"),
        moment.isoformat(timespec="microseconds"),
    )
    return dice.choice(spellings)

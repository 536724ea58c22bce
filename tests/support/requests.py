"""Changing what the API shows of its requests, in the list and by their id alike."""

from __future__ import annotations

import json

from batchdub.sandbox.calls import error_answer, json_answer

_NONE = error_answer(404, "lipsync request not found")


def show(night, change):
    """Have each request that is shown pass `change`, which gives it back, or None to hide it."""

    def rewrite(request, answer):
        if answer.status != 200 or "/v1/lipsync/requests" not in request.url.path:
            return answer
        value = json.loads(answer.body)
        if "data" not in value:
            shown = change(value)
            return _NONE if shown is None else json_answer(shown)
        shown = [row for row in map(change, value["data"]) if row is not None]
        gone = len(value["data"]) - len(shown)
        pagination = value["pagination"]
        pagination["total"] -= gone
        return json_answer({"data": shown, "pagination": pagination})

    night.transport.rewrite = rewrite


def by_id(night):
    """Give the calls that asked about one request by its id."""
    return [call for call in night.transport.gets() if "/requests/" in call.path]


def pages(night):
    """Give the calls that read a page of the account's list."""
    return [
        call
        for call in night.transport.gets()
        if call.path.endswith("/requests") and call.reference_id is None
    ]

"""What a caller sent, checked as the API checks it: the key, the bodies, the list's query.

Each function gives the checked value, or the API's own error text for what is wrong.
"""

from __future__ import annotations

import hmac
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from batchdub.media_url import cut_url, url_hash
from batchdub.sandbox.calls import Upload
from batchdub.sandbox.orders import OrderInput, subject_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchdub.redact import Secret
    from batchdub.sandbox.calls import Call

BAD_BODY = "invalid request body"
_BAD_TYPE = 'input type must be "video" or "audio"'
_BODY_FIELDS = {"inputs", "reference_id", "disable_active_speaker_detection"}
_FORM_FIELDS = {"video", "audio", "reference_id", "disable_active_speaker_detection"}
_FLAGS = {"true": True, "false": False}
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that the API would accept."""

    inputs: tuple[OrderInput, ...]
    reference_id: str | None
    disable_active_speaker_detection: bool

    @property
    def subject(self) -> str:
        """What tells orders apart, as in the books."""
        return subject_of(self.reference_id, self.inputs)


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which part of the list is asked for."""

    limit: int
    offset: int
    reference_id: str | None


def refuse_key(headers: Mapping[str, str], key: Secret | None) -> str | None:
    """Give the API's words for a missing, malformed or wrong key; None if the key is good.

    `Authorization: Bearer KEY` comes before `x-api-key: KEY`. Without `key` any will do.
    """
    authorization = headers.get("authorization")
    if authorization is not None:
        scheme, _, sent = authorization.strip().partition(" ")
        if scheme.lower() != "bearer":
            return "invalid authorization format"
        wrong = "invalid token"
    elif "x-api-key" in headers:
        sent, wrong = headers["x-api-key"], "unauthorized"
    else:
        return "missing authorization header"
    if not sent.strip():
        return "missing token"
    return None if key is None or _same(sent.strip(), key.reveal()) else wrong


def _same(sent: str, key: str) -> bool:
    return hmac.compare_digest(sent.encode(errors="replace"), key.encode(errors="replace"))


def read_json_order(call: Call) -> NewOrder | str:
    """Check the body of POST `/v1/lipsync/generate`."""
    if call.media_type != "application/json":
        return "content-type must be application/json"
    try:
        body = json.loads(call.body)
    except (ValueError, RecursionError):
        return BAD_BODY
    if not isinstance(body, dict) or not body.keys() <= _BODY_FIELDS:
        return BAD_BODY
    reference_id = body.get("reference_id", "")
    disable = body.get("disable_active_speaker_detection", False)
    if not _is_text(reference_id) or not isinstance(disable, bool):
        return BAD_BODY
    inputs = _read_inputs(body.get("inputs"))
    return inputs if isinstance(inputs, str) else NewOrder(inputs, reference_id or None, disable)


def _read_inputs(inputs: object) -> tuple[OrderInput, ...] | str:
    if not isinstance(inputs, list) or not all(map(_is_input, inputs)):
        return BAD_BODY
    types = [medium["type"] for medium in inputs]
    if not set(types) <= {"video", "audio"}:
        return _BAD_TYPE
    for wanted in ("video", "audio"):
        if types.count(wanted) != 1:
            return f"expected exactly one {wanted} input"
    return tuple(_as_input(medium["type"], medium["url"]) for medium in inputs)


def _is_input(medium: Any) -> bool:
    if not isinstance(medium, dict) or medium.keys() != {"type", "url"}:
        return False
    return all(value and _is_text(value) for value in medium.values())


def _is_text(value: object) -> bool:
    """Tell whether a value is text; JSON can spell half a character, which is none."""
    return isinstance(value, str) and not _HALF_CHARACTER.search(value)


def _as_input(kind: str, url: str) -> OrderInput:
    """Enter a URL without its secrets; whether it can be reached shows only later, as it would."""
    try:
        shown = cut_url(url).shown
    except ValueError:
        shown = "[not a URL]"
    return OrderInput(kind, shown, url_hash(url))


def read_form_order(call: Call) -> NewOrder | str:
    """Check the body of POST `/v1/lipsync/generate-with-media`."""
    if call.media_type != "multipart/form-data":
        return "content-type must be multipart/form-data"
    form = call.form
    if form is None or not form.keys() <= _FORM_FIELDS:
        return BAD_BODY
    inputs = []
    for kind in ("video", "audio"):
        upload = form.get(kind)
        if not isinstance(upload, Upload):
            return f"{kind} file is required"
        inputs.append(OrderInput(kind, f"upload:{upload.filename}", upload.content_hash))
    reference_id = form.get("reference_id", "")
    disable = form.get("disable_active_speaker_detection", "false")
    if not isinstance(reference_id, str) or not isinstance(disable, str) or disable not in _FLAGS:
        return BAD_BODY
    return NewOrder(tuple(inputs), reference_id or None, _FLAGS[disable])


def read_list_query(query: Mapping[str, str], limit_max: int) -> ListQuery | str:
    """Check the query of GET `/v1/lipsync/requests`. A limit over `limit_max` becomes that."""
    limit, offset = query.get("limit", "20"), query.get("offset", "0")
    if not _NUMBER.fullmatch(limit) or not _NUMBER.fullmatch(offset) or int(limit) < 1:
        return BAD_BODY
    return ListQuery(min(int(limit), limit_max), int(offset), query.get("reference_id") or None)

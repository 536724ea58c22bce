"""The API's JSON, read into our values: known fields only, and nothing believed on sight.

Every reader gives None for what is not the API's, never an exception: pydantic's own errors
carry their input, which may hold signed links, so they go no further than this room.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    StrictStr,
    ValidationError,
)

from batchdub.models import Page, RemoteRequest
from batchdub.wire.wording import one_line

MAX_ID_LENGTH = 200

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_NIL_UUID = "00000000-0000-0000-0000-000000000000"
_Model = TypeVar("_Model", bound=BaseModel)


def is_usable_id(text: str) -> bool:
    """Tell whether a generate call's answer can be trusted as a request's id: a real UUID.

    The API documents UUIDs, and its GET takes a request's id *or a reference_id* in one place:
    anything else could name another request.
    """
    return _UUID.fullmatch(text) is not None and text != _NIL_UUID


def _printable(text: str) -> str:
    if not text or len(text) > MAX_ID_LENGTH or not text.isprintable():
        raise ValueError("not a short printable text")
    return text


def _utc(value: Any) -> datetime:
    # A date alone is refused: what counts is the time of day.
    if not isinstance(value, str) or len(value) <= len("2026-03-01"):
        raise ValueError("not a time")
    moment = datetime.fromisoformat(value)
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time") from None


def _utc_or_none(value: Any) -> datetime | None:
    # These times are for reports only: a strange one must not hide the request's status.
    try:
        return _utc(value)
    except ValueError:
        return None


_Text = Annotated[StrictStr, AfterValidator(_printable)]
_Count = Annotated[StrictInt, Field(ge=0, le=2**53)]
_OptionalTime = Annotated[datetime | None, BeforeValidator(_utc_or_none)]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)


class _ErrorBody(_Wire):
    error: Annotated[StrictStr, Field(min_length=1)]


class _AcceptedBody(_Wire):
    request_id: StrictStr
    status: StrictStr = "success"
    error: Any = None


class _NameBody(_Wire):
    name: StrictStr


class _HealthBody(_Wire):
    status: StrictStr


class _RequestBody(_Wire):
    id: _Text
    created_at: Annotated[datetime, BeforeValidator(_utc)]
    status: _Text
    reference_id: StrictStr | None = None
    started_at: _OptionalTime = None
    finished_at: _OptionalTime = None
    output_url: StrictStr | None = None
    error_message: StrictStr | None = None

    def to_remote(self) -> RemoteRequest:
        return RemoteRequest(
            request_id=self.id,
            created_at=self.created_at,
            status=self.status,
            reference_id=self.reference_id,
            started_at=self.started_at,
            finished_at=self.finished_at,
            output_url=self.output_url,
            error_message=self.error_message and one_line(self.error_message),
        )


class _Pagination(_Wire):
    limit: Annotated[_Count, Field(ge=1)]
    offset: _Count
    total: _Count


class _ListBody(_Wire):
    data: list[_RequestBody]
    pagination: _Pagination


def _read(model: type[_Model], body: bytes) -> _Model | None:
    try:
        return model.model_validate_json(body)
    except ValidationError:
        return None


def read_error(body: bytes) -> str | None:
    """Read `{"error": text}`: the text, or None if this is not the API's error."""
    found = _read(_ErrorBody, body)
    return found.error if found else None


def read_accepted(body: bytes) -> str | None:
    """Read a generate call's answer: the id it gives, usable or not; None without one.

    An answer that also speaks of an error, or of another status than `success`, has no id: a
    gateway's own error page may carry a `request_id` for its log.
    """
    found = _read(_AcceptedBody, body)
    if found is None or found.error is not None or found.status != "success":
        return None
    return found.request_id


def read_name(body: bytes) -> str | None:
    """Read the key's display name."""
    found = _read(_NameBody, body)
    return found.name if found else None


def read_health(body: bytes) -> bool:
    """Tell whether this is the API saying that it is well."""
    found = _read(_HealthBody, body)
    return found is not None and found.status == "ok"


def read_request(body: bytes) -> RemoteRequest | None:
    """Read one request object."""
    found = _read(_RequestBody, body)
    return found.to_remote() if found else None


def read_page(body: bytes, server_date: datetime | None) -> Page | None:
    """Read one page of the list; None if any part of it is not as documented."""
    found = _read(_ListBody, body)
    if found is None:
        return None
    return Page(
        requests=tuple(request.to_remote() for request in found.data),
        limit=found.pagination.limit,
        offset=found.pagination.offset,
        total=found.pagination.total,
        server_date=server_date,
    )

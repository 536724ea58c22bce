"""How long a signed link lives, read from the link itself: nobody is asked.

Formats are the vendors' own: AWS Signature V4 and V2, CloudFront's canned and custom policy,
Google V4 and V2, Azure SAS. What is not signed in one of these ways, or says nothing readable of
its time, has no life that could be known: it is never taken for dead.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from batchdub.media_url import signature_of, signed_parameters

_Times = tuple[datetime | None, datetime | None]
_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_WHOLE = re.compile(r"\d{1,12}")
_TELLING = frozenset(
    """x-amz-date x-amz-expires x-amz-credential x-amz-security-token x-goog-date x-goog-expires
    awsaccesskeyid expires policy st skt se ske skoid""".split()  # noqa: SIM905  a table
)
_FROM_CLOUDFRONT = str.maketrans("-_~", "+=/")


@dataclass(frozen=True, slots=True)
class LinkLife:
    """From when to when a signed link is good, as far as it says so itself; both UTC.

    `scheme` names the signature. `may_die_earlier` tells that it was signed with temporary
    credentials: when these end the link ends as well, whatever it says of itself.
    """

    scheme: str
    starts_at: datetime | None
    ends_at: datetime | None
    may_die_earlier: bool = False

    def is_good_at(self, moment: datetime, margin_s: float = 0.0) -> bool:
        """Whether it is good at a moment and for `margin_s` seconds after it."""
        if self.starts_at is not None and moment < self.starts_at:
            return False
        return self.ends_at is None or moment + timedelta(seconds=margin_s) < self.ends_at


@lru_cache(maxsize=8)  # a row's two links, which one reading of it asks about several times
def life_of(url: str) -> LinkLife | None:
    """Read the life of a link from its query; None where no recognised signature is."""
    scheme = signature_of(url)
    if not scheme:
        return None
    return _life(scheme, *signed_parameters(url, _TELLING).items())


@lru_cache(maxsize=256)  # links that were signed together say the same of their time
def _life(scheme: str, *said: tuple[str, str]) -> LinkLife:
    parameters = dict(said)
    starts_at, ends_at = _READERS[scheme](parameters)
    return LinkLife(scheme, starts_at, ends_at, _is_temporary(parameters))


def _is_temporary(parameters: Mapping[str, str]) -> bool:
    access_key = parameters.get("x-amz-credential") or parameters.get("awsaccesskeyid", "")
    # AWS gives temporary access keys the prefix ASIA; `skoid` is a user delegation key of Azure.
    return bool(parameters.keys() & {"x-amz-security-token", "skoid"}) or access_key.startswith(
        "ASIA"
    )


def _dated(prefix: str) -> Callable[[Mapping[str, str]], _Times]:
    def read(parameters: Mapping[str, str]) -> _Times:
        """Read the time of signing and the seconds from then.

        The start is not taken: services allow for signers whose clock runs ahead.
        """
        signed_at = _compact(parameters.get(f"{prefix}-date", ""))
        seconds = parameters.get(f"{prefix}-expires", "")
        if signed_at is None or not _WHOLE.fullmatch(seconds):
            return None, None
        return None, _later(signed_at, int(seconds))

    return read


def _epoch(parameters: Mapping[str, str]) -> _Times:
    return None, _from_epoch(parameters.get("expires", ""))


def _cloudfront(parameters: Mapping[str, str]) -> _Times:
    if "policy" not in parameters:
        return _epoch(parameters)
    conditions = list(_conditions(parameters["policy"]))
    starts = [_epoch_time(each.get("DateGreaterThan")) for each in conditions]
    ends = [_epoch_time(each.get("DateLessThan")) for each in conditions]
    # Of several statements any one may let the link through.
    if not conditions or None in ends:
        return None, None
    return (
        None if None in starts else min(filter(None, starts)),
        max(filter(None, ends)),
    )


def _conditions(policy: str) -> Iterator[Mapping[str, Any]]:
    try:
        decoded = json.loads(base64.b64decode(policy.translate(_FROM_CLOUDFRONT)))
        statements = decoded["Statement"]
        for statement in statements if isinstance(statements, list) else [statements]:
            condition = statement["Condition"]
            if isinstance(condition, dict):
                yield condition
    except (ValueError, binascii.Error, KeyError, TypeError, RecursionError):
        return


def _epoch_time(bound: object) -> datetime | None:
    return _from_epoch(str(bound.get("AWS:EpochTime", ""))) if isinstance(bound, dict) else None


def _azure(parameters: Mapping[str, str]) -> _Times:
    starts = [_iso(parameters.get(name, "")) for name in ("st", "skt")]
    ends = [_iso(parameters.get(name, "")) for name in ("se", "ske")]
    # A user delegation key (skt to ske) bounds the link as much as its own times do.
    return max(filter(None, starts), default=None), min(filter(None, ends), default=None)


def _compact(text: str) -> datetime | None:
    written = _COMPACT.fullmatch(text)
    if written is None:
        return None
    year, month, day, hour, minute, second = map(int, written.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _iso(text: str) -> datetime | None:
    """Read `2026-11-25`, `2026-11-25T22:00Z` or with seconds; without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _from_epoch(text: str) -> datetime | None:
    if not _WHOLE.fullmatch(text):
        return None
    return _later(datetime(1970, 1, 1, tzinfo=UTC), int(text))


def _later(moment: datetime, seconds: int) -> datetime | None:
    try:
        return moment + timedelta(seconds=seconds)
    except OverflowError:
        return None


_READERS: Mapping[str, Callable[[Mapping[str, str]], _Times]] = {
    "AWS V4": _dated("x-amz"),
    "Google V4": _dated("x-goog"),
    "Google V2": _epoch,
    "CloudFront": _cloudfront,
    "AWS V2": _epoch,
    "Azure SAS": _azure,
}

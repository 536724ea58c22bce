"""The finished dubs: signed links that die, and the file behind them, whole or in part."""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from batchdub.sandbox.calls import Answer, error_answer, page_answer
from batchdub.sandbox.faults import Fault, Kind
from batchdub.sandbox.media import make_mp4
from batchdub.sandbox.ranges import file_answer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

LINK_REFUSED = error_answer(403, "link expired or not signed")


def output_link(host: str, request_id: str, expires_at: datetime, seed: int) -> str:
    """Make a link to an order's dub, signed as CloudFront signs: with what must stay hidden."""
    expires_s = math.ceil(expires_at.timestamp())  # whole seconds, as CloudFront writes them
    query = {
        "Expires": expires_s,
        "Signature": _sign(request_id, str(expires_s), seed),
        "Key-Pair-Id": "SANDBOX",
    }
    return f"http://{host}/api/outputs/{quote(request_id)}.mp4?{urlencode(query)}"


def link_is_good(query: Mapping[str, str], request_id: str, now: datetime, seed: int) -> bool:
    """Check a link's signature and whether it is still alive."""
    expires = query.get("Expires", "")
    signature = query.get("Signature", "").encode(errors="replace")
    good = hmac.compare_digest(signature, _sign(request_id, expires, seed).encode())
    return good and int(expires) >= now.timestamp()


def _sign(request_id: str, expires: str, seed: int) -> str:
    message = f"{request_id}\n{expires}".encode(errors="replace")
    return hmac.new(str(seed).encode(), message, hashlib.sha256).hexdigest()


def output_answer(request_id: str, headers: Mapping[str, str]) -> Answer:
    """Serve an order's dub: whole, or the one range that is asked for."""
    media = make_mp4(request_id)
    etag = f'"{hashlib.sha256(media).hexdigest()[:32]}"'
    about = {"content-type": "video/mp4", "etag": etag}
    return file_answer(about, len(media), lambda start, end: media[start:end], headers)


def spoilt(answer: Answer, faults: Sequence[Fault]) -> Answer:
    """Give an answer with bytes of a dub as the faults that hit it make it."""
    kinds = {fault.kind: fault for fault in faults}
    if Kind.OUTPUT_EXPIRED in kinds:
        return LINK_REFUSED
    if Kind.OUTPUT_PAGE in kinds:
        return page_answer()
    if answer.status not in (200, 206):
        return answer
    if Kind.OUTPUT_SLOW in kinds:
        answer = replace(answer, lasts_s=kinds[Kind.OUTPUT_SLOW].duration_s)
    if Kind.OUTPUT_DROP in kinds:
        answer = replace(answer, cut_at=len(answer.body) // 2)
    return answer

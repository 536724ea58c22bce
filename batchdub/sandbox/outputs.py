"""The finished dubs: signed links that die, and the file behind them, whole or in part."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from batchdub.sandbox.calls import Answer, error_answer, page_answer
from batchdub.sandbox.faults import Fault, Kind
from batchdub.sandbox.media import make_mp4

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

LINK_REFUSED = error_answer(403, "link expired or not signed")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def output_link(host: str, request_id: str, expires_at: datetime, seed: int) -> str:
    """Make a link to an order's dub, signed as CloudFront signs: with what must stay hidden."""
    expires_s = int(expires_at.timestamp())
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
    """Serve an order's dub: whole, or the one range that is asked for (206, 416 if outside).

    A range under an `If-Range` that is not the file's ETag gets the whole file, as does what is
    not a single range of bytes.
    """
    media = make_mp4(request_id)
    etag = f'"{hashlib.sha256(media).hexdigest()[:32]}"'
    about = {"content-type": "video/mp4", "etag": etag, "accept-ranges": "bytes"}
    wanted = _RANGE.fullmatch(headers.get("range", ""))
    if wanted is None or wanted[0] == "bytes=-" or headers.get("if-range", etag) != etag:
        return Answer(200, about, media)
    start, end = _bounds(wanted[1], wanted[2], len(media))
    if start >= end:
        return error_answer(
            416, "requested range not satisfiable", content_range=f"bytes */{len(media)}"
        )
    about["content-range"] = f"bytes {start}-{end - 1}/{len(media)}"
    return Answer(206, about, media[start:end])


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


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Give the half-open range of bytes; empty if there are none."""
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(int(last) + 1, size) if last else size

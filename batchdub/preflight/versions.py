"""Whether a medium is still what it was when its row was ordered. Pure.

What both looks say is compared, and doubt is no change: a change may buy a second dub. A strong
ETag comes first. A weak one may stand for other bytes, and the nodes of one CDN may each have a tag
of their own for one file: there the date and the size decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from batchdub.models import Change, MediaLook, MediaVersion, OrderedMedia
from batchdub.preflight.media import Finding, judge
from batchdub.states import JobState
from batchdub.units import to_stored_time

_A_SECOND = timedelta(seconds=1)  # HTTP dates know nothing finer


class Likeness(StrEnum):
    """How two looks at one medium compare."""

    SAME = "same"
    """All that both say is alike."""
    CHANGED = "changed"
    """They cannot have seen the same bytes, as far as a host can be believed."""
    UNKNOWN = "unknown"
    """They say nothing that could be compared."""


def version_of(field: str, look: MediaLook, seen_at: datetime) -> MediaVersion | None:
    """Give which version of a file a look saw; None if it saw none, or its host says nothing.

    What is no medium, such as the page of a login, is not another version of one.
    """
    answered = look.status is not None and 200 <= look.status < 300
    if not answered or judge(field, look).finding is Finding.DOOMED:
        return None
    opaque = look.etag.removeprefix("W/")
    # Hashed, for the text is the host's own: it may hold anything, even the link's signature.
    tag = hashlib.sha256(opaque.encode(errors="replace")).hexdigest()[:16] if opaque else ""
    modified_at = _date(look.last_modified)
    if not tag and modified_at is None and look.length is None:
        return None
    return MediaVersion(tag, look.etag.startswith("W/"), modified_at, look.length, seen_at)


def compare(was: MediaVersion | None, now: MediaVersion | None) -> Likeness:
    """Compare two looks at one medium by what both of them say."""
    if was is None or now is None:
        return Likeness.UNKNOWN
    resized = _differ(was.length, now.length)
    redated = _differ(was.modified_at, now.modified_at)
    if was.tag and now.tag:
        if was.tag == now.tag:
            return Likeness.SAME
        if not (was.weak or now.weak):
            of_two_nodes = redated is False and not resized
            return Likeness.SAME if of_two_nodes else Likeness.CHANGED
    if resized is None and redated is None:
        return Likeness.UNKNOWN
    return Likeness.CHANGED if resized or redated else Likeness.SAME


def change_of(
    revisions: Sequence[OrderedMedia], video: MediaVersion | None, audio: MediaVersion | None
) -> Change | None:
    """Say how media are not what a row's latest revision was ordered from; None if they are.

    `revisions` are all that were ordered from the same links, the latest last. Where an earlier
    one was made from just these bytes, the change says so: its dub is there already.
    """
    latest, now = revisions[-1], {"video": video, "audio": audio}
    changed = [part for part in now if _likeness(latest, part, now[part]) is Likeness.CHANGED]
    if not changed:
        return None
    hows = [_how(_part(latest, part), now[part]) for part in changed]
    if len(changed) > 1:
        hows = [f"{part} {how}" for part, how in zip(changed, hows, strict=True)]
    which = f"{changed[0]} changed since it was ordered"
    if len(changed) > 1:
        which = "video and audio changed since they were ordered"
    made = next((each for each in revisions[:-1] if _is_of(each, latest, now)), None)
    return Change(f"{which}: {', '.join(hows)}", made.key.sent_as if made else "")


def _is_of(
    earlier: OrderedMedia, latest: OrderedMedia, now: dict[str, MediaVersion | None]
) -> bool:
    """Whether an earlier revision's dub was made from what is there now."""
    return earlier.state is JobState.COMPLETED and all(
        like is Likeness.SAME or like is Likeness.UNKNOWN is _likeness(latest, part, version)
        for part, version in now.items()
        for like in (_likeness(earlier, part, version),)
    )


def _likeness(ordered: OrderedMedia, part: str, now: MediaVersion | None) -> Likeness:
    was = _part(ordered, part)
    like = compare(was, now)
    if like is not Likeness.CHANGED or not (was and now and now.modified_at):
        return like
    # Replaced after the look and before the order went: it was ordered from this one.
    between = was.seen_at < now.modified_at <= ordered.sent_at - _A_SECOND
    return Likeness.SAME if between else like


def _part(ordered: OrderedMedia, part: str) -> MediaVersion | None:
    return ordered.video if part == "video" else ordered.audio


def _how(was: MediaVersion | None, now: MediaVersion | None) -> str:
    return next(_evidence(was, now)) if was and now else ""


def _evidence(was: MediaVersion, now: MediaVersion) -> Iterator[str]:
    """Give what shows the change, the plainest first."""
    if _differ(was.length, now.length):
        yield f"size {was.length:,} → {now.length:,}"
    if was.modified_at and now.modified_at and was.modified_at != now.modified_at:
        yield f"dated {_written(was.modified_at)} → {_written(now.modified_at)}"
    yield "another ETag"


def _written(moment: datetime) -> str:
    return f"{to_stored_time(moment).partition('.')[0]}Z"


def _differ(was: object, now: object) -> bool | None:
    """Whether two things differ; None where one of them was not said."""
    return None if was is None or now is None else was != now


def _date(text: str) -> datetime | None:
    """Read an HTTP date; None for what is none."""
    try:
        found = parsedate_to_datetime(text)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None

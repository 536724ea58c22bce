"""Pairs that look wrong: nothing is known for sure, so each is a doubt that a person looks at.

Doubts are worth as much as they are rare. So a convention of file names counts only where the
manifest shows that it follows it, and what cannot be read is no doubt.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from batchdub.manifest import quoted
from batchdub.media_url import identity_of
from batchdub.models import Row, Source
from batchdub.preflight.languages import folder_and_name, language_of, said_by

_VIDEO = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mxf", ".mpg", ".mpeg"})
_AUDIO = frozenset({".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".aif", ".aiff"})
_VIDEO_ENDINGS, _AUDIO_ENDINGS = tuple(_VIDEO), tuple(_AUDIO)
_LANGUAGE_COLUMNS = ("language", "lang", "locale")
_EPISODE_COLUMNS = ("episode", "ep", "episode_no", "episode_number", "episode_id")
# Numbers and codes only: a title may be translated, so that one video has many.
_EPISODE = re.compile(
    r"(?:s(?:eason)?[ ._-]*(\d{1,3})[ ._x-]*)?(?:e|ep|episode)?[ ._#-]*(\d{1,5})", re.IGNORECASE
)
_REMEMBERED = 250_000


@dataclass(frozen=True, slots=True)
class Doubt:
    """What looks wrong with a row: the field, the words, and what to do.

    `convention` names the convention of file names that it rests on; empty if it rests on none.
    """

    field: str
    what: str
    hint: str
    convention: str = ""


class PairCheck:
    """Looks at rows as they pass by, and remembers which media stood under what.

    Of each kind the first 250,000 media are remembered, so that its memory has an end.
    """

    def __init__(self) -> None:
        self._languages: dict[int, tuple[str, str, Source]] = {}
        self._episodes: dict[int, tuple[str, str, Source]] = {}
        self._followed: Counter[str] = Counter()
        self._broken: Counter[str] = Counter()

    def look(self, row: Row) -> list[Doubt]:
        """Give what looks wrong with a row, given those before it."""
        doubts = [] if _is_plain_pair(row) else list(_swapped(row))
        names = _known_columns(tuple(row.columns))
        if names.language:
            self._look_at_language(row, names.language, doubts)
        if names.episode:
            self._look_at_episode(row, names.episode, names.season, doubts)
        return doubts

    def believes(self, doubt: Doubt) -> bool:
        """Whether a doubt counts, now that all rows were seen: most follow its convention."""
        if not doubt.convention:
            return True
        return self._broken[doubt.convention] <= self._followed[doubt.convention]

    def _look_at_language(self, row: Row, column: str, doubts: list[Doubt]) -> None:
        value = row.columns[column]
        if not value:
            return
        wanted = language_of(value)
        other = _twin(self._languages, row.audio_url, row.source, wanted or value.lower(), value)
        if other is not None:
            before, place = other
            doubt = Doubt(
                "audio_url",
                f"the same audio as at {place}, where {column} is {quoted(before)}",
                f"here it is {quoted(value)}: one of the two has the wrong dub",
            )
            doubts.append(doubt)
        if wanted:
            self._look_at_name(row, column, value, wanted, doubts)

    def _look_at_name(
        self, row: Row, column: str, value: str, wanted: str, doubts: list[Doubt]
    ) -> None:
        said = said_by(row.audio_url, wanted)
        if said is None:
            return
        if said.language == wanted:
            self._followed[said.where] += 1
            return
        self._broken[said.where] += 1
        doubt = Doubt(
            "audio_url",
            f"the {said.where} says {quoted(said.token)}, the column {column} {quoted(value)}",
            "one of the two may be wrong",
            "" if said.sure else said.where,
        )
        doubts.append(doubt)

    def _look_at_episode(self, row: Row, column: str, season: str, doubts: list[Doubt]) -> None:
        value = row.columns[column]
        number = _episode_number(value, row.columns.get(season, ""))
        if not number:
            return
        other = _twin(self._episodes, row.video_url, row.source, number, value)
        if other is not None:
            before, place = other
            doubt = Doubt(
                "video_url",
                f"the same video as at {place}, where {column} is {quoted(before)}",
                f"here it is {quoted(value)}: one of the two may have the wrong video",
            )
            doubts.append(doubt)


def _is_plain_pair(row: Row) -> bool:
    """Whether a row's links plainly end as they should, so that `_swapped` has nothing to say."""
    video, audio = row.video_url.partition("?")[0], row.audio_url.partition("?")[0]
    ends = video.endswith(_VIDEO_ENDINGS) and audio.endswith(_AUDIO_ENDINGS)
    return ends and "#" not in video and "#" not in audio


def _swapped(row: Row) -> Iterator[Doubt]:
    video, audio = _ending(row.video_url), _ending(row.audio_url)
    if video in _AUDIO and audio in _VIDEO:
        yield Doubt(
            "video_url", f"ends in {video}, and audio_url in {audio}", "are the two swapped?"
        )
    elif video in _AUDIO:
        yield Doubt("video_url", f"ends in {video}, as audio does", "the API takes MP4 here")
    elif audio in _VIDEO:
        yield Doubt("audio_url", f"ends in {audio}, as video does", "the API takes WAV or MP3 here")


def _ending(url: str) -> str:
    stem, dot, ending = folder_and_name(url)[1].rpartition(".")
    return f".{ending.lower()}" if stem and dot else ""


@dataclass(frozen=True, slots=True)
class _Names:
    language: str
    episode: str
    season: str


@lru_cache(maxsize=64)
def _known_columns(names: tuple[str, ...]) -> _Names:
    by_lower: Mapping[str, str] = {name.strip().lower(): name for name in reversed(names)}

    def first(*wanted: str) -> str:
        return next((by_lower[name] for name in wanted if name in by_lower), "")

    return _Names(first(*_LANGUAGE_COLUMNS), first(*_EPISODE_COLUMNS), first("season"))


def _twin(
    seen: dict[int, tuple[str, str, Source]], url: str, here: Source, meaning: str, value: str
) -> tuple[str, Source] | None:
    """Give how and where the same medium stood before, if it stood under another meaning."""
    key = hash(identity_of(url))
    first = seen.get(key)
    if first is None:
        if len(seen) < _REMEMBERED:
            seen[key] = (meaning, value, here)
        return None
    return None if first[0] == meaning else first[1:]


def _episode_number(value: str, season: str) -> str:
    """Give an episode in one spelling, as `1x7`; empty for what is not a number or a code."""
    found = _EPISODE.fullmatch(value.strip())
    if found is None:
        return ""
    of_season = found[1] or (season if season.strip().isdecimal() else "")
    return f"{int(of_season)}x{int(found[2])}" if of_season else str(int(found[2]))

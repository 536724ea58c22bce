"""Cutting: what of a value may be handed on, chosen by the column that it stands in.

Only columns that are known are kept. Free text goes word by word: what is no plain word or number
may be a name, and gets a pseudonym.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping

from batchdub.redact import scrub
from batchdub.states import Event, JobState
from batchdub.support.names import Names

_PLAIN_WORDS = """
    acknowledged_at adopted at attempt_id attempt_no attempts begun_at cause created_at ended_at
    event exit_code finished_at first_seen_at from from_state held_rows http_status intended_at
    job_id kind latest line manifest_id ordered pid position rate_limited request_id revision
    rows run_id schema seen_at server_at started_at state states submitted_at to to_send
    to_state transition_id version
"""
_PLAIN = frozenset(_PLAIN_WORDS.split())
_FREE_TEXT = frozenset({"command", "error", "held", "message", "remote_status", "summary", "value"})
_PEOPLE = frozenset({"actor", "acknowledged_by"})
_LINKS = frozenset({"audio_url", "output_url", "video_url"})
_FILES = frozenset({"path", "output_file"})
_SOURCE = re.compile(r"(.+):(\d+)", re.DOTALL)
_OURSELVES = "ledger rebuild"

_URL = r"(?P<url>[a-z][a-z0-9+.-]{0,20}://[^\s\"'`<>]+)"
_QUOTED = r"`(?P<quoted>[^`]*)`"
_WORD = re.compile(r"[^\s`\"'()\[\]{},;:=|]+")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_HARMLESS = re.compile(
    r"[a-z]+|-{0,2}|--[a-z][a-z-]*|…|·"  # a word, an option, a mark
    r"|[-+]?[\d.,/%-]*\d[\d.,/%-]*(s|ms|m|h|min|GB|MB|kB|%)?|r\d+"  # a number, a date, a revision
    r"|\d{4}-\d\d-\d\dT[\d.]+Z?"
)
_TRIM = ".!?<>*"
_KNOWN_WORDS = """
    API BATCHDUB_ONLY Cannot Connect Connection Could Ctrl-C Date Errno GET HTTP HTTPS I/O JSON
    Name Network No OK POST Python Retry-After SIGINT SIGTERM SQLite SSL Server TLS TOML
    Temporary Timeout URL URLs UTC UTF-8 WAL The attempt_no http_status in-doubt in_doubt job_id
    manifest_id media_key not_ours other_requests reference_id remote_status request_id
    request_ids needs_a_look re-read batchdub batchdub.db batchdub.toml integrity_check
    quick_check sqlite_master audio_url video_url cut_short paid_without_id
"""
_KNOWN = frozenset(_KNOWN_WORDS.split()) | {
    str(word) for words in (JobState, Event) for word in words
}


class Cutter:
    """Cuts values by column; `rows` are reference_ids that may stand in the middle of a text."""

    def __init__(self, names: Names, rows: Iterable[str] = ()) -> None:
        self.names = names
        self._rows = frozenset(filter(None, rows))
        words = "|".join(map(re.escape, sorted(self._rows, key=len, reverse=True)))
        row = rf"(?<!\w)(?P<row>(?:{words})(?:~r\d+)?)(?!\w)" if words else "(?P<row>(?!))"
        self._telling = re.compile(f"{_URL}|{_QUOTED}|{row}", re.IGNORECASE)

    def row(self, values: Mapping[str, object]) -> dict[str, object]:
        """Cut a row of values by its columns; those that are not known are left out."""
        cut: dict[str, object] = {}
        for name, value in values.items():
            if (way := self._way(name)) is not None:
                cut[name] = value if value is None else way(value)
        return cut

    def line(self, values: Mapping[str, object]) -> str:
        """Cut a row of values and write it as a line of JSON."""
        return json.dumps(self.row(values), ensure_ascii=False, separators=(",", ":")) + "\n"

    def text(self, text: str) -> str:
        """Cut free text: links, rows, what stands in backticks, and what is no plain word."""
        if self.names.plain:
            return text
        pieces: list[str] = []
        at = 0
        for match in self._telling.finditer(text):
            pieces += [self._words(text[at : match.start()]), self._name(match)]
            at = match.end()
        return "".join([*pieces, self._words(text[at:])])

    def source(self, source: str) -> str:
        """Cut a file and line: `file-3f2c9a01be.csv:47`."""
        found = _SOURCE.fullmatch(source)
        if found is None:
            return source if source == "-" else self.names.file(source)
        return f"{self.names.file(found[1])}:{found[2]}"

    def _way(self, column: str) -> Callable[[object], object] | None:
        if column in _PLAIN:
            return lambda value: value
        ways: tuple[tuple[frozenset[str], Callable[[str], object]], ...] = (
            (_FREE_TEXT, self.text),
            (_PEOPLE, self._person),
            (_LINKS, self.names.link),
            (_FILES, self.names.file),
            (frozenset({"reference_id"}), self.names.row),
            (frozenset({"source"}), self.source),
            (frozenset({"api"}), scrub),
            (frozenset({"host"}), lambda name: self.names.of("host", name)),
            (frozenset({"media_key"}), lambda key: self.names.of("media", key)),
            (frozenset({"sha256"}), lambda digest: digest[:12]),
            (frozenset({"video_version", "audio_version"}), self._version),
            (frozenset({"note"}), self._said),
        )
        for columns, way in ways:
            if column in columns:
                return lambda value, way=way: way(str(value))  # type: ignore[misc]
        return None

    def _person(self, name: str) -> str:
        return name if name == _OURSELVES else self.names.of("person", name)

    def _version(self, text: str) -> object:
        """Cut a medium's version: its date and size stay, its ETag tells one file from another."""
        version = dict(json.loads(text))
        return version | {"etag": version["etag"] and self.names.of("etag", version["etag"])}

    def _said(self, note: str) -> str:
        return note if self.names.plain else f"[{len(note)} characters]"

    def _name(self, match: re.Match[str]) -> str:
        if match["url"]:
            return self.names.link(match["url"])
        if match["row"]:
            return self.names.row(match["row"])
        return f"`{self._quoted(match['quoted'])}`"

    def _quoted(self, text: str) -> str:
        if text.startswith("batchdub "):
            return self._words(text)
        if text in _KNOWN or _UUID.fullmatch(text):
            return text
        return self.names.row(text) if text in self._rows else self.names.of("name", text)

    def _words(self, text: str) -> str:
        return _WORD.sub(self._word, text)

    def _word(self, match: re.Match[str]) -> str:
        word = match[0]
        bare = word.strip(_TRIM)
        if bare in _KNOWN or _HARMLESS.fullmatch(bare) or _UUID.fullmatch(bare):
            return word
        return word.replace(bare, self.names.of("name", bare))

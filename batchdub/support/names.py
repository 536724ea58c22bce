"""Pseudonyms: a name that tells nothing, and is the same wherever the same thing is meant.

Titles of unreleased episodes stand in reference_ids, in URLs, in the names of files and folders.
A bare hash of one could be guessed from a list of titles, so a salt goes into it that stays with
the ledger.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from pathlib import PurePath
from urllib.parse import urlsplit

_DIGITS = 10
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}")
_REVISION = re.compile(r"~r[1-9]\d*$")
_OUR_FILES = re.compile(r"batchdub\.(db|toml)(-wal|-shm|-journal)?(\.lock)?|batchdub\.books\.jsonl")


class Names:
    """Gives pseudonyms, or with `plain` the names themselves."""

    def __init__(self, salt: bytes, *, plain: bool = False) -> None:
        self.plain = plain
        self._salt = salt

    def of(self, kind: str, name: str) -> str:
        """Give the pseudonym of a thing of some kind: `host-3f2c9a01be`."""
        if self.plain:
            return name
        digest = hmac.new(self._salt, name.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:_DIGITS]}"

    def row(self, reference_id: str) -> str:
        """Give a row's pseudonym; what was sent as a further revision keeps its `~r2`."""
        revision = _REVISION.search(reference_id)
        if revision is None:
            return self.of("row", reference_id)
        return self.of("row", reference_id[: revision.start()]) + revision[0]

    def file(self, path: str) -> str:
        """Give a path with folders and name made unknown; its ending stays, and names of ours."""
        whole = PurePath(path)
        if self.plain or not whole.name:
            return path
        ending = whole.suffix if _ENDING.fullmatch(whole.suffix) else ""
        name = whole.name
        if not _OUR_FILES.fullmatch(name):
            name = self.of("file", name) + ending
        folder = str(whole.parent)
        return name if folder == "." else f"{self.of('folder', folder)}/{name}"

    def link(self, url: str) -> str:
        """Give a URL with its host and path made unknown; its scheme and ending stay."""
        if self.plain:
            return url
        try:
            parts = urlsplit(url)
        except ValueError:
            return self.of("link", url)
        ending = PurePath(parts.path).suffix
        ending = ending if _ENDING.fullmatch(ending) else ""
        path = f"/{self.of('path', parts.path)}{ending}" if parts.path else ""
        return f"{parts.scheme}://{self.of('host', parts.netloc)}{path}"

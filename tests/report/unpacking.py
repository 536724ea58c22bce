"""Reading back what a page has packed, as its own script does."""

from __future__ import annotations

import base64
import gzip
import json
import re


def packed_text(page):
    """Give the text inside, where a search can find what is in it."""
    [packed] = re.findall(r'<script type="text/plain" id="packed">([A-Za-z0-9+/=]*)</script>', page)
    return gzip.decompress(base64.b64decode(packed)).decode()


def rows_of(page):
    """Give the page's rows as dicts, with their `standing`."""
    head, *rows = json.loads(packed_text(page))
    return [
        {"standing": head["standings"][row[0]], **dict(zip(head["columns"], row[1:], strict=True))}
        for row in rows
    ]

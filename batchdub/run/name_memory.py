"""How dubs were named in a folder before: the same names hold there until others are asked for.

Without that a second command with a shorter line would fetch everything once more, beside what is
there already.
"""

from __future__ import annotations

import json
from pathlib import Path

from batchdub.errors import UnusableInputError
from batchdub.ledger import Ledger, Queries
from batchdub.run.file_names import DEFAULT_NAME, NameTemplate, parse_name_template
from batchdub.run.options import Download

_FACT = "download_names"


def names_in(queries: Queries | None, download: Download) -> NameTemplate:
    """Give the template that was asked for, else that of this folder's last download."""
    if download.names is not None:
        return download.names
    before = _remembered(queries) if queries else {}
    try:
        return parse_name_template(before.get(str(download.folder), DEFAULT_NAME))
    except UnusableInputError:  # another version's, which this one does not know
        return parse_name_template(DEFAULT_NAME)


def remember_names(ledger: Ledger, folder: Path, names: NameTemplate) -> None:
    """Keep a folder's template, in the caller's transaction."""
    before = _remembered(ledger)
    before.pop(str(folder), None)
    ledger.set_meta(_FACT, json.dumps({**before, str(folder): names.text}, ensure_ascii=False))


def last_folder(queries: Queries) -> str | None:
    """Give the folder that dubs were downloaded to last; None if there was none."""
    return next(reversed(_remembered(queries)), None)


def _remembered(queries: Queries) -> dict[str, str]:
    text = queries.meta(_FACT)
    return dict(json.loads(text)) if text else {}

"""The lowest versions that pyproject.toml promises, as pins: `python -m tests.lowest`.

`pip install -e . -c <(python -m tests.lowest)` installs them, and the tests must pass on them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

_BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?>=([0-9.]+)")


def pins(pyproject: str) -> list[str]:
    """Give `name==lowest` for all that users install; a name without a lower bound is an error."""
    project = tomllib.loads(pyproject)["project"]
    extras = project.get("optional-dependencies", {})
    wanted = [text for name, several in extras.items() if name != "dev" for text in several]
    found = []
    for requirement in [*project["dependencies"], *wanted]:
        match = _BOUND.match(requirement)
        if match is None:
            raise ValueError(f"{requirement}: no lower bound")
        found.append(f"{match[1]}=={match[2]}")
    return found


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    sys.stdout.write("\n".join(pins(text)) + "\n")

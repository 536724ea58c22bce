"""The config file: what the command line takes where neither a flag nor the environment says.

One TOML file holds it, `batchdub.toml`: settings by the names of the long options, and under
`[profiles.NAME]` those that one profile has instead. Only one file counts: the one that is named,
else the one beside the manifest, else the user's own. The key is not among the settings, because
the file lies beside manifests and is sent around with them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from batchdub.errors import UnusableInputError
from batchdub.redact import scrub

if TYPE_CHECKING:
    from collections.abc import Mapping

    Value = str | bool | list[str]

FILE_NAME = "batchdub.toml"
NAMES = (
    "allow-same-media",
    "base-url",
    "concurrency",
    "download",
    "download-concurrency",
    "download-name",
    "duration-column",
    "events",
    "fault",
    "format",
    "key-file",
    "ledger",
    "link-margin",
    "log-file",
    "max-attempts",
    "max-cost",
    "max-cost-per-day",
    "max-duration",
    "max-failures",
    "max-in-flight",
    "max-jobs",
    "no-canary",
    "not-before",
    "notify",
    "on-finish",
    "on-unknown",
    "order",
    "ping",
    "price",
    "probe",
    "rate",
    "sandbox",
    "settle",
    "skip-invalid",
    "strict",
    "until",
    "verify",
    "wait",
    "wait-limit",
    "webhook",
)
"""What may stand in a config file: how to work, never what to do once."""
_PATHS = frozenset({"download", "events", "key-file", "ledger", "log-file"})
_ADDRESSES = frozenset({"notify", "ping", "webhook"})
_PROFILES = "profiles"
_SECRET = re.compile(r"(api[-_]?)?(key|token)|bearer[-_]?token", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Config:
    """The settings of one config file and profile; without a file there are none.

    `values` are by the long option's name, `own` those of the profile itself. Paths are relative
    to the file's own folder there, and made whole here.
    """

    values: Mapping[str, Value]
    path: Path | None = None
    profile: str = ""
    own: frozenset[str] = frozenset()

    def origin(self, name: str) -> str:
        """Say where a setting stands: in the profile, or in the file for all of them."""
        return str(self) if name in self.own else str(replace(self, profile=""))

    def __str__(self) -> str:
        if self.path is None:
            return "none"
        return f"{self.path}, profile {self.profile}" if self.profile else str(self.path)


def shown_setting(name: str, value: Value) -> str:
    """Give a setting's value as it may be shown: of a hook's address no more than its service.

    Most of such addresses carry a token in their path.
    """
    if name not in _ADDRESSES:
        return scrub(str(value))
    addresses = value if isinstance(value, list) else str(value).split()
    return ", ".join(f"{address.partition(':')[0]}:…" for address in addresses)


def find_config(named: str, beside: Path, environ: Mapping[str, str]) -> Path | None:
    """Find the config file: the one named, else in the folder `beside`, else the user's own."""
    if named:
        return Path(named)
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "~"), ".config"))
    for path in (beside / FILE_NAME, Path(home).expanduser() / "batchdub" / FILE_NAME):
        if path.is_file():
            return path
    return None


def load_config(path: Path | None, profile: str) -> Config:
    """Read a config file and settle what holds under a profile, or under none.

    Raises UnusableInputError, with the line where there is one.
    """
    if path is None:
        if profile:
            raise UnusableInputError(
                f"there is no profile `{profile}`: no {FILE_NAME} was found",
                f"write one beside the manifest, with a table [{_PROFILES}.{profile}]",
            )
        return Config({})
    text = _read(path)
    tables = _parse(path, text)
    profiles = tables.pop(_PROFILES, {})
    chosen = _profile(path, profiles, profile)
    settings = {**tables, **chosen}
    return Config({name: _value(path, text, name, settings[name]) for name in settings},
                  path, profile, frozenset(chosen))  # fmt: skip


def profile_names(named: str, beside: Path, environ: Mapping[str, str]) -> list[str]:
    """Give the names of the profiles of the config file that counts; raises as `load_config`."""
    path = find_config(named, beside, environ)
    profiles = {} if path is None else _parse(path, _read(path)).get(_PROFILES, {})
    return list(profiles) if isinstance(profiles, dict) else []


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        why = error.strerror or "cannot be read"
        raise UnusableInputError(f"{path}: {why}", "name another file with --config") from None
    except UnicodeDecodeError:
        raise UnusableInputError(f"{path}: not UTF-8 text", "save it as UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, object]:
    import tomllib  # noqa: PLC0415  needed only where there is a file

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at line (\d+), column (\d+)\)$", str(error))
        where = f"{path}:{place[1]}:{place[2]}" if place else str(path)
        what = str(error)[: place.start()] if place else str(error)
        raise UnusableInputError(
            f"{where}: not TOML: {what}", 'write settings as `rate = "60/min"`'
        ) from None


def _profile(path: Path, profiles: object, wanted: str) -> Mapping[str, object]:
    if not isinstance(profiles, dict) or not all(isinstance(p, dict) for p in profiles.values()):
        raise UnusableInputError(
            f"{path}: `{_PROFILES}` is not a table of profiles", f"write [{_PROFILES}.NAME]"
        )
    for name, table in profiles.items():
        for setting in table:
            _require_known(path, "", setting, f"profile {name}: ")
    if not wanted:
        return {}
    if wanted not in profiles:
        from difflib import get_close_matches  # noqa: PLC0415  for typing errors only

        near = get_close_matches(wanted, profiles, n=1)
        none = f"it has none; one begins with a line [{_PROFILES}.{wanted}]"
        there = f"there are {', '.join(profiles)}" if profiles else none
        raise UnusableInputError(
            f"{path}: there is no profile `{wanted}`",
            f"did you mean `{near[0]}`?" if near else there,
        )
    chosen: Mapping[str, object] = profiles[wanted]
    return chosen


def _value(path: Path, text: str, name: str, value: object) -> Value:
    where = _require_known(path, text, name)
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    if not isinstance(value, str | int | float):
        raise UnusableInputError(f"{where}: `{name}` is neither text, number nor true or false")
    return _path(path, str(value)) if name in _PATHS else str(value)


def _path(config: Path, value: str) -> str:
    return value if value == "-" else str(config.absolute().parent / value)


def _require_known(path: Path, text: str, name: str, which: str = "") -> str:
    where = _place(path, text, name)
    if name in NAMES:
        return where
    if _SECRET.fullmatch(name):
        raise UnusableInputError(
            f"{where}: {which}the key does not belong into a config file",
            "set `CHAMELAION_API_KEY`, or name a file that holds it: `key-file`",
        )
    from difflib import get_close_matches  # noqa: PLC0415  for typing errors only

    if name in {"profile", "default", "defaults"}:
        hint = f"what holds without a profile stands at the top, a profile in [{_PROFILES}.NAME]"
        raise UnusableInputError(f"{where}: {which}there is no setting `{name}`", hint)
    near = get_close_matches(name.replace("_", "-"), NAMES, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"known are {', '.join(NAMES)}"
    raise UnusableInputError(f"{where}: {which}there is no setting `{name}`", hint)


def _place(path: Path, text: str, name: str) -> str:
    """Give the file, and the line if the name begins one: TOML's reader tells none."""
    found = re.search(rf"^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=", text, re.MULTILINE)
    return f"{path}:{text.count(chr(10), 0, found.start()) + 1}" if found else str(path)

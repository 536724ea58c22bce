"""Where the program's few settings come from, as one frozen value.

Flags win over `BATCHDUB_*`, which win over the `CHAMELAION_*` names of the vendor's own tools,
which win over the config file.
Each value remembers its origin, so that a person can be told why it is what it is. The key is
never a flag, because every user of a machine can read the process list.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from batchdub.errors import KeyRefusedError
from batchdub.redact import Secret, login_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_BASE_URL = "https://api.chamelaion.com/api"
DEFAULT_LEDGER = "batchdub.db"
DEFAULT_ORIGIN = "default"

_KEY_NAMES = ("BATCHDUB_API_KEY", "CHAMELAION_API_KEY", "CHAMELAION_BEARER_TOKEN")
_KEY_FILE_LIMIT = 64 * 1024
_KEY_HINT = "set `CHAMELAION_API_KEY`, or name a file that holds the key with `--key-file FILE`"


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line, or the config file, said itself; None where it said nothing."""

    base_url: str | None = None
    ledger: str | None = None
    key_file: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings in force.

    `base_url` is as written: the wire checks it. `key` is the key if the environment holds it,
    else `key_file` may name a file; `require_key` reads it. `origins` gives for each of
    `base_url`, `key` and `ledger` where it came from: a flag, a variable's name, or `default`.
    """

    base_url: str
    ledger: Path
    key: Secret | None
    key_file: Path | None
    origins: Mapping[str, str]


def load_settings(
    environ: Mapping[str, str],
    flags: Flags | None = None,
    configured: Flags | None = None,
    config: str = "config file",
) -> Settings:
    """Settle every setting from the flags, the environment and the config file; reads no file.

    `config` says which config file it was, for `origins`.
    """
    given, told = flags or Flags(), configured or Flags()
    base_url, base_url_from = _first(
        ("--base-url", given.base_url),
        *_variables(environ, "BATCHDUB_BASE_URL", "CHAMELAION_BASE_URL"),
        (config, told.base_url),
        (DEFAULT_ORIGIN, DEFAULT_BASE_URL),
    )
    ledger, ledger_from = _first(
        ("--ledger", given.ledger),
        *_variables(environ, "BATCHDUB_LEDGER"),
        (config, told.ledger),
        (DEFAULT_ORIGIN, DEFAULT_LEDGER),
    )
    key, key_from, in_file = _choose_key(environ, given, (config, told.key_file))
    return Settings(
        base_url=base_url,
        ledger=Path(ledger),
        key=Secret(key) if key and not in_file else None,
        key_file=Path(key) if in_file else None,
        origins={"base_url": base_url_from, "key": key_from, "ledger": ledger_from},
    )


def state_folder(environ: Mapping[str, str]) -> Path:
    """Name this user's folder for what outlives a run, but is not a ledger's: locks."""
    named = environ.get("XDG_STATE_HOME", "")
    # The specification of these folders has relative ones ignored.
    base = (
        Path(named) if named.startswith("/") else Path(environ.get("HOME") or "/") / ".local/state"
    )
    return base / "batchdub"


def require_key(settings: Settings) -> Secret:
    """Give the key, reading the key file if one is named; KeyRefusedError if there is none."""
    if settings.key is not None:
        return settings.key
    if settings.key_file is None:
        raise KeyRefusedError("no API key is set", _KEY_HINT)
    return Secret(_read_key_file(settings.key_file))


def secrets_in(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """Give every key that the environment holds, in force or not, and the logins of proxies."""
    keys = tuple(Secret(text) for _, text in _variables(environ, *_KEY_NAMES) if text)
    proxies = [text for name, text in environ.items() if name.lower().endswith("_proxy")]
    return (*keys, *(secret for proxy in proxies for secret in login_secrets(proxy)))


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """Give an environment without the keys, for programs that need none."""
    return {name: text for name, text in environ.items() if name not in _KEY_NAMES}


def _choose_key(
    environ: Mapping[str, str], given: Flags, configured: tuple[str, str | None]
) -> tuple[str, str, bool]:
    """Give the key or its file, its origin, and whether it is the file."""
    file_name = "BATCHDUB_KEY_FILE"
    text, origin = _first(
        ("--key-file", given.key_file),
        *_variables(environ, _KEY_NAMES[0], file_name, *_KEY_NAMES[1:]),
        configured,
        ("not set", ""),
    )
    return text, origin, origin in {"--key-file", file_name, configured[0]}


def _variables(environ: Mapping[str, str], *names: str) -> Sequence[tuple[str, str | None]]:
    return [(name, environ.get(name, "").strip()) for name in names]


def _first(*candidates: tuple[str, str | None]) -> tuple[str, str]:
    """Give the first text that is not empty, and its origin; the last one whatever it is."""
    for origin, text in candidates:
        if text:
            return text, origin
    return "", candidates[-1][0]


def _read_key_file(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_KEY_FILE_LIMIT + 1)
        text = raw.decode("utf-8").strip()
    except OSError as error:
        raise KeyRefusedError(f"{path}: cannot read the key: {error.strerror}", _KEY_HINT) from None
    except UnicodeDecodeError:
        raise KeyRefusedError(f"{path}: the key file is not text", _KEY_HINT) from None
    if not text:
        raise KeyRefusedError(f"{path}: the key file is empty", _KEY_HINT)
    if len(raw) > _KEY_FILE_LIMIT or len(text.splitlines()) > 1:
        raise KeyRefusedError(f"{path}: holds more than a key", "put the key alone on one line")
    return text

"""batchdub orders lip-synced dubs in bulk from a manifest: each row once, and provably so."""

from __future__ import annotations

__all__ = ["__version__"]

__version__: str


def __getattr__(name: str) -> str:
    # Reading the installed version takes as long as all of `batchdub --help`, so it is read late.
    if name != "__version__":
        raise AttributeError(f"module `batchdub` has no attribute `{name}`")
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  see above

    try:
        return version("batchdub")
    except PackageNotFoundError:
        return "0+source"

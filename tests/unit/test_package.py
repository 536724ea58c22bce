"""The package knows its version, also where it runs from its sources."""

from __future__ import annotations

import importlib.metadata

import pytest

import batchdub


def test_the_version_is_the_installed_ones(monkeypatch):
    """One place says it: `pyproject.toml`."""
    monkeypatch.setattr(importlib.metadata, "version", lambda name: f"{name} 1.2.3")

    assert batchdub.__version__ == "batchdub 1.2.3"


def test_sources_that_are_not_installed_say_so(monkeypatch):
    """Rather than fail at `--version`, or claim a release."""

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)

    assert batchdub.__version__ == "0+source"


def test_the_package_has_no_other_lazy_names():
    """A slip of the pen fails at once."""
    with pytest.raises(AttributeError, match="`__verison__`"):
        batchdub.__verison__  # noqa: B018  the access is the test

"""The pins that CI installs are the bounds that pyproject.toml promises."""

from __future__ import annotations

import pytest

from tests.lowest import pins


def test_every_dependency_is_pinned_to_its_lower_bound():
    text = '[project]\ndependencies = ["httpx>=0.28.1", "coverage[toml]>=7.6"]'

    assert pins(text) == ["httpx==0.28.1", "coverage==7.6"]


def test_a_dependency_without_a_bound_is_an_error():
    with pytest.raises(ValueError, match="no lower bound"):
        pins('[project]\ndependencies = ["httpx"]')


def test_what_an_extra_promises_is_pinned_as_well():
    """Users install it; `dev` is ours alone."""
    text = (
        "[project]\ndependencies = []\n"
        '[project.optional-dependencies]\nnotify = ["apprise>=1.9.3"]\ndev = ["ruff>=0.9"]'
    )

    assert pins(text) == ["apprise==1.9.3"]

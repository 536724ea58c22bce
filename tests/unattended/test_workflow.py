"""The workflow without its containers: its own steps, by the shell that would run them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.cli.nights import ROOT, once_each, write_manifest

pytestmark = pytest.mark.real_time
ROWS = 3


@pytest.fixture
def workflow(tmp_path, printed, monkeypatch):
    clone_at(tmp_path / "first")
    monkeypatch.chdir(tmp_path / "first")
    return yaml.safe_load(printed("github", "manifests/tonight.csv").out)


def clone_at(folder):
    """Make what a checkout gives: the manifests, and no ledger."""
    (folder / "manifests").mkdir(parents=True)
    write_manifest(folder / "manifests", ROWS)


def steps_of(workflow):
    [job] = workflow["jobs"].values()
    return {step["name"]: step for step in job["steps"] if "run" in step}


def run_step(workflow, name, folder, variables):
    """Run a step as the runner does, with the secrets in it that it names."""
    [job] = workflow["jobs"].values()
    step = steps_of(workflow)[name]
    assert "${{" not in step["run"], "a secret in a script ends up in a command line"
    given = {**job.get("env", {}), **step.get("env", {})}
    for variable, text in given.items():
        if text == f"${{{{ secrets.{variable} }}}}":
            given[variable] = variables[variable]
    surroundings = {name: variables[name] for name in variables if name not in given}
    if name != "Order":
        surroundings.pop("CHAMELAION_API_KEY", None)
    return subprocess.run(  # noqa: S603  what `schedule` printed
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],  # noqa: S607
        cwd=folder,
        env={
            "HOME": str(folder.parent),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin",
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "PYTHONPATH": str(ROOT),
            **surroundings,
            **given,
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_steps_order_every_row_once_and_never_without_their_ledger(workflow, tmp_path, api):
    """A cache that was lost must cost a look, not a second order."""
    variables, books = api
    assert "CHAMELAION_API_KEY" in steps_of(workflow)["Order"]["env"]

    first = run_step(workflow, "Order", tmp_path / "first", variables)
    assert first.returncode == 0, first.stderr
    assert Counter(order.reference_id for order in books.orders) == once_each(ROWS)

    assert run_step(workflow, "Report", tmp_path / "first", variables).returncode == 0
    assert "submitted" in (tmp_path / "first" / "summary.md").read_text()

    clone_at(tmp_path / "second")
    lost = run_step(workflow, "Order", tmp_path / "second", variables)
    assert lost.returncode == 6
    assert "batchdub ledger rebuild" in lost.stderr
    assert len(books.orders) == ROWS


def test_our_own_cap_is_no_failed_workflow(workflow, tmp_path, api):
    """Exit 5: the next night goes on."""
    variables, books = api
    capped = variables | {"BATCHDUB_MAX_JOBS": "1"}

    assert run_step(workflow, "Order", tmp_path / "first", capped).returncode == 0
    assert len(books.orders) == 1


def test_what_is_installed_is_this_version(workflow, tmp_path):
    """Met already where the tests run, so that nothing is fetched."""
    done = run_step(workflow, "Install", tmp_path / "first", {"PIP_NO_INDEX": "1"})

    assert done.returncode == 0, done.stderr


def test_the_ledger_outlives_the_machine_whatever_the_end(workflow):
    """Saved also after a failure, under a name that the next night looks for."""
    [job] = workflow["jobs"].values()
    restore, save = [step for step in job["steps"] if "cache" in step.get("uses", "")]

    assert save["if"] == "always()"
    assert save["with"]["path"] == restore["with"]["path"] == "batchdub.db*"
    assert save["with"]["key"] == restore["with"]["key"]
    assert save["with"]["key"].startswith(restore["with"]["restore-keys"])
    assert job["env"]["BATCHDUB_LEDGER"] == "batchdub.db"
    assert workflow["concurrency"]["cancel-in-progress"] is False
    assert job["timeout-minutes"] > 5 * 60  # longer than the run gives itself

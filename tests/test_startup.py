"""What importing costs: the command line and the modules of plugins load nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_import_rules import ROOT, plugin_modules

FRAMEWORKS = ("torch", "mlflow", "ray", "lightning_fabric", "diffusers", "transformers")
HEAVY = (*FRAMEWORKS, "pandas", "numpy", "scipy", "matplotlib", "plotly")


def loaded(statement: str, names: tuple[str, ...]) -> str:
    """Run a statement in a fresh interpreter and return which of the packages it brought in."""
    script = f"import sys\n{statement}\nprint(*sorted(set({names!r}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_command_line_loads_nothing_heavy() -> None:
    assert loaded("import bench, bench.cli", HEAVY) == ""


def test_help_loads_nothing_heavy() -> None:
    run_help = "from bench.cli import app\nimport contextlib, io\n"
    run_help += "with contextlib.redirect_stdout(io.StringIO()):\n    app(['--help'], standalone_mode=False)"
    assert loaded(run_help, HEAVY) == ""


@pytest.mark.parametrize("module", sorted(plugin_modules(ROOT)))
def test_plugins_load_without_frameworks(module: str) -> None:
    assert loaded(f"import {module}", FRAMEWORKS) == ""


@pytest.mark.parametrize("module", ["metrics.table", "metrics.uncertainty", "bench.results", "bench.synthetic"])
def test_results_and_tables_load_without_frameworks(module: str) -> None:
    assert loaded(f"import {module}", FRAMEWORKS) == ""


def test_reports_load_without_frameworks() -> None:
    names = sorted(f"reports.{path.stem}" for path in (ROOT / "reports").glob("[!_]*.py"))
    assert names
    assert loaded(f"import {', '.join(names)}", FRAMEWORKS) == ""


@pytest.mark.slow
def test_help_answers_at_once() -> None:
    command = [str(Path(sys.executable).with_name("bench")), "--help"]
    best = min(_processor_seconds(command) for _ in range(5))
    # processor time, not wall time: the bound holds on a busy machine too
    assert best <= 0.5


def _processor_seconds(command: list[str]) -> float:
    before = os.times()
    subprocess.run(command, check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system

"""What importing costs: the command line and the modules of plugins load nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.test_import_rules import ROOT, plugin_modules

FRAMEWORKS = ("torch", "mlflow", "ray", "lightning_fabric", "diffusers", "transformers")
HEAVY = (*FRAMEWORKS, "pandas", "numpy", "scipy", "matplotlib", "plotly")


def loaded(statement: str, names: tuple[str, ...]) -> str:
    """Run a statement in a fresh interpreter and return which of the packages it brought in."""
    return python(f"import sys\n{statement}\nprint(*sorted(set({names!r}) & set(sys.modules)))")


def culprits(modules: Sequence[str], names: tuple[str, ...] = FRAMEWORKS) -> str:
    """Import modules in turn and return the first that brings in one of the packages, with what it brought."""
    return python(
        "import importlib, sys\n"
        f"for module in {list(modules)!r}:\n"
        "    importlib.import_module(module)\n"
        f"    found = sorted(set({names!r}) & set(sys.modules))\n"
        "    if found:\n"
        "        print(module, *found)\n"
        "        break\n"
    )


def python(script: str) -> str:
    """Run a script in a fresh interpreter and return what it prints."""
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_command_line_loads_nothing_heavy() -> None:
    assert loaded("import bench, bench.cli", HEAVY) == ""


def test_help_loads_nothing_heavy() -> None:
    run_help = "from bench.cli import app\nimport contextlib, io\n"
    run_help += "with contextlib.redirect_stdout(io.StringIO()):\n    app(['--help'], standalone_mode=False)"
    assert loaded(run_help, HEAVY) == ""


def test_plugins_load_without_frameworks() -> None:
    assert culprits(sorted(plugin_modules(ROOT))) == ""


def test_results_and_tables_load_without_frameworks() -> None:
    assert culprits(["metrics.table", "metrics.uncertainty", "bench.results.table", "bench.synthetic"]) == ""


def test_reports_load_without_frameworks() -> None:
    names = sorted(f"reports.{path.stem}" for path in (ROOT / "reports").glob("[!_]*.py"))
    assert names
    assert culprits(names) == ""


def test_a_culprit_is_found() -> None:
    assert culprits(["bench.errors", "bench.contract"], ("numpy", "torch")) == "bench.contract numpy"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="libgomp is OpenMP's library on Linux")
def test_idle_threads_sleep_in_the_command() -> None:
    """libgomp reads the environment when torch loads it, so the command must set it before."""
    script = "import sys\nsys.argv = ['bench', '--version']\nfrom bench.__main__ import main\ntry:\n    main()\n"
    script += "except SystemExit:\n    import torch"
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "KMP_"))}
    shown = subprocess.run(
        [sys.executable, "-c", script],
        env=clean | {"OMP_DISPLAY_ENV": "verbose"},
        capture_output=True,
        text=True,
        check=True,
    ).stderr
    assert "GOMP_SPINCOUNT = '0'" in shown


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

"""Folders of the user's that bear our packages' names: what is safe from them, and what stops and names them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BENCH = Path(sys.executable).with_name("bench")
PYTHON = sys.executable


@pytest.fixture(params=["package", "folder", "module"])
def decoy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a working directory with `metrics` of the user's own, in each form that Python can import."""
    if request.param == "module":
        (tmp_path / "metrics.py").write_text("raise SystemExit('the decoy was imported')\n")
    else:
        (tmp_path / "metrics").mkdir()
        (tmp_path / "metrics" / "accuracy.py").write_text("")
    if request.param == "package":
        (tmp_path / "metrics" / "__init__.py").write_text("raise SystemExit('the decoy was imported')\n")
    return tmp_path


def run(command: Sequence[str | Path], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as a user would: without this test's own search path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST"))}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment | variables,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def assert_three_lines(done: subprocess.CompletedProcess[str], folder: Path) -> None:
    """Check that a command stopped with the error that names the intruder."""
    assert done.returncode == 2, done.stderr
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["error", "got", "fix"]
    assert "'metrics'" in lines[0]
    assert str(folder / "metrics") in lines[1]
    assert "python -P" in lines[2]


def test_console_command_is_safe(decoy: Path) -> None:
    done = run([BENCH, "list", "methods"], decoy)
    assert done.returncode == 0, done.stderr
    assert "diffmix" in done.stdout


def test_console_command_names_an_intruder_on_the_path(decoy: Path) -> None:
    assert_three_lines(run([BENCH, "list", "methods"], decoy, PYTHONPATH=str(decoy)), decoy)


def test_module_names_the_intruder(decoy: Path) -> None:
    assert_three_lines(run([PYTHON, "-m", "bench", "list", "methods"], decoy), decoy)


def test_module_is_safe_with_a_safe_path(decoy: Path) -> None:
    done = run([PYTHON, "-P", "-m", "bench", "list", "methods"], decoy)
    assert done.returncode == 0, done.stderr


def test_worker_is_safe(decoy: Path) -> None:
    done = run([PYTHON, "-P", "-c", "import bench, metrics; print(metrics.__file__)"], decoy)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == ROOT / "metrics" / "__init__.py"


def test_interpreter_and_notebook_name_the_intruder(decoy: Path) -> None:
    done = run([PYTHON, "-c", "import bench"], decoy)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bench.errors.BenchError: ")
    assert str(decoy / "metrics") in last


@pytest.mark.parametrize("decoy", ["package"], indirect=True)
def test_pytest_in_a_folder_below_is_safe(decoy: Path) -> None:
    (decoy / "tests").mkdir()
    (decoy / "tests" / "test_mine.py").write_text("def test_mine():\n    import bench, metrics.overlap\n")
    done = run([BENCH.with_name("pytest"), "-p", "no:cacheprovider", "tests"], decoy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("decoy", ["package"], indirect=True)
def test_pytest_beside_the_intruder_names_it(decoy: Path) -> None:
    (decoy / "test_mine.py").write_text("def test_mine():\n    import bench\n")
    done = run([BENCH.with_name("pytest"), "-p", "no:cacheprovider", "test_mine.py"], decoy)
    assert done.returncode == 1
    assert f"got: {decoy / 'metrics'}" in done.stdout


@pytest.mark.parametrize("name", ["configs", "downstream", "methods", "reports"])
def test_every_sibling_is_watched(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    done = run([PYTHON, "-c", "import bench"], tmp_path)
    assert done.returncode == 1
    assert str(tmp_path / name) in done.stderr.splitlines()[-1]

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


def shadow(folder: Path, name: str, form: str) -> Path:
    """Put something of the user's own that bears one of our names into a folder, in a form that Python can import."""
    if form == "module":
        (folder / f"{name}.py").write_text("raise SystemExit('the decoy was imported')\n")
    else:
        (folder / name).mkdir()
        (folder / name / "accuracy.py").write_text("")
    if form == "package":
        (folder / name / "__init__.py").write_text("raise SystemExit('the decoy was imported')\n")
    return folder


FORMS = ("package", "folder", "module")


@pytest.fixture(params=FORMS)
def decoy(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a working directory with `metrics` of the user's own."""
    return shadow(tmp_path, "metrics", request.param)


@pytest.fixture(params=FORMS)
def research(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Give a working directory with `configs` of the user's own, as nearly every research repository has one."""
    return shadow(tmp_path, "configs", request.param)


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


def test_interpreter_and_notebook_name_the_intruder_when_a_plugin_is_loaded(decoy: Path) -> None:
    done = run([PYTHON, "-c", "from bench.registry import load; load('encoders', 'random-convnet')"], decoy)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("bench.errors.BenchError: ")
    assert str(decoy / "metrics") in last


def test_what_needs_no_sibling_does_not_care(decoy: Path) -> None:
    code = "from bench.config import load_preset; import bench.synthetic; print(load_preset('tiny').name)"
    done = run([PYTHON, "-c", code], decoy)
    assert done.stdout.strip() == "tiny", done.stderr


@pytest.mark.parametrize("decoy", ["package"], indirect=True)
def test_pytest_in_a_folder_below_is_safe(decoy: Path) -> None:
    (decoy / "tests").mkdir()
    (decoy / "tests" / "test_mine.py").write_text("def test_mine():\n    import bench, metrics.overlap\n")
    done = run([BENCH.with_name("pytest"), "-p", "no:cacheprovider", "tests"], decoy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("decoy", ["package"], indirect=True)
def test_pytest_beside_the_intruder_names_it(decoy: Path) -> None:
    code = "from bench.registry import load\n\ndef test_mine():\n    load('encoders', 'random-convnet')\n"
    (decoy / "test_mine.py").write_text(code)
    done = run([BENCH.with_name("pytest"), "-p", "no:cacheprovider", "test_mine.py"], decoy)
    assert done.returncode == 1
    assert f"got: {decoy / 'metrics'}" in done.stdout


@pytest.mark.parametrize(
    ("name", "plugin"),
    [("downstream", "'downstream', 'vit'"), ("methods", "'methods', 'sdm'"), ("metrics", "'encoders', 'inception'")],
)
def test_every_package_of_plugins_is_watched(tmp_path: Path, name: str, plugin: str) -> None:
    shadow(tmp_path, name, "folder")
    done = run([PYTHON, "-c", f"from bench.registry import load; load({plugin})"], tmp_path)
    assert done.returncode == 1
    assert str(tmp_path / name) in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("name", ["downstream", "methods", "reports"])
def test_the_command_line_watches_every_package_of_code(tmp_path: Path, name: str) -> None:
    shadow(tmp_path, name, "package")
    done = run([PYTHON, "-m", "bench", "list", "presets"], tmp_path)
    assert done.returncode == 2
    assert str(tmp_path / name) in done.stderr.splitlines()[1]


USE = """
import numpy as np
import downstream.hovernet, methods.controls, metrics, metrics.table
from bench.config.files import card
from bench.registry import load
maps = np.array([[0, 1], [2, 2]])
print(metrics.score_instances(maps, maps).dice, len(metrics.METRICS) > 10, card("methods", "sdm")["title"])
load("methods", "diffmix"), load("downstream", "hovernet"), load("encoders", "random-convnet")
"""
SEEN = "1.0 True SDM"


def test_a_script_beside_configs_uses_our_packages(research: Path) -> None:
    (research / "analysis.py").write_text(USE)
    done = run([PYTHON, "analysis.py"], research)
    assert done.stdout.strip() == SEEN, done.stderr


@pytest.mark.parametrize("research", ["package"], indirect=True)
def test_a_notebook_beside_configs_uses_our_packages(research: Path) -> None:
    done = run([PYTHON, "-c", USE], research)
    assert done.stdout.strip() == SEEN, done.stderr


@pytest.mark.parametrize("research", ["package"], indirect=True)
def test_a_worker_beside_configs_uses_our_packages(research: Path) -> None:
    done = run([PYTHON, "-P", "-c", USE], research)
    assert done.stdout.strip() == SEEN, done.stderr


def test_the_module_beside_configs_runs(research: Path) -> None:
    done = run([PYTHON, "-m", "bench", "list", "methods"], research)
    assert done.returncode == 0, done.stderr
    assert "noised real patches" in done.stdout


@pytest.mark.parametrize("research", ["package"], indirect=True)
def test_pytest_beside_configs_runs(research: Path) -> None:
    (research / "test_mine.py").write_text(f"def test_mine():\n    exec({USE!r})\n")
    done = run([BENCH.with_name("pytest"), "-p", "no:cacheprovider", "test_mine.py"], research)
    assert done.returncode == 0, done.stdout


def test_cards_of_another_package_are_read_from_its_distribution(tmp_path: Path) -> None:
    """A folder of the working directory that bears its name does not hide them."""
    site, folder = tmp_path / "site", tmp_path / "work"
    cards, metadata = site / "their_methods" / "configs" / "methods", site / "their_methods-1.0.dist-info"
    for place in (cards, metadata, folder):
        place.mkdir(parents=True)
    (site / "their_methods" / "__init__.py").write_text("")
    (cards / "theirs.yaml").write_text("title: Theirs\n")
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: their-methods\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[bench.methods]\ntheirs = their_methods:Theirs\n")
    shadow(folder, "their_methods", "package")
    code = "from bench.config.files import card; print(card('methods', 'theirs')['title'])"
    done = run([PYTHON, "-c", code], folder, PYTHONPATH=str(site))
    assert done.stdout.strip() == "Theirs", done.stderr

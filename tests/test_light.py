"""What the distribution can do without its extras: score, and show results; the rest says what to install."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from bench.extras import EXTRAS
from bench.results.document import RunDocument
from bench.results.table import ResultsStore
from tests import toy, toy_results
from tests.bench.formats.labels import formats
from tests.imports import PACKAGES
from tests.test_packaging import PROJECT, ROOT

WORKS = {
    "help": (["--help"], "leaderboard"),
    "nuclei": (["score", "nuclei", "--true", "true", "--pred", "pred"], "AJI"),
    "classes": (["score", "classes", "--true", "t.csv", "--pred", "p.csv"], "accuracy"),
    "images": (["score", "images", "--real", "r.npy", "--synthetic", "s.npy"], "coverage"),
    "leaderboard": (["leaderboard", "--store", "store"], "diffmix"),
    "doctor": (["doctor", "gpu", "--store", "store"], "augbench[models]"),
}
NEEDS = {
    "run": (["run", "--method", "copy", "--dataset", "phantom", "--preset", "tiny"], "torch", "models"),
    "slurm": (["run", "--method", "copy", "--dataset", "phantom", "--executor", "slurm"], "submitit", "slurm"),
    "ray": (["run", "--method", "copy", "--dataset", "phantom", "--executor", "ray"], "ray", "ray"),
    "embed": (["score", "images", "--real", "images", "--synthetic", "images"], "torch", "models"),
    "page": (["leaderboard", "--store", "store", "--format", "html"], "great_tables", "pages"),
    "export": (["export", "mlflow", "--store", "store"], "mlflow", "tracking"),
}
# Packages of extras are nowhere to be found, as if they were not installed.
HIDDEN = f"""
import sys
from importlib.machinery import PathFinder

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        hidden = name.partition(".")[0] in {sorted(package for packages in EXTRAS.values() for package in packages)}
        return None if hidden else super().find_spec(name, path, target)

sys.meta_path[:] = [Hiding if finder is PathFinder else finder for finder in sys.meta_path]
sys.argv[0] = "bench"
from bench.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with labels, features, tables, images and a store of one run."""
    path, rng = tmp_path_factory.mktemp("light"), np.random.default_rng(0)
    (path / "images").mkdir()
    for index in range(3):
        image, instances, types = toy.tile(index, 64, density=0.01)
        formats.write(path / "true", f"t{index}", formats.consep, instances, types)
        formats.write(path / "pred", f"t{index}", formats.two_channels, np.roll(instances, 1, axis=0), types)
        Image.fromarray(image).save(path / "images" / f"{index}.png")
    np.save(path / "r.npy", rng.normal(size=(40, 5)))
    np.save(path / "s.npy", rng.normal(size=(20, 5)))
    (path / "t.csv").write_text("id,label\na,x\nb,y\nc,x\nd,y\n")
    (path / "p.csv").write_text("id,x,y\na,.9,.1\nb,.6,.4\nc,.7,.3\nd,.1,.9\n")
    created = "2026-01-03T00:00:00+00:00"
    document = RunDocument(dataset="phantom", method="diffmix", preset="smoke", created=created)
    ResultsStore(path / "store").write("r0", toy_results.rows("r0"), document)
    return path


def bench(python: list[str], arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder, without the environment's own paths."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("BENCH_", "PYTHON"))}
    command = [*python, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def check_works(python: list[str], name: str, folder: Path) -> None:
    arguments, expected = WORKS[name]
    done = bench(python, arguments, folder)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout


@pytest.mark.parametrize("name", WORKS)
def test_works_without_extras(name: str, folder: Path) -> None:
    check_works([sys.executable, "-c", HIDDEN], name, folder)


@pytest.mark.parametrize("name", NEEDS)
def test_what_needs_an_extra_says_so_before_any_work(name: str, folder: Path) -> None:
    arguments, package, extra = NEEDS[name]
    before = sorted(folder.rglob("*"))
    done = bench([sys.executable, "-c", HIDDEN], arguments, folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"error: This needs the package {package}, which comes with the extra {extra!r}",
        f"got:   {package} is not installed",
        f"fix:   pip install 'augbench[{extra}]'",
    ]
    assert sorted(folder.rglob("*")) == before


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return the command of an environment that holds augbench, its dependencies and theirs, and nothing else.

    They are linked from this environment, in place of a download.
    """
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    for name in PACKAGES:
        (site / name).symlink_to(ROOT / name)
    info = site / f"augbench-{PROJECT['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: augbench\nVersion: {PROJECT['version']}\n")
    points = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in named.items())
        for group, named in PROJECT["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(points))
    for found in installed(PROJECT["dependencies"]):
        for top in {Path(str(file)).parts[0] for file in found.files or ()} - {"..", "__pycache__"}:
            (site / top).symlink_to(str(found.locate_file(top)))
    return [str(home / "bin" / "python"), "-P", "-m", "bench"]


def installed(texts: list[str]) -> Iterator[Distribution]:
    """Yield the distributions that pip would install for some requirements, each once."""
    seen: set[str] = set()
    waiting = [Requirement(text) for text in texts]
    while waiting:
        wanted = waiting.pop()
        if canonicalize_name(wanted.name) in seen:
            continue
        seen.add(canonicalize_name(wanted.name))
        found = distribution(wanted.name)
        yield found
        needed = [Requirement(text) for text in found.requires or ()]
        waiting += [entry for entry in needed if not entry.marker or entry.marker.evaluate({"extra": ""})]


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKS)
def test_works_in_an_environment_without_extras(name: str, light: list[str], folder: Path) -> None:
    check_works(light, name, folder)


@pytest.mark.slow
def test_that_environment_has_no_extras(light: list[str], folder: Path) -> None:
    done = bench([light[0], "-c", "import torch"], [], folder)
    assert "No module named 'torch'" in done.stderr

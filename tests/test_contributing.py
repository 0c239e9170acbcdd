"""The method that CONTRIBUTING.md shows: it is run as it stands there; for its metric see test_metric_package.py."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.contract import MethodBase
from tests.toy import NucleiDataset, Run

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(language: str, section: str) -> list[str]:
    """Return the code blocks of a language in a section."""
    (text,) = (part for part in TEXT.split("\n## ") if part.startswith(section))
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def block(language: str) -> str:
    """Return the only code block of a language in the section on methods."""
    (found,) = blocks(language, "Add a method")
    return found


@pytest.fixture
def method() -> Any:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "CONTRIBUTING.md", "exec"), names)
    return names["SlideColours"](names["PatchSettings"](patch_size=32))


def test_method_has_the_shape_of_the_contract(method: Any) -> None:
    assert isinstance(method, MethodBase)


def test_method_keeps_labels_and_changes_colours(method: Any, tmp_path: Path) -> None:
    train = NucleiDataset(n_tiles=4, size=64)
    train.samples[2].image[...] = train.samples[2].image // 2  # slide-1 is darker than slide-0
    train.samples[3].image[...] = train.samples[3].image // 2
    data, run = {"train": train}, Run()
    (part,) = method.parts()
    method.fit(part, data, {}, tmp_path, run)
    conditions = list(method.plan(data, 16, np.random.default_rng(0)))
    images = list(method.render(conditions, data, {part.name: tmp_path}, run))
    assert len(conditions) == len(images) == 16
    brightness: dict[str, list[float]] = {"slide-0": [], "slide-1": []}
    for condition, image in zip(conditions, images, strict=True):
        assert image.shape == (32, 32, 3)
        assert image.dtype == np.uint8
        assert sorted(np.unique(condition.instances)) == list(range(len(condition.types) + 1))
        brightness[condition.recipe["slide"]].append(float(image.mean()))
    assert min(brightness["slide-0"]) > max(brightness["slide-1"])


def test_method_is_about_thirty_lines() -> None:
    body = block("python").partition("class ")[2]
    assert len([line for line in body.splitlines() if line.strip()]) <= 36


def test_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"`make ([a-z-]+)`", TEXT):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_method_runs_as_a_plugin(tmp_path: Path) -> None:
    """Install the example as a package of its own and put it on a leaderboard."""
    package, metadata = tmp_path / "site" / "my_methods", tmp_path / "site" / "my_methods-1.0.dist-info"
    card = package / "configs" / "methods" / "slide-colours.yaml"
    card.parent.mkdir(parents=True)
    card.write_text(block("yaml"), encoding="utf-8")
    (package / "__init__.py").write_text(block("python"), encoding="utf-8")
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: my-methods\nVersion: 1.0\n", encoding="utf-8")
    points = tomllib.loads(block("toml"))["project"]["entry-points"]["bench.methods"]
    lines = [f"{name} = {value}" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[bench.methods]", *lines]), encoding="utf-8")

    def bench(*arguments: str) -> str:
        command = [str(Path(sys.executable).with_name("bench")), *arguments]
        environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "BENCH_STORE": str(tmp_path / "store")}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "slide-colours" in bench("list", "methods")
    bench("run", "--method", "slide-colours", "--dataset", "phantom", "--preset", "tiny")
    table = list(csv.DictReader(bench("leaderboard", "--dataset", "phantom", "--format", "csv").splitlines()))
    assert {"real-only", "slide-colours"} <= {row["method"] for row in table}

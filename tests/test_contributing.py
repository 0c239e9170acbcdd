"""The method that CONTRIBUTING.md shows: it is run as it stands there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.contract import Method
from tests.toy import NucleiDataset, Run

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    """Return the only code block of a language."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


@pytest.fixture
def method() -> Any:
    names: dict[str, Any] = {}
    exec(compile(block("python"), "CONTRIBUTING.md", "exec"), names)
    return names["SlideColours"](names["PatchSettings"](patch_size=32))


def test_method_has_the_shape_of_the_contract(method: Any) -> None:
    assert isinstance(method, Method)


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

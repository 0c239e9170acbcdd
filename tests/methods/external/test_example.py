"""The worked example: it runs in an environment that lacks our packages, and what it draws follows the masks."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests import toy
from tests.methods.external.programs import Run, draw, external

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "examples" / "external" / "generate.py"
PAGE = (ROOT / "docs" / "external.md").read_text(encoding="utf-8")
TRAIN = toy.NucleiDataset(4, 96)
DATA = {"train": TRAIN}


def _check(interpreter: str, tmp_path: Path) -> None:
    command = f"{shlex.join([interpreter, str(EXAMPLE)])} --request {{request}} --out {{out}}"
    method = external(tmp_path, command=command)
    conditions, images = draw(method, DATA, tmp_path, 12)
    ground, nuclei = [], {kind: [] for kind in (1, 2, 3, 4)}
    for condition, image in zip(conditions, images, strict=True):
        kinds = np.concatenate([[0], condition.types])[condition.instances]
        ground.append(image[kinds == 0])
        for kind, pixels in nuclei.items():
            pixels.append(image[kinds == kind])
    colours = {kind: np.concatenate(pixels).mean(0) for kind, pixels in nuclei.items() if sum(map(len, pixels)) > 200}
    assert len(colours) >= 3
    real = {kind: np.array(toy.COLOURS[kind]) for kind in colours}
    for kind, colour in colours.items():
        # nearest to its own class among all: the labels hold in the pixels
        assert min(real, key=lambda other: np.abs(real[other] - colour).sum()) == kind
        assert np.abs(colour - real[kind]).max() < 25
    assert np.abs(np.concatenate(ground).mean(0) - (235, 190, 215)).max() < 15
    again = list(method.render(conditions, DATA, {"external": tmp_path / "fit"}, Run(folder=tmp_path / "set")))
    assert all(np.array_equal(a, b) for a, b in zip(images, again, strict=True))


def test_example_draws_what_the_masks_say(tmp_path: Path) -> None:
    _check(sys.executable, tmp_path)


def test_script_of_the_page_runs_as_it_stands_there(tmp_path: Path) -> None:
    (script,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    conditions, images = draw(external(tmp_path, script), DATA, tmp_path)
    for condition, image in zip(conditions, images, strict=True):
        kinds = np.concatenate([[0], condition.types])[condition.instances]
        for kind in np.unique(kinds):
            (colour,) = np.unique(image[kinds == kind], axis=0)
            own = np.concatenate([s.image[np.concatenate([[0], s.types])[s.instances] == kind] for s in TRAIN.samples])
            assert np.abs(colour - own.mean(0)).max() <= 1


def test_page_names_every_field_and_setting(tmp_path: Path) -> None:
    program = "import sys, json, pathlib; pathlib.Path(sys.argv[4], 'r').write_text(open(sys.argv[2]).read())"
    method = external(tmp_path, program)
    out = tmp_path / "fit"
    out.mkdir()
    method.fit(method.parts()[0], DATA, {}, out, Run(folder=out))
    fields = set(json.loads((out / "model" / "r").read_text()))
    example = json.loads(re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[0])
    assert fields - {"training"} == set(example) - {"conditions", "fitted"}
    rows = re.findall(r"^\| `([a-z_]+)` \| .* \| (?:fit|render|both) \|", PAGE, re.MULTILINE)
    assert set(rows) == fields | set(example)
    for setting in set(type(method.config).model_fields) - {"mixing", "enlarging"}:
        assert re.search(rf"^\| .*`{setting}[`.]", PAGE, re.MULTILINE), setting


@pytest.mark.slow
def test_example_runs_in_an_environment_without_our_packages(tmp_path: Path) -> None:
    home = tmp_path / "old environment"
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True, env=clean)
    interpreter = str(home / "bin" / "python")
    asked = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "numpy", "pillow"]
    installed = subprocess.run(asked, capture_output=True, text=True, env=clean, check=False)
    if installed.returncode != 0:
        pytest.skip(f"pip cannot install numpy and pillow here: {installed.stderr.splitlines()[-1:]}")
    for package in ("bench", "methods"):
        tried = subprocess.run(
            [interpreter, "-c", f"import {package}"],
            cwd=tmp_path,
            env=clean,
            capture_output=True,
            text=True,
            check=False,
        )
        assert f"No module named '{package}'" in tried.stderr
    _check(interpreter, tmp_path)

"""Small programs that stand in for a user's own, and the run that calls them."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.contract import Condition, DatasetInfo, Sample
from methods.external import External
from tests import toy

SIZE = 32

# Fit: the mean colour of the training images. Render: that colour, nuclei darker by their class.
PAINTER = """
import argparse, json, pathlib
import numpy as np
from PIL import Image
parser = argparse.ArgumentParser()
parser.add_argument("--request"); parser.add_argument("--out")
given = parser.parse_args()
request = json.loads(pathlib.Path(given.request).read_text())
out = pathlib.Path(given.out)
assert str(out) == request["out"] and request["schema"] == 1
lines = lambda name: [json.loads(line) for line in (pathlib.Path(request[name]) / "metadata.jsonl").open()]
if request["phase"] == "fit":
    folder = pathlib.Path(request["training"])
    images = [np.asarray(Image.open(folder / line["file_name"])) for line in lines("training")]
    assert len(images) == request["n"]
    (out / "colour.json").write_text(json.dumps(np.mean([i.mean((0, 1)) for i in images], axis=0).tolist()))
else:
    colour = json.loads(pathlib.Path(request["fitted"], "colour.json").read_text())
    for line in lines("conditions"):
        instances = np.asarray(Image.open(pathlib.Path(request["conditions"], line["instances"])))
        image = np.tile(np.uint8(colour), (line["height"], line["width"], 1))
        image[instances > 0] = np.array([0, *line["types"]], np.uint8)[instances[instances > 0]][:, None] * 10
        Image.fromarray(image).save(out / (line["id"] + ".png"))
"""


@dataclass
class Run(toy.Run):
    """A run with a folder."""

    folder: Path = Path()


class Tissue:
    """A dataset of two tissue classes, as far as a plan reads it."""

    info = DatasetInfo("tissue", "train", "tissue", (), ("gland", "stroma"), 0.5)
    ids = groups = ("a", "b")

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Sample:
        return Sample("ab"[index], np.full((SIZE, SIZE, 3), 50 * index, np.uint8), "ab"[index], 0.5, label=index)


def command(folder: Path, program: str) -> str:
    """Write a program and return the command that runs it with this Python."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "program.py"
    script.write_text(program, encoding="utf-8")
    return f"{shlex.join([sys.executable, str(script)])} --request {{request}} --out {{out}}"


def external(folder: Path, program: str = PAINTER, **changes: Any) -> External:
    """Make the method for a program."""
    values = {"command": command(folder, program), "patch_size": SIZE, "grid": 4, "time_limit": 60, **changes}
    return External(External.Config.model_validate(values))


def draw(method: External, data: dict[str, Any], folder: Path, n: int = 5) -> tuple[list[Condition], list[np.ndarray]]:
    """Fit, where there is a fit phase, plan and render."""
    fitted = {}
    for part in method.parts():
        fitted[part.name] = folder / "fit"
        fitted[part.name].mkdir(parents=True, exist_ok=True)
        method.fit(part, data, {}, fitted[part.name], Run(folder=fitted[part.name]))
    conditions = list(method.plan(data, n, np.random.default_rng(0)))
    (folder / "set").mkdir(exist_ok=True, parents=True)
    return conditions, list(method.render(conditions, data, fitted, Run(folder=folder / "set")))

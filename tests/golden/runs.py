"""The runs whose complete results tables are kept, and how they are done: through the command line alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from bench.__main__ import main
from tests.toy import tile

HERE = Path(__file__).parent
NUCLEI, TISSUE = HERE / "golden-nuclei.yaml", HERE / "golden-tissue.yaml"
GATE, GATED = HERE / "gate.csv", "gradmix"
"""The baseline of `bench check`, and the run that it was written from."""
CHECKPOINT = HERE / "hovernet.safetensors"

# HoVer-Net starts from a trained network and moves little: scores are alive, and rounding stays rounding.
TRAINED = ("downstream.pretrained=" + str(CHECKPOINT), "downstream.learning_rate=1e-4", "downstream.ema=null")
_SETS = ("max_samples=24", "reference_samples=48")
# More steps of training, and a later start from real patches: images neither copies nor far from all that is real.
_DIFFMIX = ("method.training.steps=120", "method.sampler.steps=8", "method.start_percent=38")
# Fewer images than there are to copy: with all of them `copy` would be `real-only` to a network that counts colours.
# Of the five arms of a method that chooses from a pool, one of each rule; the second ends in a reason, since what was
# trained for seconds draws no image of some classes.
_TISSUE = (
    "budget.amount=40",
    "max_samples=18",
    "reference_samples=48",
    "method.selection=[{rule: random, ratio: 0.5}, {rule: centroid, ratio: 0.25}]",
)
_IMPORTED = "discs-by-hand"

RUNS: Mapping[str, tuple[Path, tuple[str, ...], tuple[str, ...]]] = {
    "diffmix": (NUCLEI, ("--method", "diffmix"), (*TRAINED, *_SETS, *_DIFFMIX)),
    "gradmix": (NUCLEI, ("--method", "gradmix"), (*TRAINED, *_SETS)),
    "imported": (NUCLEI, ("--synthetic", _IMPORTED), (*TRAINED, *_SETS)),
    "histodiffusion": (TISSUE, ("--method", "histodiffusion"), _TISSUE),
    "stylegan2": (TISSUE, ("--method", "stylegan2"), (*_TISSUE, "method.training.steps=60")),
}
"""Name of a table: the card of its dataset, what the run is about, its settings."""


def run(name: str, store: Path) -> pd.DataFrame:
    """Do a run over a store, or find it done, and return its rows, all but costs."""
    card, subject, settings = RUNS[name]
    if name == "imported":
        _import(store)
    before = set(_tables(store))
    options = ["--dataset", str(card), *subject, "--preset", "tiny", "--seeds", "2", "--threads", "1"]
    options += [part for setting in settings for part in ("--set", setting)]
    bench("run", *options, "--device", "cpu", "--no-tracking", "--store", str(store))
    (path,) = set(_tables(store)) - before
    table = pd.read_parquet(path)
    return table[table["kind"] != "cost"].reset_index(drop=True)


def bench(*arguments: str) -> None:
    """Do what `bench` does with these arguments, in this process."""
    with _command_line("bench", *arguments):
        try:
            main()
        except SystemExit as stopped:
            if stopped.code:
                raise RuntimeError(f"bench {' '.join(arguments)} ended with {stopped.code}") from stopped


@contextmanager
def _command_line(*arguments: str) -> Iterator[None]:
    before = sys.argv
    sys.argv = list(arguments)
    try:
        yield
    finally:
        sys.argv = before


def _tables(store: Path) -> list[Path]:
    return sorted((store / "results").glob("*.parquet"))


def _import(store: Path) -> None:
    """Seal a few images with nuclei and their classes as a set of one's own."""
    folder = store.with_name("by-hand")
    folder.mkdir()
    for index in range(12):
        image, instances, types = tile(index, 64, density=0.006)
        classes = np.concatenate([[0], types])[instances]
        np.save(folder / f"patch_{index:02d}.npy", np.dstack([image, instances, classes]).astype(np.int32))
    bench("import", str(folder), "--dataset", str(NUCLEI), "--method-name", _IMPORTED, "--store", str(store))

"""Division of a training mix into tiles to train on and held-out tiles that select the checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from bench.contract import Dataset, SampleRecord, TrainingMix
from bench.errors import DataError
from downstream.holdout import hold_out
from downstream.nuclei.settings import NucleusSettings
from downstream.subset import Subset


class Divided(NamedTuple):
    """What is trained on, and the real tiles that are held out; None if there are none."""

    mix: TrainingMix
    held: Dataset | None


def divide(config: NucleusSettings, mix: TrainingMix, rng: np.random.Generator) -> Divided:
    """Divide a mix: the tiles that its protocol sets apart are held out, or else a share of its real tiles.

    Synthetic patches that derive from groups of held-out tiles are left out.

    Raises:
        DataError: the checkpoint is to be selected, but no tiles are held out; or nothing is left to train on.
    """
    if not len(mix.real):
        raise DataError("There are no real tiles to train on", got="an empty dataset")
    real, held = mix.real, mix.validation
    if held is None and config.holdout > 0:
        split = hold_out(rarest_classes(real.records), real.groups, config.holdout, rng)
        real, held = Subset(real, split.train), Subset(real, split.held)
    if config.selection == "best" and (held is None or not len(held)):
        raise DataError(
            "The checkpoint is to be the best one on held-out tiles, but no tiles are held out",
            got="selection=best and holdout=0",
            fix="hold tiles out: --set downstream.holdout=0.2, or use the last: --set downstream.selection=last",
        )
    if held is None:
        return Divided(mix, None)
    return Divided(replace(mix, real=real, synthetic=_apart(mix, set(held.groups))), held)


def rarest_classes(records: Sequence[SampleRecord]) -> Int64[np.ndarray, " n"]:
    """Return, for each tile, the rank of the rarest class among its nuclei; rank 0 is the rarest of all classes.

    Tiles without nuclei have a rank of their own. Rarity is measured by the number of nuclei in all tiles.
    """
    counts = np.array([record.nuclei for record in records], np.int64).reshape(len(records), -1)
    order = np.argsort(counts.sum(0), kind="stable")
    present = np.column_stack([counts[:, order] > 0, np.ones(len(records), bool)])
    return np.asarray(present.argmax(1).astype(np.int64))


def _apart(mix: TrainingMix, held: set[str]) -> Dataset | None:
    """Return the synthetic patches that derive from no held-out group: a copy would give the held-out tiles away."""
    synthetic = mix.synthetic
    if synthetic is None or mix.fraction == 0:
        return synthetic
    places = [place for place, group in enumerate(synthetic.groups) if group not in held]
    if len(places) == len(synthetic):
        return synthetic
    if not places:
        raise DataError(
            "All synthetic patches derive from held-out tiles, so none can be used for training",
            got=f"{len(synthetic)} synthetic patches",
            fix="make a larger set, or train without a hold-out: "
            "--set downstream.holdout=0 --set downstream.selection=last",
        )
    return Subset(synthetic, places)

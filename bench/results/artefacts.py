"""The index of the outputs that rows were made from: sets, models, predictions, features, statistics, curves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

from bench.contract import Settings

ALL_FOLDS = "all"
"""Fold of a row that stands for all folds of a protocol together."""

Kind = Literal["part", "set", "model", "predictions", "features", "statistics"]


class Artefact(Settings):
    """One output in the store.

    `generation` is the seed of the set that it derives from, or, of a part, of the only set that its generator draws;
    documents of older runs do not say it. `key` and `stage` name the step that made it; its folder is
    `jobs/<stage>/<key>` below the store. `digest` is that of a set's content, and empty for other outputs; `plan`
    is that of what a set's images show, without their pixels. `evaluation` is the question that the output answers, if
    any.
    """

    kind: Kind
    method: str
    variant: str = ""
    seed: int = 0
    generation: int | None = None
    network: str = ""
    fold: str = ""
    split: str = ""
    encoder: str = ""
    evaluation: str = ""
    stage: str
    key: str
    digest: str = ""
    plan: str = ""

    @property
    def folder(self) -> Path:
        """Its folder, relative to the store."""
        return Path("jobs") / self.stage / self.key


class Artefacts(tuple[Artefact, ...]):
    """The artefacts of one run; `reporters` says which evaluation reports each metric, or each family of metrics."""

    reporters: Mapping[str, str]

    def __new__(cls, artefacts: Iterable[Artefact] = (), reporters: Mapping[str, str] | None = None) -> Self:
        """Make the index; without `reporters`, a row's artefacts are those of all evaluations."""
        made = super().__new__(cls, artefacts)
        made.reporters = reporters or {}
        return made

    def of(self, row: Mapping[str, Any]) -> Self:
        """Return the artefacts that a row was made from; a row over all seeds or folds was made from those of each.

        A cost is of no evaluation, so its row has the outputs of all of them.
        """
        return type(self)(self._of(row), self.reporters)

    def _of(self, row: Mapping[str, Any]) -> Iterator[Artefact]:
        metric = str(row["metric"])
        reporter = self.reporters.get(metric) or self.reporters.get(metric.partition("@")[0], "")
        for one in self:
            same = not one.evaluation or not reporter or one.evaluation == reporter
            same &= one.method == row["method"] and one.variant == row["variant"]
            same &= not one.fold or row["fold"] in (one.fold, ALL_FOLDS)
            same &= _same_seeds(one, row)
            same &= not one.network or not row["downstream"] or one.network == row["downstream"]
            same &= not one.encoder or one.encoder == row["encoder"]
            same &= not one.encoder or one.split == row["split"]
            if same:
                yield one


def _same_seeds(one: Artefact, row: Mapping[str, Any]) -> bool:
    """Return whether a row stands for the seeds of an artefact.

    A set has no training seed if it says its own, nor has a part; a part without a seed belongs to every set.
    """
    seed, generation = int(row["seed"]), int(row.get("generation", row["seed"]))
    if one.kind == "part" or (one.kind == "set" and one.generation is not None):
        return generation < 0 or one.generation in (None, generation)
    same = seed < 0 or one.seed == seed
    return same and (generation < 0 or one.generation in (None, generation))

"""Protocols: the named divisions of a dataset that papers use, as its card describes them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from bench.contract import Settings
from bench.datasets.splits.division import Division

FEWEST_PARTS = 3


class Protocol(Settings):
    """A named division of a dataset.

    `folds` divides the training split by whole groups, so that folds hold about equally many rare nuclei; `seed`
    breaks ties. Each fold trains on the others. With a `fixed` test set the held-out fold is the validation part, and
    every fold is tested on the test split; with `held-out`, the held-out fold is the test set.

    `rotate` names the parts of all tiles by patterns of their ids, such as `fold1-*`: fold k trains on part k,
    is validated on the next part and tested on the one after it. `leave_out` names parts in the same way: each fold is
    tested on one of them and trains on all others, such as all sources but one. A pattern may begin with the split,
    such as `test/*`. `divide` divides all tiles again, instead of the card's splits. `seeds` is the number of
    replicates. With none of these, the division is that of the card.
    """

    folds: int | None = Field(default=None, ge=2)
    seed: int = 0
    test: Literal["fixed", "held-out"] = "fixed"
    rotate: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    divide: Division | None = None
    seeds: int | None = Field(default=None, ge=1)

    @property
    def n_folds(self) -> int:
        """The number of folds; 1 if there are none."""
        return self.folds or len(self.rotate) or len(self.leave_out) or 1

    @property
    def reads(self) -> tuple[str, ...]:
        """The splits whose labels and groups it needs."""
        return ("train",) if self.folds is not None else ("train", "test") if self.divide is not None else ()

    @property
    def summary(self) -> str:
        """What it is, in one line."""
        if self.folds is not None:
            tested = "a fixed test set" if self.test == "fixed" else "each tested on what it holds out"
            parts = [f"{self.folds} folds, {tested}"]
        elif self.rotate:
            parts = [f"{len(self.rotate)} parts that train, validate and test in rotation"]
        elif self.leave_out:
            parts = [f"{len(self.leave_out)} parts, each tested by training on the others"]
        else:
            parts = [
                "the splits of the card" if self.divide is None else f"{self.divide.test:.0%} of all tiles for tests"
            ]
        return ", ".join([*parts, *([f"{self.seeds} seeds"] if self.seeds else [])])

    @model_validator(mode="after")
    def _one_division(self) -> Self:
        if sum((self.folds is not None, bool(self.rotate), bool(self.leave_out), self.divide is not None)) > 1:
            raise ValueError("give one of `folds`, `rotate`, `leave_out` and `divide`")
        if self.rotate and len(self.rotate) < FEWEST_PARTS:
            raise ValueError(f"`rotate` needs at least {FEWEST_PARTS} parts: one each to train, validate and test")
        if len(self.leave_out) == 1:
            raise ValueError("`leave_out` needs at least 2 parts: each is tested by training on the others")
        if self.folds is None and (self.seed or self.test != "fixed"):
            raise ValueError("`seed` and `test` belong to `folds`")
        return self

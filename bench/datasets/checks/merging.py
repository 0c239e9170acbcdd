"""Merging of nucleus classes: one function does it once and refuses labels that are merged already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import UInt8

from bench.datasets.card import DatasetCard
from bench.errors import DataError

State = Literal["raw", "already"]

TOLERANCE = 0.01
"""Largest relative difference at which counts agree with the published ones."""

_SAY = "set `classes_merged: raw` or `classes_merged: merged` in the dataset's card"


@dataclass(frozen=True)
class ClassIds:
    """Class ids of instances, and whether they are merged: the flag prevents a second merge."""

    ids: UInt8[np.ndarray, " n"]
    merged: bool


def merge_classes(classes: ClassIds, merging: Mapping[int, int], where: str = "") -> ClassIds:
    """Return merged class ids, by one lookup table for all rules; id 0 stays 0.

    Applying the rules one after another, or twice, would differ: on GLySAC {4, 5, 6, 7} -> 2 followed by 2 -> 1 turns
    lymphocytes into the class "miscellaneous" (DiffMix's sampling loader merges twice so).

    Args:
        classes: raw ids.
        merging: raw id to merged id.
        where: the file, for errors.

    Raises:
        DataError: the ids are merged already, or one of them is not a raw id.
    """
    place = f" in {where}" if where else ""
    if classes.merged:
        raise DataError(f"The class ids{place} are not raw", got="ids that are merged already", fix="merge only once")
    if odd := sorted(set(np.unique(classes.ids).tolist()) - set(merging) - {0}):
        raise DataError(f"The class ids{place} are not among the raw ids {sorted(merging)}", got=str(odd))
    table = np.zeros(256, np.uint8)
    for raw, merged in merging.items():
        table[raw] = merged
    return ClassIds(table[classes.ids], merged=True)


def decide_state(card: DatasetCard, split: str, counts: Mapping[int, int]) -> State:
    """Return whether a split's labels are raw or merged already.

    A split is merged already when it holds merged ids only, in the published merged counts (1 % tolerance);
    it is raw when it holds any other id.

    Args:
        card: whose `classes_merged` is `auto`, or states what the labels must be.
        split: its name, for the published counts and for errors.
        counts: nuclei by class id, as stored.

    Raises:
        DataError: the labels contradict the card, or `auto` cannot tell.
    """
    ids = {index for index, n in counts.items() if n}
    where = f"the {split} split of {card.name}"
    if ids - set(card.classes):
        if card.classes_merged == "merged":
            raise DataError(
                f"The class ids in {where} are not among the merged ids {sorted(card.classes)}", got=str(sorted(ids))
            )
        return "raw"
    looks_merged = _as_published(card, split, counts)
    if card.classes_merged == "merged" or (card.classes_merged == "auto" and looks_merged):
        return "already"
    if looks_merged:
        raise DataError(
            f"The class ids in {where} are not raw, but the card says `classes_merged: raw`",
            got=f"merged ids in the published merged counts: {_show(card, counts)}",
            fix="set `classes_merged: auto` in the dataset's card: merging twice would mix classes",
        )
    if card.classes_merged == "raw":
        return "raw"
    raise DataError(
        f"Cannot decide whether the class ids in {where} are raw or merged",
        got=f"merged ids in other counts: {_show(card, counts)}",
        fix=f"verify that no tile is missing (`bench data verify {card.name}`), or {_SAY}",
    )


def settle(card: DatasetCard, state: State, counts: Mapping[int, int]) -> dict[int, int]:
    """Return nuclei by class id after merging, of counts by class id as stored."""
    settled = dict.fromkeys(sorted(card.classes), 0)
    stored = ClassIds(np.array(sorted(counts), np.uint8), merged=state == "already")
    merged = stored if stored.merged else merge_classes(stored, card.merging, f"the labels of {card.name}")
    for before, after in zip(stored.ids.tolist(), merged.ids.tolist(), strict=True):
        settled[after] += counts[before]
    return settled


def _as_published(card: DatasetCard, split: str, counts: Mapping[int, int]) -> bool:
    expected = card.expected[split].nuclei if split in card.expected else {}
    if not expected:
        return False
    found = {name: counts.get(index, 0) for index, name in card.classes.items()}
    return all(abs(found[name] - n) <= TOLERANCE * n for name, n in expected.items())


def _show(card: DatasetCard, counts: Mapping[int, int]) -> str:
    return ", ".join(f"{name} {counts.get(index, 0)}" for index, name in card.classes.items())

"""The rows of several runs as one table: which rows are the same measurement, and which arms are the same."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bench.digest import digest

if TYPE_CHECKING:
    import pandas as pd

# The columns that make two rows the same measurement, in whichever run; `set` is added by `merge_rows`.
IDENTITY = (
    *("kind", "dataset", "data", "split", "division", "fold", "seed", "generation", "method", "variant", "set"),
    *("ratio", "budget", "downstream", "starts_from"),
    *("metric", "encoder", "class", "aggregation", "preset", "protocol", "harness"),
)
SET = "set"
"""A column of merged tables: it distinguishes arms of one name whose sets differ, and is empty where they do not."""
_NAME = ["dataset", "preset", "division", "method", "variant"]
_SHOWN = 8

_Sets = Mapping[tuple[str, int], frozenset[str]]


def merge_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row per measurement of rows that several runs report, given in order from the oldest run.

    A number takes precedence over a missing one, then more seeds over fewer, then the newer over the older. An older
    row that does not say its ratio is the same measurement as one that does. Arms of one name whose sets differ are
    different arms: the column `set` distinguishes them.
    """
    others = [name for name in IDENTITY if name not in ("ratio", SET)]
    known = frame["ratio"].fillna(frame.groupby(others, dropna=False)["ratio"].transform("last"))
    ranked = frame.assign(_value=frame["value"].notna(), _order=range(len(frame)), _ratio=known)
    of_arm = known.fillna(frame.assign(ratio=known).groupby(_NAME, dropna=False)["ratio"].transform("last"))
    ranked[SET] = _sets(frame.assign(ratio=of_arm))
    ranked = ranked.sort_values(["_value", "seeds", "generations", "_order"], kind="stable")
    kept = ranked.drop_duplicates(subset=[*others, SET, "_ratio"], keep="last").sort_values("_order")
    return kept[[*(name for name in frame.columns if name != SET), SET]].reset_index(drop=True)


@dataclass
class _Arm:
    """Runs that used the same sets: their digests by fold and generation seed."""

    runs: list[str] = field(default_factory=list)
    sets: dict[tuple[str, int], frozenset[str]] = field(default_factory=dict)

    def agrees(self, sets: _Sets) -> bool:
        """Return whether no set of a run contradicts these; a set that is not known contradicts nothing."""
        return all(self.sets.get(place, digests) & digests for place, digests in sets.items())

    def add(self, run: str, sets: _Sets) -> None:
        """Add a run that agrees."""
        self.runs.append(run)
        for place, digests in sets.items():
            self.sets[place] = self.sets.get(place, digests) & digests


def _sets(frame: pd.DataFrame) -> pd.Series:
    """Return the label of each row's arm: empty unless arms of its name differ in a set of the same seed.

    All rows of an arm in one run belong together, whether or not they hold a digest of their own.
    """
    labels = frame["run"].map(lambda _: "")
    needed = frame[[*_NAME, "ratio", "run", "fold", "seed", "generation", "set_digest"]]
    for _, rows in needed.groupby([*_NAME, "ratio"], dropna=False, sort=False):
        if rows["run"].nunique() < 2:
            continue
        arms = _arms(rows)
        if len(arms) > 1:
            named = {run: name for arm, name in zip(arms, _names(arms), strict=True) for run in arm.runs}
            labels[rows.index] = rows["run"].map(named)
    return labels


def _arms(rows: pd.DataFrame) -> list[_Arm]:
    """Divide the runs of one arm's rows by their sets; a run joins the newest arm with which it agrees."""
    arms: list[_Arm] = []
    for run, own in rows.groupby("run", sort=False):
        # rows of several sets together carry a digest over those of the sets
        single = own[(own["seed"] >= 0) & (own["generation"] >= 0) & (own["set_digest"] != "")]
        sets: dict[tuple[str, int], frozenset[str]] = {}
        for fold, generation, name in zip(single["fold"], single["generation"], single["set_digest"], strict=True):
            place = (str(fold), int(generation))
            sets[place] = sets.get(place, frozenset()) | {str(name)}
        arm = next((one for one in reversed(arms) if one.agrees(sets)), None)
        if arm is None:
            arms.append(arm := _Arm())
        arm.add(str(run), sets)
    return arms


def _names(arms: Sequence[_Arm]) -> list[str]:
    """Return a short digest of each arm: the first of its sets that no other arm has, as in the set's manifest."""
    names = []
    for arm in arms:
        others: set[Hashable] = {item for other in arms if other is not arm for item in other.sets.items()}
        own = [min(digests) for place, digests in sorted(arm.sets.items()) if (place, digests) not in others]
        names.append((own[0] if own else digest(sorted(map(min, arm.sets.values()))))[:_SHOWN])
    return names

"""Rows of the cost of an arm, stage by stage; a reused step has the cost that it had when it was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bench.engine.step import Finished
from bench.evaluation.row_maker import Rows
from bench.plan.arms import Arm
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.stages.trial import Tested


def cost_rows(
    arm: Arm,
    generators: Sequence[Mapping[str, Finished]],
    sets: Sequence[Made | None],
    tested: Sequence[Tested],
    rows: Rows,
) -> Iterator[ScoreRow]:
    """Yield wall time, peak memory and images per second of an arm's parts, sets and networks."""
    seen: set[str] = set()  # a part that is the same under every seed was made once
    for under, parts in zip(rows.replicates.generators, generators, strict=True):
        for name, finished in parts.items():
            for what, value in finished.cost.items() if finished.key not in seen else ():
                yield rows.row(arm, {}, kind="cost", **under.columns, metric=f"fit/{name}/{what}", value=value)
            seen.add(finished.key)
    for under, made in zip(rows.replicates.sets, sets, strict=False):  # an arm may lack its sets
        if made is not None:
            n, cost = len(made.set), made.finished.cost
            rate = {"images_per_second": n / max(cost["seconds"], 1e-9)}
            for what, value in {**cost, **rate}.items():
                yield rows.row(arm, {}, kind="cost", **under.columns, metric=f"synthesize/{what}", value=value, n=n)
    for one in tested:
        columns = {"kind": "cost", **one.under.columns, "downstream": one.network, "budget": rows.budget}
        for stage, finished in (("train", one.model), ("predict", one.predictions)):
            for what, value in finished.cost.items():
                yield rows.row(arm, columns, metric=f"{stage}/{what}", value=value)

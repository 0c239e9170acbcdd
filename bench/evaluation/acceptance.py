"""How much of a pool looked like its class? For arms whose set was chosen by this criterion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from bench.evaluation.base import Evaluation, Measured
from bench.evaluation.columns import over_seeds, share_columns
from bench.evaluation.row_maker import Rows, metric_columns
from bench.results.table import ScoreRow
from bench.stages.trial import Sets, Trial

if TYPE_CHECKING:
    from metrics.entry import Metric

METRIC = "acceptance"


class Acceptance(Evaluation):
    """The share of a pool that was acceptable; sets that were drawn at random accept every image and have no rows."""

    name: ClassVar[str] = "acceptance"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The share of acceptable images."""
        from metrics.table import METRICS

        return (METRICS[METRIC],)

    async def measure(self, trial: Trial) -> Sets | None:
        """Return the sets of an arm that chooses images."""
        selection = trial.arm.selection
        return None if selection is None or not selection.chooses else await trial.sets()

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield the share of every seed's pool, and the mean over seeds; for an arm without a set, the reason."""
        for each in measured:
            if each.evidence is None:
                continue
            found = [
                {
                    **metric_columns(self.metrics[0]),
                    **under.columns,
                    "set_digest": made.set.digest,
                    **_share(made.set.manifest),
                }
                for under, made in zip(each.trial.bench.replicates.sets, each.evidence.made, strict=False)
                if made is not None and METRIC in made.set.manifest
            ]
            for columns in found:
                yield rows.row(each.trial.arm, columns)
            if len(found) > 1:
                yield rows.row(each.trial.arm, over_seeds(found))
            if each.evidence.reason:
                columns = {**metric_columns(self.metrics[0]), "reason": each.evidence.reason}
                yield rows.row(each.trial.arm, columns)


def _share(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mean over classes of the accepted share, with equal weights; classes are independent."""
    from metrics.proportion import mean_proportion

    if "accepted" not in manifest:
        return {"value": manifest[METRIC], "reason": "no interval: the set was sealed before counts were kept"}
    candidates = list(manifest["candidates"].values())
    found = mean_proportion(list(manifest["accepted"].values()), candidates)
    return share_columns(found, sum(candidates), "images of the pool")

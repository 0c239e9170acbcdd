"""GAN-test: the share of synthetic images that a network trained on real images assigns to the requested class.

Shmelkov et al., How good is my GAN?, ECCV 2018, section 3.2. It is computed with every network of a run; the
rows of a network that also chose the images say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from bench.contract import DatasetInfo
from bench.engine.session import together
from bench.engine.step import Finished
from bench.evaluation.base import Evaluation, Measured, Output
from bench.evaluation.columns import over_seeds, share_columns
from bench.evaluation.row_maker import Rows, metric_columns
from bench.plan.arms import Network
from bench.plan.seeds import Under
from bench.results.table import ScoreRow
from bench.stages.predict import SetPictures, predict, read_prediction
from bench.stages.synthesize import Made
from bench.stages.trial import Trial
from bench.synthetic import SyntheticSet

if TYPE_CHECKING:
    from metrics.entry import Metric
    from metrics.sources import LeftOut

METRIC = "gan_test"


class Judged(NamedTuple):
    """The predictions of one of the baseline's networks for the images of one synthetic set."""

    under: Under
    network: str
    made: SyntheticSet
    finished: Finished


class GanTest(Evaluation):
    """Predicts sets of labelled images with the baseline's networks of the same seed.

    Where generation is a factor of its own, these are the networks of the first training seed.
    """

    name: ClassVar[str] = "gan_test"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The share of images that are assigned to their class."""
        from metrics.table import METRICS

        return (METRICS[METRIC],)

    def about(self, info: DatasetInfo) -> bool:
        """Return whether images have a class."""
        return info.task == "tissue"

    async def measure(self, trial: Trial) -> list[Judged]:
        """Predict the images of every set."""
        if trial.baseline is None:
            return []
        networks = trial.bench.networks
        return await together(
            *(_judge(trial, made, under, network) for under, made in await trial.compared() for network in networks)
        )

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield the share under each seed, and then over seeds."""
        for each in measured:
            arm = each.trial.arm
            by_network: dict[str, list[tuple[dict[str, Any], LeftOut]]] = {}
            for judged in each.evidence:
                share, left_out = _share(judged)
                chose = judged.network == rows.selector and arm.selection is not None and arm.selection.chooses
                columns = {
                    **metric_columns(self.metrics[0]),
                    **judged.under.columns,
                    "downstream": judged.network,
                    "budget": rows.budget,
                    "set_digest": judged.made.digest,
                    **share,
                    "reason": "this network chose the images" if chose else "",
                }
                by_network.setdefault(judged.network, []).append((columns, left_out))
                yield rows.row(arm, columns)
            for group in by_network.values():
                if len(group) > 1:
                    shares, sources = zip(*group, strict=True)
                    yield rows.row(arm, over_seeds(shares, shares[0]["reason"], sources))

    def outputs(self, evidence: Sequence[Judged]) -> Iterator[Output]:
        """Yield the predictions."""
        for judged in evidence:
            yield Output("predictions", judged.finished, judged.under, judged.network, "synthetic")


async def _judge(trial: Trial, made: Made, under: Under, network: Network) -> Judged:
    assert trial.baseline is not None
    model = await trial.baseline.model(network, under.seed)
    title = f"{network.name} of real images on {trial.arm.title}, {trial.bench.replicates.title_of_set(under)}"
    pictures = SetPictures("synthetic", made.set)
    return Judged(under, network.name, made.set, await predict(trial.bench.session, network, model, pictures, title))


def _share(judged: Judged) -> tuple[dict[str, Any], LeftOut]:
    """Return the share's columns, and the share without each slide or, if the set has no slides, each image."""
    from metrics.matched import number_of_slides
    from metrics.proportion import proportion
    from metrics.sources import interval_over_sources, share_left_out

    records = judged.made.records
    seen = [read_prediction(judged.finished.path / f"{index:05d}.npz").scores for index in range(len(records))]
    right = [
        scores is not None and int(np.argmax(scores)) == record.label
        for scores, record in zip(seen, records, strict=True)
    ]
    slides = number_of_slides(judged.made.groups)
    left_out = share_left_out(right, judged.made.groups if slides else judged.made.ids)
    of_images = proportion(sum(right), len(right))
    columns = share_columns(of_images, len(right), "images of the set")
    found = interval_over_sources([left_out], bounds=(0.0, 1.0))
    if slides and not found.reason:
        low, high = min(found.low, of_images.low), max(found.high, of_images.high)
        columns |= {"se": max(found.se, of_images.se), "ci_low": low, "ci_high": high}
        columns |= {"ci_method": "groups of the set", "n_groups": slides}
    return columns, left_out

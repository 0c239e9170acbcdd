"""Does a method draw what a mask shows, according to a segmenter?

Images are drawn of test masks, without the real images. The segmenter is the network that the run trained on real data
only, so nothing is trained for this; its result on the real images of these masks is the anchor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from bench.contract import DatasetInfo, Prediction, Sample
from bench.engine.context import Run
from bench.engine.session import together
from bench.engine.step import Finished, Step
from bench.evaluation.base import Evaluation, Measured, Output, metric_versions
from bench.evaluation.comparison import Scored, valued
from bench.evaluation.masks import GivenMasks, MaskPatches, draw_masks, masks_of
from bench.evaluation.nuclei import NO_CLASSES
from bench.evaluation.over_folds import value_row
from bench.evaluation.pictures.arms import subjects
from bench.evaluation.pictures.masks import Drawn, least_faithful, same_mask
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.row_maker import Rows, metric_columns
from bench.evaluation.score import Score, mean_score, number
from bench.evaluation.statistics import Statistics, write_statistics
from bench.plan.seeds import Under
from bench.results.table import ScoreRow
from bench.stages.judge import Judge
from bench.stages.predict import SetPictures, predict, read_prediction
from bench.stages.trial import Trial
from bench.synthetic import EVALUATION, SyntheticSet

if TYPE_CHECKING:
    from metrics.entry import Metric

NEEDS_RENDERINGS = "a set made elsewhere: bring renderings of test masks in with `bench import --rendered-from test`"
SHOWS_NO_MASK = "draws images of no mask"
NEEDS_SOURCE = "shows no mask without the real patch it is from (a method that can has the attribute draws_any_mask)"


class Faithful(NamedTuple):
    """The faithfulness of one arm's images of test masks, according to the segmenter `network`.

    `drawn` has one entry per set, whose `seeds` are given; if the arm cannot draw such masks, it is empty and `reason`
    says why.
    """

    network: str
    drawn: Sequence[Drawn] = ()
    reason: str = ""
    seeds: Sequence[Under] = ()

    @property
    def scores(self) -> tuple[Finished, ...]:
        """The statistics of each set."""
        return tuple(one.scores for one in self.drawn)


class Faithfulness(Evaluation):
    """FS1 and FS2 of images that were drawn of test masks, and of the real images of these masks."""

    name: ClassVar[str] = "faithfulness"
    version: ClassVar[int] = 2

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Faithfulness scores of foregrounds and of classes."""
        from metrics.table import of_groups

        return of_groups("faithfulness")

    def about(self, info: DatasetInfo) -> bool:
        """Return whether a dataset has masks."""
        return info.task == "nuclei"

    async def measure(self, trial: Trial) -> Faithful | None:
        """Draw images of test masks under every seed and score them; None for an arm without images."""
        judge = await trial.judge()
        made = (await trial.sets()).made
        first = made[0] if made else None
        if judge is None or first is None:
            return None
        arm = trial.arm
        if arm.ready is not None:
            if first.set.use != EVALUATION:
                return Faithful(judge.network.name, reason=NEEDS_RENDERINGS)
            given = GivenMasks(trial.bench.data["test"], first.set)
            drawn = [await _score(trial, judge, given, first.set, arm.title)]
            return Faithful(judge.network.name, drawn, seeds=[Under(0, 0)])
        if "mask" not in arm.method.conditions:
            return Faithful(judge.network.name, reason=f"{arm.name} {SHOWS_NO_MASK}")
        if not arm.method.draws_any_mask:
            return Faithful(judge.network.name, reason=f"{arm.name} {NEEDS_SOURCE}")
        masks = masks_of(trial, first)
        seeds = trial.bench.replicates.sets
        drawn = await together(*(_of_seed(trial, judge, masks, under) for under in seeds))
        return Faithful(judge.network.name, drawn, seeds=seeds)

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield every score with the network that was the segmenter, or the reason why there is no score."""
        for each in measured:
            if each.evidence is None:
                continue
            read = [Statistics(finished.path) for finished in each.evidence.scores]
            seeds = each.evidence.seeds
            digests = [each.digest(under.generation) for under in seeds]
            classes = each.trial.bench.data["test"].info.classes
            for score, metric, columns in self._asked(each.evidence.network, rows):
                reason = each.evidence.reason if not read else _without_classes(metric.id, classes)
                if reason:
                    yield rows.row(each.trial.arm, columns, reason=reason)
                    continue
                columns["n"] = len(read[0])
                yield from valued(Scored(each.trial.arm, read, digests, seeds), score, metric, columns, rows)

    def rows_over_folds(
        self, measured: Sequence[Sequence[Measured]], made: Sequence[Sequence[ScoreRow]], rows: Rows
    ) -> Iterator[ScoreRow]:
        """Yield every score over all folds, from the statistics of images."""
        for folds in zip(*measured, strict=True):
            if any(each.evidence is None for each in folds):
                continue
            evidence: list[Faithful] = [each.evidence for each in folds]
            read = [[Statistics(finished.path) for finished in one.scores] for one in evidence]
            arm = folds[0].trial.arm
            for score, metric, columns in self._asked(evidence[0].network, rows):
                reason = _without_classes(metric.id, folds[0].trial.bench.data["test"].info.classes)
                if all(read) and not reason:
                    yield value_row(arm, evidence[0].seeds, read, score, metric, columns, rows)
                else:
                    reason = next((one.reason for one in evidence if not one.scores), reason)
                    yield rows.row(arm, columns, reason=reason)

    def _asked(self, network: str, rows: Rows) -> Iterator[tuple[Score, Metric, dict[str, Any]]]:
        """Yield every score with its metric and the columns that its rows share."""
        for metric in self.metrics:
            columns = {"split": "test", "downstream": network, "budget": rows.budget}
            score = mean_score(metric.id, partial(number, name=metric.id.removesuffix("/image")))
            yield score, metric, {**metric_columns(metric), **columns}

    def outputs(self, evidence: Faithful | None) -> Iterator[Output]:
        """Yield the statistics of each seed."""
        if evidence is not None:
            for under, finished in zip(evidence.seeds, evidence.scores, strict=True):
                yield Output("statistics", finished, under, evidence.network, "test")

    def pictures(self, measured: Sequence[Measured]) -> Iterator[Shown]:
        """Yield images of the first seed: what each arm drew of the same masks, and to which it is least faithful."""
        shown = [(each, each.evidence.drawn[0]) for each in subjects(measured) if each.evidence and each.evidence.drawn]
        yield from same_mask(shown)
        for each, one in shown[:1]:
            yield from least_faithful(each, one, each.evidence.network)


def _without_classes(metric: str, classes: Sequence[str]) -> str:
    """Return why a metric of classes has no number on a dataset without classes; empty for any other."""
    return NO_CLASSES if "_class" in metric and not classes else ""


async def _of_seed(trial: Trial, judge: Judge, masks: MaskPatches, under: Under) -> Drawn:
    """Draw images of the test masks with a method under one seed, and score them."""
    drawn = await draw_masks(trial, masks, under)
    return await _score(trial, judge, masks, drawn, f"{trial.arm.title}, {trial.bench.replicates.title_of_set(under)}")


async def _score(trial: Trial, judge: Judge, masks: MaskPatches, drawn: SyntheticSet, title: str) -> Drawn:
    """Segment the drawn and the real patches of masks, and compare both with the masks."""
    session, (network, model) = trial.bench.session, judge
    on_real = f"{network.name} on {masks.n} real patches of {masks.test.info.split}"
    on_drawn = f"{network.name} on {title} of test masks"
    real, seen = await together(
        predict(session, network, model, masks, on_real),
        predict(session, network, model, SetPictures("images", drawn), on_drawn),
    )
    step = ScoreMasks(place=session.numeric, title=title, masks=masks, real=real, drawn=seen)
    return Drawn(masks, drawn, seen, await session.do(step))


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreMasks(Step):
    """Compare masks with the segmentations of the drawn and of the real patches."""

    stage: ClassVar[str] = "faithfulness"

    masks: MaskPatches
    real: Finished
    drawn: Finished

    @property
    def config(self) -> dict[str, Any]:
        """Which masks are compared, and the number of classes."""
        return {**self.masks.key(), "classes": len(self.masks.test.info.classes)}

    @property
    def inputs(self) -> dict[str, str]:
        """Digest of the test split, and keys of the segmentations."""
        return {"test": self.masks.test.digest, "real": self.real.key, "drawn": self.drawn.key}

    @property
    def versions(self) -> dict[str, int]:
        """Versions of the evaluation and its metrics."""
        return metric_versions(Faithfulness())

    def run(self, folder: Path, context: Run) -> None:
        """Write one row of statistics per patch."""
        n_classes = len(self.masks.test.info.classes)
        rows = []
        with context.progress("faithfulness", self.masks.n, unit="image") as progress:
            for index, sample in enumerate(self.masks.samples()):
                paths = (done.path / f"{index:05d}.npz" for done in (self.drawn, self.real))
                of_drawn, of_real = (read_prediction(path) for path in paths)
                rows.append(mask_statistics(sample, of_drawn, of_real, n_classes))
                progress.advance(1)
        write_statistics(folder, rows)


def mask_statistics(sample: Sample, drawn: Prediction, real: Prediction, n_classes: int) -> dict[str, object]:
    """Return the scores of one patch: of its mask and the segmentations of its drawn and its real image."""
    from metrics.faithfulness import faithfulness as score

    asked, seen, seen_real = (
        type_map(side.instances, side.types, n_classes, sample.ignore) for side in (sample, drawn, real)
    )
    return {"id": sample.id, "group": sample.group, **vars(score(asked, seen, seen_real, n_classes))}


def type_map(
    instances: Int[np.ndarray, "h w"] | None,
    types: UInt8[np.ndarray, " n"] | None,
    n_classes: int,
    ignore: Bool[np.ndarray, "h w"] | None,
) -> UInt8[np.ndarray, "h w"]:
    """Return the class of each pixel: 0 background and ignored pixels, C + 1 nuclei of no class."""
    assert instances is not None
    if types is None:
        types = np.zeros(int(instances.max(initial=0)), np.uint8)
    classes = np.concatenate([[0], np.where(types == 0, n_classes + 1, types)]).astype(np.uint8)[instances]
    return classes if ignore is None else np.where(ignore, np.uint8(0), classes)

"""From finished work to rows of the results table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.contract import Dataset
from bench.engine.context import derive_seed
from bench.evaluation.acceptance import acceptance_rows
from bench.evaluation.distances.rows import distance_rows
from bench.evaluation.evidence import ArmWork
from bench.evaluation.gan_test import gan_test_rows
from bench.evaluation.nuclei import Score, faithfulness_scores, nuclei_scores, stack
from bench.evaluation.statistics import Statistics
from bench.evaluation.tissue import tissue_scores
from bench.plan.arms import BASELINE
from bench.results.table import ALL_SEEDS, ScoreRow

NO_SUMS = "no interval: a rank statistic of the whole test set, which sums over groups do not give"


class RowMaker:
    """Makes the rows of one run.

    `common` are the columns that all of its rows share, `selector` is the network that chooses images from pools.
    """

    def __init__(self, common: Mapping[str, Any], budget: str, n_resamples: int, selector: str = "") -> None:
        self._common, self._budget, self._n_resamples = common, budget, n_resamples
        self._selector = selector

    def rows(self, worked: Sequence[ArmWork], test: Dataset) -> list[ScoreRow]:
        """Return every row: of sets, test scores, differences to the baseline, faithfulness, costs."""
        made: list[ScoreRow] = []
        untested = not any(arm.tested for arm in worked)
        for arm in worked:
            for columns in (*distance_rows(arm), *acceptance_rows(arm)):
                if untested:  # no rows of test scores say it
                    columns["reason"] = "; ".join(filter(None, [columns.get("reason", ""), arm.untested]))
                made.append(self._row(arm, **columns))
            judged = gan_test_rows(arm, self._selector)
            made.extend(self._row(arm, budget=self._budget, **columns) for columns in judged)
        made.extend(self._tested(worked, test))
        for arm in worked:
            made.extend(self._faithful(arm))
        for arm in worked:
            made.extend(self._costs(arm))
        return made

    def _row(self, arm: ArmWork, **columns: Any) -> ScoreRow:
        return ScoreRow(method=arm.arm.name, variant=arm.arm.variant, **{**self._common, **columns})

    def _tested(self, worked: Sequence[ArmWork], test: Dataset) -> Iterator[ScoreRow]:
        info = test.info
        scores = list(tissue_scores(info.labels) if info.task == "tissue" else nuclei_scores(info.classes))
        networks = dict.fromkeys(tested.network for arm in worked for tested in arm.tested)
        tested = [arm for arm in worked if not arm.untested]
        for network in networks:
            read = {
                arm.arm.title: [Statistics(t.scores.path) for t in arm.tested if t.network == network] for arm in tested
            }
            for score in scores:
                yield from self._scored(tested, network, score, read)
                for arm in worked:
                    if arm.untested:
                        yield self._row(arm, **self._columns(score, network, None), reason=arm.untested)

    def _scored(
        self, worked: Sequence[ArmWork], network: str, score: Score, read: Mapping[str, Sequence[Statistics]]
    ) -> Iterator[ScoreRow]:
        """One metric of one network: values under each seed and over seeds, and differences to the baseline."""
        from metrics.uncertainty import holm, paired_difference

        groups = np.array(next(iter(read.values()))[0].groups)
        columns = self._columns(score, network, len(groups))
        if score.whole is not None:
            for arm in worked:
                yield from self._whole(arm, columns, score.whole, read[arm.arm.title])
            return
        missing = score.missing(read[BASELINE][0])
        if missing:
            for arm in worked:
                yield from (self._row(arm, **columns, seed=seed, reason=missing) for seed in range(len(arm.tested)))
            return
        for arm in worked:
            yield from self._valued(arm, columns, score, read[arm.arm.title])
        others = [arm for arm in worked if arm.arm.name != BASELINE]
        stacks = {name: stack(score, statistics) for name, statistics in read.items()}
        differences = [
            paired_difference(
                stacks[arm.arm.title],
                stacks[BASELINE],
                groups,
                score.statistic,
                rng=_generator(network, score),
                n_resamples=self._n_resamples,
            )
            for arm in others
        ]
        adjusted = holm([difference.p_value for difference in differences])
        for arm, difference, p_holm in zip(others, differences, adjusted, strict=True):
            n_seeds = len(stacks[arm.arm.title])
            over = {"seed": 0} if n_seeds == 1 else {"seed": ALL_SEEDS, "seeds": n_seeds}
            yield self._row(
                arm,
                **columns,
                **over,
                kind="difference",
                p=difference.p_value,
                p_holm=p_holm,
                **_interval(difference),
            )

    def _whole(
        self,
        arm: ArmWork,
        columns: Mapping[str, Any],
        whole: Callable[[Statistics], float],
        read: Sequence[Statistics],
    ) -> Iterator[ScoreRow]:
        """One arm's values of a number that no sums give: under each seed without an interval, then over seeds."""
        from metrics.uncertainty import spread_over_seeds

        values = [whole(statistics) for statistics in read]
        for seed, value in enumerate(values):
            reason = NO_SUMS if np.isfinite(value) else "the metric is undefined on these images"
            yield self._row(arm, **columns, seed=seed, value=value, reason=reason)
        if len(values) > 1:
            spread = _interval(spread_over_seeds(values, bounds=(0.0, 1.0)))
            yield self._row(arm, **columns, seed=ALL_SEEDS, seeds=len(values), **spread)

    def _faithful(self, arm: ArmWork) -> Iterator[ScoreRow]:
        """Faithfulness to test masks, with the network that was the segmenter; or the reason why there is none."""
        if arm.faithful is None:
            return
        read = [Statistics(finished.path) for finished in arm.faithful.scores]
        for score in faithfulness_scores():
            columns = self._columns(score, arm.faithful.network, len(read[0]) if read else None)
            if read:
                yield from self._valued(arm, columns, score, read)
            else:
                yield self._row(arm, **columns, reason=arm.faithful.reason)

    def _valued(
        self, arm: ArmWork, columns: Mapping[str, Any], score: Score, read: Sequence[Statistics]
    ) -> Iterator[ScoreRow]:
        """One arm's values of a metric with their intervals: under each seed, then over seeds."""
        from metrics.uncertainty import arm_interval

        values, groups = stack(score, read), np.array(read[0].groups)
        skipped = [score.skipped(statistics) for statistics in read]
        remarks = [score.remark(statistics) for statistics in read]

        def interval(some: np.ndarray, remark: str) -> dict[str, Any]:
            rng = _generator(str(columns["downstream"]), score)
            found = arm_interval(some, groups, score.statistic, rng=rng, n_resamples=self._n_resamples)
            told = _interval(found)
            return {**told, "reason": "; ".join(filter(None, [told["reason"], remark]))}

        for seed in range(len(values)):
            made = arm.sets[seed]
            digest = "" if made is None else made[1].digest
            own = interval(values[seed : seed + 1], remarks[seed])
            yield self._row(arm, **columns, seed=seed, set_digest=digest, n_skipped=skipped[seed], **own)
        if len(values) > 1:
            most = None if skipped[0] is None else max(filter(None, skipped), default=0)
            all_seeds = interval(values, "")
            yield self._row(arm, **columns, seed=ALL_SEEDS, seeds=len(values), n_skipped=most, **all_seeds)

    def _columns(self, score: Score, network: str, n: int | None) -> dict[str, Any]:
        """Return what all rows of one metric share."""
        from metrics.table import metric

        entry = metric(score.metric)
        return {
            "split": "test",
            "downstream": network,
            "budget": self._budget,
            "metric": score.metric,
            "class": score.class_,
            "direction": entry.direction,
            "aggregation": entry.aggregation,
            "protocol": entry.protocol_version,
            "n": n,
        }

    def _costs(self, arm: ArmWork) -> Iterator[ScoreRow]:
        """Wall time, peak memory and images a second, stage by stage; a reused job costs what it cost when done."""
        for name, finished in arm.fitted.items():
            for what, value in finished.cost.items():
                yield self._row(arm, kind="cost", metric=f"fit/{name}/{what}", value=value)
        for seed, made in enumerate(arm.sets):
            if made is not None:
                finished, synthetic = made
                rate = {"images_per_second": len(synthetic) / max(finished.cost["seconds"], 1e-9)}
                for what, value in {**finished.cost, **rate}.items():
                    yield self._row(
                        arm, kind="cost", seed=seed, metric=f"synthesize/{what}", value=value, n=len(synthetic)
                    )
        for tested in arm.tested:
            for stage, job in (("train", tested.model), ("predict", tested.predictions)):
                for what, value in job.cost.items():
                    yield self._row(
                        arm,
                        kind="cost",
                        seed=tested.seed,
                        downstream=tested.network,
                        budget=self._budget,
                        metric=f"{stage}/{what}",
                        value=value,
                    )


def _generator(network: str, score: Score) -> np.random.Generator:
    """Return the generator of a metric's resamples, the same for every arm: differences are paired."""
    return np.random.default_rng(derive_seed("bootstrap", network, score.metric, score.class_))


def _interval(interval: Any) -> dict[str, Any]:
    """Columns of an interval; a missing value or missing bounds come with their reason."""
    return {
        "value": interval.value,
        "se": interval.se,
        "ci_low": interval.low,
        "ci_high": interval.high,
        "ci_method": interval.method,
        "reason": interval.reason,
    }

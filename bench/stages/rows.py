"""From finished work to rows of the results table."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from bench.contract import Dataset
from bench.results import ALL_SEEDS, ScoreRow
from bench.runtime import derive_seed
from bench.stages.arms import BASELINE
from bench.stages.evaluate import Statistics
from bench.stages.scores import Score, nuclei_scores, stack
from bench.stages.work import ArmWork

NO_FD_INTERVAL = "no interval: resampling biases a Frechet distance; read it against the floor, and over seeds"


class RowMaker:
    """Makes the rows of one run; `common` are the columns that all of its rows share."""

    def __init__(self, common: Mapping[str, Any], budget: str, n_resamples: int) -> None:
        self._common, self._budget, self._n_resamples = common, budget, n_resamples

    def rows(self, worked: Sequence[ArmWork], test: Dataset) -> list[ScoreRow]:
        """Return every row: distances, test scores, differences to the baseline, costs."""
        made: list[ScoreRow] = []
        for arm in worked:
            made.extend(self._distances(arm))
        made.extend(self._tested(worked, test))
        for arm in worked:
            made.extend(self._costs(arm))
        return made

    def _row(self, arm: ArmWork, **columns: Any) -> ScoreRow:
        return ScoreRow(method=arm.arm.name, variant=arm.arm.variant, **{**self._common, **columns})

    def _distances(self, arm: ArmWork) -> Iterator[ScoreRow]:
        """Distances of every seed's set, and their mean and spread over seeds."""
        from metrics.table import distance_name, metric

        found: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
        for seed, split, handle, finished in arm.distances:
            result = json.loads((finished.path / "fidelity.json").read_text())
            made = arm.sets[seed]
            for kind in ("fd", "kd"):
                name = distance_name(kind, handle.metric_name)
                columns = {
                    "metric": name,
                    "split": split,
                    "encoder": handle.identity,
                    "value": result[kind],
                    "n": result["n"],
                    "floor": None if result["floor"] is None else result["floor"][kind],
                    "direction": metric(name).direction,
                    "protocol": metric(name).protocol_version,
                    "aggregation": metric(name).aggregation,
                    "set_digest": "" if made is None else made[1].digest,
                    **(_kd_interval(result) if kind == "kd" else {"reason": NO_FD_INTERVAL}),
                }
                found.setdefault((name, split, handle.identity), []).append(columns)
                yield self._row(arm, seed=seed, **columns)
        for rows in found.values():
            if len(rows) > 1:
                yield self._row(arm, **_over_seeds(rows))

    def _tested(self, worked: Sequence[ArmWork], test: Dataset) -> Iterator[ScoreRow]:
        scores = list(nuclei_scores(test.info.classes))
        networks = dict.fromkeys(tested.network for arm in worked for tested in arm.tested)
        for network in networks:
            read = {
                arm.arm.name: [Statistics(t.scores.path) for t in arm.tested if t.network == network] for arm in worked
            }
            for score in scores:
                yield from self._scored(worked, network, score, read)

    def _scored(
        self, worked: Sequence[ArmWork], network: str, score: Score, read: Mapping[str, Sequence[Statistics]]
    ) -> Iterator[ScoreRow]:
        """One metric of one network: values under each seed and over seeds, and differences to the baseline."""
        from metrics.table import metric
        from metrics.uncertainty import arm_interval, holm, paired_difference

        entry = metric(score.metric)
        groups = np.array(next(iter(read.values()))[0].groups)
        columns = {
            "split": "test",
            "downstream": network,
            "budget": self._budget,
            "metric": score.metric,
            "class": score.class_,
            "direction": entry.direction,
            "aggregation": entry.aggregation,
            "protocol": entry.protocol_version,
            "n": len(groups),
        }

        def rng(*scope: str | int) -> np.random.Generator:
            return np.random.default_rng(derive_seed("bootstrap", network, score.metric, score.class_, *scope))

        stacks = {name: stack(score, statistics) for name, statistics in read.items()}
        for arm in worked:
            values = stacks[arm.arm.name]
            for seed in range(len(values)):
                interval = arm_interval(
                    values[seed : seed + 1], groups, score.statistic, rng=rng(), n_resamples=self._n_resamples
                )
                made = arm.sets[seed]
                digest = "" if made is None else made[1].digest
                yield self._row(arm, **columns, seed=seed, set_digest=digest, **_interval(interval))
            if len(values) > 1:
                interval = arm_interval(values, groups, score.statistic, rng=rng(), n_resamples=self._n_resamples)
                yield self._row(arm, **columns, seed=ALL_SEEDS, seeds=len(values), **_interval(interval))
        others = [arm for arm in worked if arm.arm.name != BASELINE]
        differences = [
            paired_difference(
                stacks[arm.arm.name],
                stacks[BASELINE],
                groups,
                score.statistic,
                rng=rng(),
                n_resamples=self._n_resamples,
            )
            for arm in others
        ]
        adjusted = holm([difference.p_value for difference in differences])
        for arm, difference, p_holm in zip(others, differences, adjusted, strict=True):
            n_seeds = len(stacks[arm.arm.name])
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


def _kd_interval(result: Mapping[str, Any]) -> dict[str, Any]:
    se = result["kd_se"]
    if se is None or not np.isfinite(se):
        return {"reason": "no interval: the jackknife needs at least two groups"}
    return {
        "se": se,
        "ci_low": result["kd"] - 1.96 * se,
        "ci_high": result["kd"] + 1.96 * se,
        "ci_method": "jackknife over groups",
    }


def _over_seeds(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The mean of a distance over generation seeds, with Student's interval of the mean."""
    from scipy.stats import t

    values = np.array([row["value"] for row in rows], dtype=np.float64)
    se = float(values.std(ddof=1) / np.sqrt(len(values)))
    half = float(t.ppf(0.975, len(values) - 1)) * se
    mean = float(values.mean())
    floors = [row["floor"] for row in rows if row["floor"] is not None]
    return {
        **rows[0],
        "seed": ALL_SEEDS,
        "seeds": len(values),
        "value": mean,
        "se": se,
        "ci_low": mean - half,
        "ci_high": mean + half,
        "ci_method": "seeds",
        "floor": float(np.mean(floors)) if floors else None,
        "set_digest": "",
        "reason": "",
    }

"""Does a sealed set contain test images, or images that are closer to them than any training image is?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.contract import Dataset
from bench.digest import write_json
from bench.engine.context import Run
from bench.engine.session import together
from bench.engine.step import Finished, Step
from bench.evaluation.base import Evaluation, Measured, Output, metric_versions
from bench.evaluation.row_maker import Rows
from bench.formats.parallel import ordered_map
from bench.plan.seeds import Under
from bench.results.table import ScoreRow
from bench.stages.synthesize import Made
from bench.stages.trial import Trial
from bench.synthetic import SyntheticSet

if TYPE_CHECKING:
    from metrics.entry import Metric

RESULT = "leakage.json"
# Real patches per split for each synthetic image that a preset compares.
REAL = 10
LISTED = 5


@dataclass(frozen=True)
class Patches:
    """At most `n` real patches of one split, cut from tiles along a grid, for a comparison of whole patches."""

    data: Dataset
    size: int
    n: int

    def images(self, rng: np.random.Generator, ids: list[str]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        """Yield patches, with tiles in a seeded order; the id of each patch's tile is appended to `ids`."""
        return islice(self._all(rng, ids), self.n)

    def _all(self, rng: np.random.Generator, ids: list[str]) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
        for index in rng.permutation(len(self.data)):
            sample = self.data[int(index)]
            for y in _starts(sample.image.shape[0], self.size):
                for x in _starts(sample.image.shape[1], self.size):
                    ids.append(sample.id)
                    yield sample.image[y : y + self.size, x : x + self.size]


@dataclass(frozen=True, kw_only=True, eq=False)
class Look(Step):
    """Compare a set with the real patches of both splits, at most `n` of each."""

    stage: ClassVar[str] = "leakage"

    synthetic: SyntheticSet
    train: Dataset
    test: Dataset
    n: int

    @property
    def config(self) -> dict[str, Any]:
        """The number of real patches."""
        return {"n": self.n}

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of the set and of both splits."""
        return {"set": self.synthetic.digest, "train": self.train.digest, "test": self.test.digest}

    @property
    def versions(self) -> dict[str, int]:
        """Version of the evaluation."""
        return metric_versions(Leakage())

    def run(self, folder: Path, context: Run) -> None:
        """Write the findings."""
        write_json(folder / RESULT, _look(self.synthetic, self.train, self.test, self.n, context))


class Found(NamedTuple):
    """The findings about the set of some seeds."""

    under: Under
    finished: Finished


class Leakage(Evaluation):
    """Compares the sets of the arms that a run is about; findings are warnings and are kept in the document."""

    name: ClassVar[str] = "leakage"

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Empty: findings are not numbers."""
        return ()

    async def measure(self, trial: Trial) -> list[Found]:
        """Compare every set with the real patches of both splits, and warn if it shows test images."""
        if trial.arm not in trial.bench.subjects:
            return []
        sets = await trial.compared()
        found = await together(*(_leakage(trial, made, under) for under, made in sets))
        return [Found(under, finished) for (under, _), finished in zip(sets, found, strict=True)]

    def rows(self, measured: Sequence[Measured], rows: Rows) -> Iterator[ScoreRow]:
        """Yield nothing."""
        return iter(())

    def outputs(self, evidence: Sequence[Found]) -> Iterator[Output]:
        """Yield the findings about each set."""
        for under, finished in evidence:
            yield Output("statistics", finished, under)

    def findings(self, evidence: Sequence[Found]) -> list[dict[str, Any]]:
        """Return the findings about each set."""
        return [read_leakage(found.finished) for found in evidence]


async def _leakage(trial: Trial, made: Made, under: Under) -> Finished:
    session, data = trial.bench.session, trial.bench.data
    title = f"{trial.arm.title}, {trial.bench.replicates.title_of_set(under)}"
    step = Look(
        place=session.numeric,
        title=title,
        synthetic=made.set,
        train=data["train"],
        test=data["test"],
        n=REAL * trial.bench.preset.reference_samples,
    )
    finished = await session.do(step)
    for line in warnings(read_leakage(finished)):
        session.reporter.warn(f"{title}: {line}")
    return finished


def read_leakage(finished: Finished) -> dict[str, Any]:
    """Return the findings about one set."""
    found: dict[str, Any] = json.loads((finished.path / RESULT).read_text(encoding="utf-8"))
    return found


def warnings(found: dict[str, Any]) -> Iterator[str]:
    """Yield a warning for each finding that should not occur."""
    copies = found["copies"]
    if copies:
        shown = ", ".join(f"{made} like {hidden}" for made, hidden in copies[:LISTED])
        more = f" and {len(copies) - LISTED} more" if len(copies) > LISTED else ""
        yield f"{len(copies)} images look like test images that are not in the training split: {shown}{more}"
    # three standard deviations of a binomial count above the number expected by chance
    chance, n = found["by_chance"], found["n_test"]
    if n and found["nearer"] > chance + 3 * np.sqrt(max(chance * (1 - chance / n), 1.0)):
        yield f"it is nearer than any training patch to {found['nearer']} of {n} test patches (by chance: {chance:.0f})"


def _look(synthetic: SyntheticSet, train: Dataset, test: Dataset, n: int, run: Run) -> dict[str, Any]:
    from bench.datasets.checks.copies import near_copies

    size = synthetic.image(0).shape[0]
    of_train: list[str] = []
    of_test: list[str] = []
    report = near_copies(
        ordered_map(synthetic.image, range(len(synthetic)), run.threads),
        Patches(train, size, n).images(run.rng("train"), of_train),
        Patches(test, size, n).images(run.rng("test"), of_test),
    )
    names = synthetic.ids
    return {
        "exact": [[names[made], of_test[hidden]] for made, hidden in report.exact],
        "copies": [[names[made], of_test[hidden]] for made, hidden in report.copies],
        "nearer": report.nearer,
        "by_chance": report.by_chance,
        "n_test": report.n_test,
        "nearest": [
            [names[copy.synthetic], of_test[copy.test], copy.distance, copy.train_distance] for copy in report.nearest
        ],
    }


def _starts(length: int, size: int) -> range:
    return range(0, max(length - size, 0) + 1, size)

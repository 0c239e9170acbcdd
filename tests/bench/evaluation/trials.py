"""Arms at work whose sets and judge are given, for evaluations to be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.config import Preset, load_preset
from bench.contract import Dataset
from bench.engine.session import Session
from bench.evaluation.row_maker import Rows
from bench.plan.arms import Arm, Network
from bench.stages.judge import Judge
from bench.stages.synthesize import Made
from bench.stages.trial import Bench, Sets, Trial

ROWS = Rows({"run": "r", "dataset": "toy", "fold": "", "preset": "tiny"}, "steps:1", selector="vit")


class Given(Trial):
    """A trial that makes nothing: its sets, the reason for their lack and its judge are given."""

    def __init__(
        self, bench: Bench, arm: Arm, made: Sequence[Made | None] = (), reason: str = "", judge: Judge | None = None
    ) -> None:
        super().__init__(bench, arm)
        self._given, self._judge = Sets(made, reason), judge

    async def sets(self) -> Sets:
        return self._given

    async def judge(self) -> Judge | None:
        return self._judge


def bench_of(
    session: Session,
    data: Mapping[str, Dataset],
    *subjects: Arm,
    preset: Preset | None = None,
    networks: Sequence[Network] = (),
    seeds: int = 1,
) -> Bench:
    """Return what trials of arms share, at preset `tiny` unless told otherwise, without encoders."""
    return Bench(session, preset or load_preset("tiny"), data, networks, [], seeds, subjects)

"""Parts under several seeds: what reads data is trained anew, what is only read from a file is the same."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.contract import Dataset, Part, RunContext, Settings
from bench.engine.session import Session, drive
from bench.plan.arms import Arm
from bench.stages.fit import fit_parts
from tests import toy, toy_tissue

TRAIN = frozenset({"train"})


class Painter(toy_tissue.Painter):
    """A released part, one that is trained on it, and one that reads no data but builds on the trained one."""

    def parts(self) -> Sequence[Part]:
        released = Part("released", frozenset(), (), Settings())
        trained = Part("trained", TRAIN, ("released",), Settings())
        return [released, trained, Part("merged", frozenset(), ("trained",), Settings())]

    def fit(
        self, part: Part, data: Mapping[str, Dataset], fitted: Mapping[str, Path], out: Path, run: RunContext
    ) -> None:
        (out / "seed.json").write_text(json.dumps(run.seed))


def test_parts_that_are_trained_differ_between_seeds(session: Session) -> None:
    arm = Arm("painter", "", Painter(toy_tissue.PainterConfig()))
    data = {"train": toy.NucleiDataset()}
    first, second, default = (drive(fit_parts(session, arm, data, *seed)) for seed in ((0,), (1,), ()))
    keys = [{name: finished.key for name, finished in parts.items()} for parts in (first, second, default)]
    assert keys[0] == keys[2]
    assert {name: keys[0][name] == keys[1][name] for name in keys[0]} == {
        "released": True,
        "trained": False,
        "merged": False,
    }
    assert json.loads((second["trained"].path / "seed.json").read_text()) == 1

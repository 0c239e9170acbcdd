"""GAN-test: the share of a set that each of the baseline's networks takes for the class asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import Condition, Prediction
from bench.engine.session import Session
from bench.evaluation.base import Measured
from bench.evaluation.gan_test import GanTest, Judged
from bench.plan.arms import Arm
from bench.plan.ratios import expand
from bench.plan.seeds import Under
from bench.results.table import ALL_SEEDS, ScoreRow
from bench.stages.predict import write_prediction
from bench.synthetic import SyntheticSet, SyntheticSetWriter
from methods.selection import SelectionArm
from tests import toy_tissue
from tests.bench.conftest import finished
from tests.bench.evaluation.trials import ROWS, Given, bench_of

TRAIN = toy_tissue.TissueDataset(n_tiles=6, size=8)
ASKED = (0, 1, 2, 0, 1, 2, 0, 1)


def sealed(folder: Path) -> SyntheticSet:
    blank = np.zeros((8, 8, 3), np.uint8)
    folder.mkdir(parents=True)
    writer = SyntheticSetWriter(folder, TRAIN.info, {})
    for number, label in enumerate(ASKED):
        plain = Condition(id=f"c{number}", kind="class", seed=number, label=label)
        writer.write(number, plain, blank + number)
    writer.seal(len(ASKED), {"method": "painter", "use": "training"})
    return SyntheticSet(folder)


def judged(folder: Path, made: SyntheticSet, seed: int, network: str, wrong: int) -> Judged:
    """Predictions that take the first `wrong` images for another class."""
    done = finished(folder, "predict")
    for number, label in enumerate(ASKED):
        scores = np.full(3, 0.1, np.float32)
        scores[(label + (number < wrong)) % 3] = 0.8
        write_prediction(folder / f"{number:05d}.npz", Prediction(scores=scores))
    return Judged(Under(seed, seed), network, made, done)


def arm(rule: str) -> Arm:
    selection = SelectionArm.model_validate({"rule": rule, "ratio": 1.0})
    (found,) = expand(Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig(selection=(selection,)))))
    return found


def rows(session: Session, rule: str) -> list[ScoreRow]:
    folder = session.store.root
    first, second = sealed(folder / "set0"), sealed(folder / "set1")
    seen = [
        judged(folder / "a0", first, 0, "vit", 0),
        judged(folder / "b0", first, 0, "colour", 4),
        judged(folder / "a1", second, 1, "vit", 2),
        judged(folder / "b1", second, 1, "colour", 6),
    ]
    chosen = arm(rule)
    trial = Given(bench_of(session, {"train": TRAIN}, chosen), chosen)
    return list(GanTest().rows([Measured(trial, [], seen)], ROWS))


def test_the_share_of_each_network_and_seed_with_wilsons_interval(session: Session) -> None:
    found = {(row.downstream, row.seed): row for row in rows(session, "centroid")}
    assert {key: row.value for key, row in found.items() if key[1] != ALL_SEEDS} == {
        ("vit", 0): 1.0,
        ("colour", 0): 0.5,
        ("vit", 1): 0.75,
        ("colour", 1): 0.25,
    }
    half = found["colour", 0]
    assert (half.n, half.metric, half.direction) == (8, "gan_test", "higher")
    assert (half.ci_low, half.ci_high) == pytest.approx((0.2152, 0.7848), abs=1e-4)
    assert found["colour", ALL_SEEDS].value == 0.375


@pytest.mark.parametrize(("rule", "said"), [("centroid", "this network chose the images"), ("random", "")])
def test_a_network_that_chose_the_images_is_told(session: Session, rule: str, said: str) -> None:
    told = {row.downstream: row.reason for row in rows(session, rule) if row.seed == 0}
    assert told == {"vit": said, "colour": ""}

"""Reconstruction: a method that gives images back unchanged, one that gives back grey, one that decodes no latents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.config import load_preset
from bench.contract import MethodBase, Part, Settings
from bench.engine.session import Session, drive
from bench.errors import DataError
from bench.evaluation.base import Measured
from bench.evaluation.reconstruction import Evidence, Reconstructions
from bench.evaluation.statistics import Statistics
from bench.plan.arms import Arm
from bench.plan.encoders import encoder_handle
from bench.results.table import ResultsStore, ScoreRow, read_rows
from bench.run.pipeline import run_request
from methods.controls import Copy
from methods.patches import PatchSettings
from tests import toy
from tests.bench.conftest import request
from tests.bench.evaluation.trials import ROWS, Given, bench_of

DATA = {
    "train": toy.NucleiDataset(n_tiles=4, size=64),
    "test": toy.NucleiDataset(n_tiles=12, size=64, seed=9, split="test"),
}
CODEC = Part("codec", frozenset({"train"}), (), Settings())


class Perfect(MethodBase):
    """Gives every image back as it is."""

    first_stage = "codec"
    roles = frozenset({"train"})

    def __init__(self) -> None:
        self.config, self.ratio = PatchSettings(), 1.0

    def parts(self) -> tuple[Part, ...]:
        return (CODEC,)

    def fit(self, part: Part, data: Any, fitted: Any, out: Path, run: Any) -> None:
        (out / "trained").write_text("yes")

    def plan(self, *given: Any) -> Iterator[Any]:
        return iter(())

    def render(self, *given: Any) -> Iterator[Any]:
        return iter(())

    def reconstruct(self, images: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
        assert [*fitted] == ["codec"]
        assert (fitted["codec"] / "trained").read_text() == "yes"
        yield from map(self.give_back, images)

    def give_back(self, image: np.ndarray) -> np.ndarray:
        return image


class Grey(Perfect):
    """Gives back one grey for every pixel."""

    def give_back(self, image: np.ndarray) -> np.ndarray:
        return np.full_like(image, 128)


class Smaller(Perfect):
    """Gives back images of another size."""

    def give_back(self, image: np.ndarray) -> np.ndarray:
        return image[::2, ::2]


def trial(session: Session, method: MethodBase, *encoders: str, weights: Path | None = None) -> Given:
    arm = Arm("codec", "", method)
    preset = load_preset("tiny", {"patch": 32, "reference_samples": 24})
    handles = [encoder_handle(name, None) for name in encoders]
    return Given(replace(bench_of(session, DATA, arm, preset=preset), encoders=handles, weights=weights), arm)


def rows_of(session: Session, method: MethodBase, *encoders: str, weights: Path | None = None) -> list[ScoreRow]:
    asked = trial(session, method, *encoders, weights=weights)
    evidence = drive(Reconstructions().measure(asked))
    return list(Reconstructions().rows([Measured(asked, [], evidence)], ROWS))


def test_what_is_given_back_unchanged_is_perfect(session: Session) -> None:
    rows = {row.metric: row for row in rows_of(session, Perfect(), "random-convnet")}
    assert [*rows] == ["mse", "ssim", "perceptual@random-convnet"]
    assert (rows["mse"].value, rows["mse"].direction) == (0, "lower")
    assert (rows["ssim"].value, rows["ssim"].direction) == (pytest.approx(1), "higher")
    assert (rows["perceptual@random-convnet"].value, rows["perceptual@random-convnet"].direction) == (0, "lower")


def test_grey_is_worse_in_every_metric(session: Session) -> None:
    rows = {row.metric: row for row in rows_of(session, Grey(), "random-convnet")}
    assert rows["mse"].value > 0.02
    assert rows["ssim"].value < 0.5
    assert rows["perceptual@random-convnet"].value > 0.1
    for row in rows.values():
        assert (row.split, row.seed, row.n, row.downstream, row.budget) == ("test", 0, 24, "", "")
        assert row.ci_low is not None
        assert row.ci_low < row.value < row.ci_high
    assert rows["mse"].encoder == ""
    assert "scales" in rows["perceptual@random-convnet"].encoder


def test_statistics_are_those_of_test_patches(session: Session) -> None:
    evidence = drive(Reconstructions().measure(trial(session, Grey())))
    assert isinstance(evidence, Evidence)
    statistics = Statistics(evidence.scores[0].path)
    assert set(statistics.groups) == set(DATA["test"].groups)
    assert len(set(statistics.ids)) == len(statistics) == 24
    for name, error in zip(statistics.ids, statistics.numbers("mse"), strict=True):
        tile, y, x, size = name.rsplit(" ", 3)
        sample = DATA["test"][list(DATA["test"].ids).index(tile)]
        pixels = sample.image[int(y) : int(y) + int(size), int(x) : int(x) + int(size)]
        assert error == pytest.approx(((pixels / 255 - 128 / 255) ** 2).mean())


def test_other_encoders_ask_for_lpips_and_without_weights_the_row_says_so(session: Session, tmp_path: Path) -> None:
    for encoders in (("inception",), ("inception", "random-convnet")):
        rows = {row.metric: row for row in rows_of(session, Perfect(), *encoders, weights=tmp_path)}
        assert rows["lpips"].value is None
        assert "alexnet-owt-7be5be79.pth" in rows["lpips"].reason
        assert ("perceptual@random-convnet" in rows) == ("random-convnet" in encoders)
        assert rows["mse"].value == 0


def test_only_methods_that_decode_latents_are_asked(session: Session) -> None:
    assert rows_of(session, Copy(PatchSettings(patch_size=32)), "random-convnet") == []


def test_images_of_another_size_are_refused(session: Session) -> None:
    with pytest.raises(DataError, match="not of one shape"):
        rows_of(session, Smaller(), "random-convnet")


def test_methods_with_one_autoencoder_share_the_step(session: Session) -> None:
    def key(method: MethodBase) -> str:
        evidence = drive(Reconstructions().measure(trial(session, method)))
        assert isinstance(evidence, Evidence)
        return evidence.scores[0].key

    class Other(Perfect):
        version = 2

    class Raised(Perfect):
        version = 2

        def reconstruct(self, images: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
            yield from images

    assert key(Other()) == key(Perfect())
    assert key(Raised()) != key(Perfect())


@pytest.mark.slow
def test_a_run_of_pathdiff_has_the_rows(tmp_path: Path) -> None:
    outcome = run_request(request(tmp_path / "store", method="pathdiff-m", controls=()))
    rows = read_rows([ResultsStore(outcome.store).root / f"{outcome.run}.parquet"]).set_index("metric")
    for name in ("mse", "ssim", "perceptual@random-convnet"):
        row = rows.loc[name]
        assert (row["method"], row["split"], row["n"]) == ("pathdiff-m", "test", 32)
        assert row["ci_low"] <= row["value"] <= row["ci_high"]
    assert 0 < rows.loc["mse", "value"] < 0.2

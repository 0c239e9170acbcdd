"""The colour baseline: separates colours, is blind to texture, weighs synthetic images at their share."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.contract import Budget, Downstream, TrainingMix
from bench.errors import DataError
from downstream.colour import ColourConfig, ColourHistogram, colour_vector
from tests.toy import Run
from tests.toy_textures import TextureDataset

BUDGET = Budget("steps", 5)


def scores(mix: TrainingMix, test: TextureDataset, out: Path, seed: int = 0) -> np.ndarray:
    out.mkdir(exist_ok=True)
    network = ColourHistogram(ColourConfig())
    network.fit(mix, BUDGET, out, Run(seed=seed))
    images = (sample.image for sample in test.samples)
    return np.stack([p.scores for p in network.predict(images, out, Run()) if p.scores is not None])


def accuracy(mix: TrainingMix, test: TextureDataset, out: Path) -> float:
    return float((scores(mix, test, out).argmax(1) == test.labels).mean())


def test_is_imported_without_torch_and_scikit_learn() -> None:
    code = "import sys, downstream.colour; print(sorted({'torch', 'sklearn', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(ColourHistogram(ColourConfig()), Downstream)


def test_separates_colours_and_not_textures(tmp_path: Path) -> None:
    for kind, low, high in (("colour", 1.0, 1.0), ("texture", 0.15, 0.55)):
        train, test = TextureDataset(8, kind=kind), TextureDataset(20, seed=1, kind=kind, split="test")
        assert low <= accuracy(TrainingMix(train), test, tmp_path / kind) <= high


def test_permuted_labels_give_chance(tmp_path: Path) -> None:
    train, test = TextureDataset(30, kind="colour"), TextureDataset(20, seed=1, kind="colour", split="test")
    found = []
    for seed in range(5):
        labels = np.random.default_rng(seed).permutation(train.labels)
        permuted = replace_labels(train, labels)
        found.append(accuracy(TrainingMix(permuted), test, tmp_path / str(seed)))
    assert np.mean(found) < 0.6


def replace_labels(data: TextureDataset, labels: np.ndarray) -> TextureDataset:
    permuted = TextureDataset(data.per_class, kind=data.kind)
    permuted.samples = [replace(s, label=int(label)) for s, label in zip(data.samples, labels, strict=True)]
    return permuted


def test_probabilities_and_features(tmp_path: Path) -> None:
    train = TextureDataset(4, kind="colour")
    found = scores(TrainingMix(train), train, tmp_path)
    assert found.dtype == np.float32
    assert found.shape == (12, 3)
    np.testing.assert_allclose(found.sum(1), 1, atol=1e-6)
    vectors = ColourHistogram(ColourConfig()).features((s.image for s in train.samples), tmp_path, Run())
    assert vectors.dtype == np.float32
    assert vectors.shape == (12, 3 * 16 + 4**3 + 10)
    shuffled = np.random.default_rng(0).permutation(train[0].image.reshape(-1, 3)).reshape(train[0].image.shape)
    np.testing.assert_allclose(colour_vector(shuffled, ColourConfig()), vectors[0], atol=1e-5)


def test_same_fit_whatever_the_seed_and_budget(tmp_path: Path) -> None:
    train = TextureDataset(4, kind="colour")
    one = scores(TrainingMix(train), train, tmp_path / "a")
    assert (one == scores(TrainingMix(train), train, tmp_path / "b", seed=9)).all()


def test_synthetic_images_weigh_their_share(tmp_path: Path) -> None:
    real = TextureDataset(4, kind="colour")
    wrong = replace_labels(TextureDataset(4, kind="colour"), (real.labels + 1) % 3)  # the same images, the next class
    for fraction in (0.25, 0.75, 1.0):
        found = scores(TrainingMix(real, wrong, fraction), real, tmp_path / str(fraction))
        mean = found[np.arange(12), (real.labels + 1) % 3].mean()
        assert mean == pytest.approx(fraction, abs=0.12)
    many = TextureDataset(4, kind="colour")
    many.samples = wrong.samples * 5
    again = scores(TrainingMix(real, many, 0.25), real, tmp_path / "many")
    np.testing.assert_allclose(again, scores(TrainingMix(real, wrong, 0.25), real, tmp_path / "few"), atol=1e-3)


def test_class_without_images_gets_no_probability_and_order_is_the_datasets(tmp_path: Path) -> None:
    train = TextureDataset(6, kind="colour")
    train.samples = [sample for sample in train.samples if sample.label != 1]
    test = TextureDataset(3, seed=1, kind="colour")
    found = scores(TrainingMix(train), test, tmp_path)
    assert found.shape == (9, 3)
    assert (found[:, 1] == 0).all()
    assert (found.argmax(1) == test.labels)[test.labels != 1].all()
    train.samples = [sample for sample in train.samples if sample.label == 0]
    with pytest.raises(DataError, match="two classes"):
        scores(TrainingMix(train), test, tmp_path)

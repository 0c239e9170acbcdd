"""What the command line names: files of features, or folders through one encoder, never both."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from bench.engine.reporter import Reporter
from bench.errors import BenchError
from bench.scoring.feature_sets import load_sets
from bench.scoring.images import score_images


def load(real, synthetic, test=None, encoder=None):
    reporter = Reporter(quiet=True)
    return load_sets(real, synthetic, test, encoder=encoder, weights=None, device="cpu", reporter=reporter)


@pytest.fixture
def files(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("r", "s"):
        np.save(tmp_path / f"{name}.npy", rng.normal(size=(9, 4)))
        (tmp_path / name).mkdir()
        for index in range(3):
            Image.fromarray(rng.integers(0, 256, (24, 20 + index, 3)).astype(np.uint8)).save(
                tmp_path / name / f"{index}.png"
            )
    return tmp_path


def test_files_are_taken_as_they_are(files) -> None:
    found = load(files / "r.npy", files / "s.npy", files / "r.npy")
    assert found.encoder == "features"
    np.testing.assert_array_equal(found.synthetic, np.load(files / "s.npy"))
    np.testing.assert_array_equal(found.test, found.real)


def test_folders_go_through_the_encoder(files) -> None:
    found = load(files / "r", files / "s")
    assert found.encoder == "random-convnet"
    assert found.test is None
    assert found.real.shape == found.synthetic.shape == (3, 198)
    assert np.isfinite(found.real).all()
    assert not np.allclose(found.real, found.synthetic)


def test_kinds_are_not_mixed_and_names_are_checked(files) -> None:
    wrong = (
        ((files / "r.npy", files / "s"), "--real is a file, --synthetic is a folder"),
        ((files / "r.npy", files / "s.npy", None, "inception"), "--encoder inception"),
        ((files / "r", files / "s", None, "inceptoin"), "did you mean 'inception'"),
        ((files / "r", files / "s", None, "inception"), "--encoder random-convnet"),
        ((files / "r", files / "none"), "no such file or folder"),
    )
    for arguments, said in wrong:
        with pytest.raises(BenchError) as caught:
            load(*arguments)
        assert said in str(caught.value)
        assert caught.value.exit_code == 2


def test_sets_that_are_stored_in_different_ways_are_named(files) -> None:
    assert load(files / "r", files / "s").rules == {"real": {"RGB of 8 bits": 3}, "synthetic": {"RGB of 8 bits": 3}}
    first = Image.open(files / "s" / "0.png")
    first.convert("RGBA").save(files / "s" / "0.png")
    alike = score_images(load(files / "r", files / "s"), seed=0)
    assert not any("stored in one way" in warning for warning in alike.warnings)
    first.convert("L").save(files / "s" / "0.png")
    found = score_images(load(files / "r", files / "s"), seed=0)
    (warning,) = [warning for warning in found.warnings if "stored in one way" in warning]
    assert warning.endswith("real 3 RGB of 8 bits; synthetic 1 grey of 8 bits, 2 RGB of 8 bits")

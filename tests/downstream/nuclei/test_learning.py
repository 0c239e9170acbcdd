"""Every nucleus network in its version for `smoke`: it overfits phantom patches, and windows leave no seams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.config.preset import load_preset
from bench.contract import Budget, Downstream, TrainingMix
from bench.plan.arms import make_network
from metrics.instances import instance_f1, score_instances
from metrics.overlap import overlap
from tests.downstream.nuclei.phantoms import PhantomDataset, nucleus_networks, phantom
from tests.toy import Run

PLAIN = {"affine": False, "blur": False, "hue": 0.0, "saturation": 0.0, "brightness": 0.0, "contrast": (1.0, 1.0)}
STEPS = 250


def network(name: str, **settings: object) -> Downstream:
    return make_network(name, load_preset("smoke"), settings).plugin


@pytest.fixture(scope="module", params=nucleus_networks())
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A network that was trained on two patches, in its folder."""
    folder = tmp_path_factory.mktemp("trained")
    smoke = network(request.param, augmentation=PLAIN, holdout=0.0, selection="last")
    smoke.fit(TrainingMix(PhantomDataset(2, 96)), Budget("steps", STEPS), folder, Run())
    return request.param, folder


@pytest.mark.slow
def test_overfits_two_phantom_patches(trained: tuple[str, Path]) -> None:
    name, folder = trained
    data = PhantomDataset(2, 96)
    found = list(network(name).predict((sample.image for sample in data.samples), folder, Run()))
    right = total = 0
    for sample, prediction in zip(data.samples, found, strict=True):
        assert prediction.instances is not None
        assert prediction.foreground is not None
        assert prediction.types is not None
        assert len(prediction.types) == prediction.instances.max()
        assert sample.instances is not None
        assert sample.types is not None
        assert score_instances(sample.instances, prediction.instances).dice > 0.9
        true = np.concatenate([[0], sample.types])[sample.instances]
        types = np.concatenate([[0], prediction.types])[prediction.instances]
        both = (true > 0) & (types > 0)
        right, total = right + int((true == types)[both].sum()), total + int(both.sum())
    assert right > 0.9 * total


@pytest.mark.slow
def test_windows_leave_no_seams(trained: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The prediction in windows has the instances of a prediction of the whole tile, to within 1 %."""
    import downstream.nuclei.predict as protocol

    name, folder = trained
    image = phantom(7, 500).image
    tiled = np.concatenate([np.concatenate([image, image[:, ::-1]], 1)] * 2)  # 1000 px
    run = Run()
    loaded = protocol.load(network(name)._kind(), type(network(name)).Config, folder, run)  # type: ignore[attr-defined]
    family = type(loaded.family)

    def in_windows(side: int):
        config = loaded.family.config.model_copy(update={"window": side})
        other = family(config, loaded.family.subject, loaded.family.numbers)
        (found,) = protocol.predict(loaded._replace(family=other), [tiled], run)
        assert found.instances is not None
        rows, columns, _ = other.windows(1000, 1000)
        return found.instances, len(rows.starts) * len(columns.starts)

    if "window" not in type(loaded.family.config).model_fields:
        pytest.skip("the windows of this network have one size")
    (whole, one), (pieces, many) = in_windows(1024), in_windows(256)
    assert (one, many > 9) == (1, True)
    assert whole.max() > 300
    assert instance_f1(overlap(whole, pieces), threshold=0.8) > 0.99


@pytest.mark.slow
def test_any_size_is_predicted(trained: tuple[str, Path]) -> None:
    """Tiles smaller than a patch, and of odd sizes."""
    name, folder = trained
    image = phantom(3, 120).image
    shapes = [(120, 120), (33, 47), (101, 65), (20, 119), (7, 7)]
    found = network(name).predict((image[:h, :w] for h, w in shapes), folder, Run())
    assert [p.instances.shape for p in found if p.instances is not None] == shapes

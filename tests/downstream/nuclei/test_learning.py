"""Every nucleus network in its version for `smoke`: it overfits phantom patches, and windows leave no seams."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.config.preset import load_preset
from bench.contract import Budget, Downstream, TrainingMix
from bench.plan.arms import make_network
from downstream.nuclei.predict import load, predict
from downstream.tiles import Windows
from metrics.instances import instance_f1
from metrics.overlap import overlap
from tests.downstream.nuclei.phantoms import PhantomDataset, nucleus_networks, phantom
from tests.downstream.overfitting import check_overfits
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
    check_overfits(network(name), folder, PhantomDataset(2, 96).samples, types=0.9)


@pytest.mark.slow
def test_windows_leave_no_seams(trained: tuple[str, Path]) -> None:
    """A tile of 1000 px in many windows has the nuclei of one window with the same padding, to within 1 %."""
    name, folder = trained
    plugin = network(name)
    if "window" not in type(plugin.config).model_fields:
        pytest.skip("the windows of this network have one size; test_generalises shifts them")
    loaded = load(plugin._kind(), plugin.Config, folder, Run())  # type: ignore[attr-defined]
    kind, family = type(loaded.family), loaded.family
    cut = kind(family.config.model_copy(update={"window": 256}), family.subject, family.numbers)
    rows, _, batch = cut.windows(1000, 1000)
    assert len(rows.starts) > 2
    side = 16 * math.ceil((1000 + 2 * rows.margin) / 16)
    one = Windows(1000, side, side - 2 * rows.margin)
    uncut = kind(family.config, family.subject, family.numbers)
    uncut.windows = lambda height, width: (one, one, batch)  # type: ignore[method-assign]
    image = phantom(7, 1000).image
    whole, pieces = (next(predict(loaded._replace(family=other), [image], Run())).instances for other in (uncut, cut))
    assert whole.max() > 900
    assert instance_f1(overlap(whole, pieces), threshold=0.8) > 0.99


@pytest.mark.slow
def test_any_size_is_predicted(trained: tuple[str, Path]) -> None:
    """Tiles smaller than a patch, and of odd sizes."""
    name, folder = trained
    image = phantom(3, 120).image
    shapes = [(120, 120), (33, 47), (101, 65), (20, 119), (7, 7)]
    found = network(name).predict((image[:h, :w] for h, w in shapes), folder, Run())
    assert [p.instances.shape for p in found if p.instances is not None] == shapes

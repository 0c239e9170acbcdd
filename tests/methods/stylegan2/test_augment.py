"""Adaptive augmentation: its transforms, and the probability that it adapts."""

from __future__ import annotations

import math

import pytest
import torch

from methods.stylegan2.augment import Augmentation, colour_changes, warps
from methods.stylegan2.config import AugmentSettings

CPU = torch.device("cpu")


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _on(probability: float, **settings: float) -> Augmentation:
    augmentation = Augmentation(AugmentSettings(enabled=True, **settings))  # type: ignore[arg-type]
    augmentation.probability.fill_(probability)
    return augmentation


def test_nothing_changes_at_probability_zero() -> None:
    images = torch.rand(4, 3, 16, 16)
    assert _on(0.0)(images, _generator()) is images
    off = Augmentation(AugmentSettings())
    off.probability.fill_(1.0)
    assert off(images, _generator()) is images
    torch.testing.assert_close(warps(5, 0.0, 16, _generator(), CPU), torch.eye(3).expand(5, 3, 3))
    torch.testing.assert_close(colour_changes(5, 0.0, _generator(), CPU), torch.eye(4).expand(5, 4, 4))


def test_an_image_that_no_transform_hits_stays_as_it_is() -> None:
    images = torch.rand(400, 3, 8, 8) * 2 - 1
    changed = _on(0.05)(images, _generator())
    same = (changed - images).abs().amax(dim=(1, 2, 3)) < 1e-4
    # thirteen chances of 5 %, some of them neutral (a quarter turn by 0, a mirroring by 0, a shift by 0 pixels)
    assert 0.5 < same.float().mean() < 0.7


def test_warps_are_those_of_the_paper() -> None:
    matrices = warps(4000, 1.0, 64, _generator(), CPU)
    areas = torch.linalg.det(matrices[:, :2, :2])
    # the uneven scale keeps areas; the even one is 2^N(0, .2), twice over; half the images are mirrored
    assert areas.abs().log2().std() == pytest.approx(0.4, rel=0.05)
    assert float((areas < 0).float().mean()) == pytest.approx(0.5, abs=0.03)
    angle = torch.atan2(matrices[:, 1, 0], matrices[:, 0, 0])
    assert torch.histc(angle, 8, -math.pi, math.pi).min() > 380
    assert (matrices[:, 2] == torch.tensor([0.0, 0.0, 1.0])).all()


def test_colour_changes_are_those_of_the_paper() -> None:
    matrices = colour_changes(4000, 1.0, _generator(), CPU)
    grey = torch.tensor([0.5, 0.5, 0.5, 1.0])
    mapped = matrices @ grey
    # hue and saturation leave grey grey: what is left is brightness, contrast and the luma flip
    assert (mapped[:, :3].amax(1) - mapped[:, :3].amin(1)).abs().max() < 1e-4
    assert float((mapped[:, 0] < 0).float().mean()) == pytest.approx(0.5, abs=0.03)
    contrast = (matrices @ torch.tensor([1.0, 1.0, 1.0, 0.0]))[:, 0].abs()
    assert contrast.log2().std() == pytest.approx(0.5, rel=0.05)
    colourful = (matrices @ torch.tensor([1.0, -1.0, 0.0, 0.0]))[:, :3]
    assert colourful.sum(1).abs().max() < 1e-3
    saturation = (colourful.norm(dim=1) / math.sqrt(2) / contrast).log2()
    assert saturation.std() == pytest.approx(1.0, rel=0.05)
    hue = torch.atan2(colourful @ torch.tensor([1.0, 1, -2]) / math.sqrt(6), colourful @ torch.tensor([1.0, -1, 0]) / 2)
    assert torch.histc(hue, 8, -math.pi, math.pi).min() > 300


def test_gradients_reach_the_image() -> None:
    images = torch.rand(8, 3, 16, 16, requires_grad=True)
    changed = _on(1.0)(images, _generator())
    assert changed.isfinite().all()
    (gradient,) = torch.autograd.grad(changed.square().sum(), images)
    assert (gradient.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_probability_follows_the_signs_of_real_scores() -> None:
    augmentation = _on(0.0, speed=0.16, every=2)
    sure, unsure = torch.ones(8), torch.tensor([1.0, -1.0] * 4)
    augmentation.adapt(sure, 0)
    assert augmentation.probability.item() == 0  # between adjustments
    augmentation.adapt(sure, 1)
    assert augmentation.probability.item() == pytest.approx(16 / 160)
    for step in (2, 3):
        augmentation.adapt(unsure, step)
    assert augmentation.probability.item() == pytest.approx(0, abs=1e-7)
    for step in (4, 5):
        augmentation.adapt(unsure, step)
    assert augmentation.probability.item() == 0
    for step in range(100):
        augmentation.adapt(sure, step)
    assert augmentation.probability.item() == 1

"""Losses: plain numpy twins, and the direction of the gradient term on analytic fields."""

import numpy as np
import pytest
import torch

from downstream.hovernet.config import LossWeights
from downstream.hovernet.losses import cross_entropy, dice_loss, gradient_kernels, hovernet_loss, msge


def random_case(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    probability = torch.randn(2, 3, 6, 5, generator=generator).softmax(1)
    labels = torch.randint(0, 3, (2, 6, 5), generator=generator)
    return probability, torch.nn.functional.one_hot(labels, 3).movedim(-1, 1).float()


def test_cross_entropy() -> None:
    probability, true = random_case()
    p, t = probability.numpy(), true.numpy()
    total = 0.0
    for image in range(2):
        for y in range(6):
            for x in range(5):
                total -= np.log(p[image, t[image, :, y, x].argmax(), y, x])
    assert float(cross_entropy(probability, true)) == pytest.approx(total / 60, rel=1e-5)


def test_cross_entropy_is_clipped() -> None:
    probability = torch.tensor([0.0, 1.0]).view(1, 2, 1, 1)
    true = torch.tensor([1.0, 0.0]).view(1, 2, 1, 1)
    assert float(cross_entropy(probability, true)) == pytest.approx(-np.log(1e-7), rel=1e-5)


def test_dice() -> None:
    probability, true = random_case(1)
    p, t = probability.numpy(), true.numpy()
    expected = sum(
        1 - (2 * (p[:, c] * t[:, c]).sum() + 1e-3) / (p[:, c].sum() + t[:, c].sum() + 1e-3) for c in range(3)
    )
    assert float(dice_loss(probability, true)) == pytest.approx(expected, rel=1e-5)
    assert float(dice_loss(true, true)) == pytest.approx(0, abs=1e-6)


def ramp(axis: str, size: int = 15) -> torch.Tensor:
    """Both maps rise along one axis."""
    y, x = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    return (x if axis == "x" else y).expand(1, 2, size, size) / size


def inner(size: int = 15) -> torch.Tensor:
    mask = torch.zeros(1, size, size)
    mask[:, 3:-3, 3:-3] = 1
    return mask


def test_each_map_is_differentiated_along_its_own_axis() -> None:
    """Of two maps that rise along x, only the x map has a gradient under `xy`, only the y map under `ij`."""
    rising, flat = ramp("x"), torch.zeros(1, 2, 15, 15)
    # The response to a slope s: s sum_k x^2 / (x^2 + y^2) over the 5 x 5 offsets but the centre, which is 12 s.
    response = (12 / 15) ** 2
    only_x = torch.stack([rising[:, 0], flat[:, 0]], 1)
    only_y = torch.stack([flat[:, 0], rising[:, 1]], 1)
    assert float(msge(only_x, flat, inner(), "xy")) == pytest.approx(response / 2, rel=1e-5)
    assert float(msge(only_y, flat, inner(), "xy")) == pytest.approx(0, abs=1e-9)
    assert float(msge(only_x, flat, inner(), "ij")) == pytest.approx(0, abs=1e-9)
    assert float(msge(only_y, flat, inner(), "ij")) == pytest.approx(response / 2, rel=1e-5)


def test_ij_on_a_field_is_xy_on_its_transpose() -> None:
    generator = torch.Generator().manual_seed(0)
    field, other = torch.randn(2, 1, 2, 12, 12, generator=generator)
    mask = torch.ones(1, 12, 12)
    transposed = msge(field.transpose(2, 3), other.transpose(2, 3), mask, "xy")
    assert float(msge(field, other, mask, "ij")) == pytest.approx(float(transposed), rel=1e-5)


def test_gradient_error_counts_inside_nuclei_only() -> None:
    generator = torch.Generator().manual_seed(0)
    predicted, true = torch.randn(2, 2, 2, 9, 8, generator=generator)
    mask = (torch.rand(2, 9, 8, generator=generator) < 0.4).float()
    kernels = gradient_kernels().numpy()[:, 0]
    total, count = 0.0, 0
    for image in range(2):
        for channel in range(2):
            padded = [np.pad(maps[image, channel].numpy(), 2) for maps in (predicted, true)]
            for y in range(9):
                for x in range(8):
                    if mask[image, y, x]:
                        slopes = [(p[y : y + 5, x : x + 5] * kernels[channel]).sum() for p in padded]
                        total, count = total + (slopes[0] - slopes[1]) ** 2, count + 1
    assert float(msge(predicted, true, mask)) == pytest.approx(total / count, rel=1e-4)
    assert float(msge(predicted, true, torch.zeros(2, 9, 8))) == 0


def test_weights_reach_their_terms() -> None:
    generator = torch.Generator().manual_seed(0)
    output = {name: torch.randn(2, c, 8, 8, generator=generator) for name, c in (("np", 2), ("hv", 2), ("tp", 4))}
    nucleus = torch.randint(0, 2, (2, 8, 8), generator=generator)
    types, hv = nucleus * 3, torch.rand(2, 2, 8, 8, generator=generator)
    plain = hovernet_loss(output, nucleus, hv, types, LossWeights())
    terms = [name for name in plain if name != "loss"]
    assert float(plain["loss"]) == pytest.approx(sum(float(plain[name]) for name in terms), rel=1e-5)
    for name in terms:
        doubled = hovernet_loss(output, nucleus, hv, types, LossWeights(**{name: 2.0}))
        assert float(doubled["loss"] - plain["loss"]) == pytest.approx(float(plain[name]), rel=1e-3)

"""Losses: closed forms and plain numpy twins, weights, patches without types or tissue."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from downstream.cellvit.config import LossWeights
from downstream.cellvit.losses import cellvit_loss, focal_tversky, focal_tversky_by_class, one_hot, tissue_loss
from downstream.hovernet.losses import cross_entropy, dice_loss, msge

WEIGHTS = {
    "np_tversky": 1.0,
    "np_dice": 1.0,
    "hv_mse": 2.5,
    "hv_msge": 8.0,
    "tp_ce": 0.5,
    "tp_dice": 0.2,
    "tp_tversky": 0.5,
    "tissue_ce": 0.1,
}


def case(seed: int = 0) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    def integers(high: int, *shape: int) -> Tensor:
        return torch.randint(0, high, shape, generator=generator)

    output = {
        "nuclei_binary_map": normal(3, 2, 8, 8),
        "hv_map": normal(3, 2, 8, 8),
        "nuclei_type_map": normal(3, 4, 8, 8),
        "tissue_types": normal(3, 5),
    }
    batch = {
        "nucleus": integers(2, 3, 8, 8),
        "hv": normal(3, 2, 8, 8),
        "types": integers(4, 3, 8, 8),
        "tissue": torch.tensor([4, -1, 2]),
    }
    return output, batch


def numpy_tversky(p: np.ndarray, t: np.ndarray) -> float:
    tp, fn, fp = (p * t).sum(), ((1 - p) * t).sum(), (p * (1 - t)).sum()
    return float((1 - (tp + 1e-6) / (tp + 0.7 * fn + 0.3 * fp + 1e-6)) ** (4 / 3))


def test_focal_tversky_in_numpy() -> None:
    output, batch = case()
    probability = output["nuclei_type_map"].softmax(1)
    true = one_hot(batch["types"], probability)
    p, t = probability.numpy().astype(np.float64), true.numpy()
    assert float(focal_tversky(probability, true)) == pytest.approx(numpy_tversky(p, t), rel=1e-5)
    by_class = sum(numpy_tversky(p[:, c], t[:, c]) for c in range(4))
    assert float(focal_tversky_by_class(probability, true)) == pytest.approx(by_class, rel=1e-5)


def test_focal_tversky_in_closed_form() -> None:
    """Half of ten pixels are true: T is 2.5 / (2.5 + .7 x 2.5) if each gets a half, 5 / (5 + .3 x 5) if all get one."""
    true = torch.tensor([1.0] * 5 + [0.0] * 5).view(1, 1, 10, 1)
    half = true / 2
    assert float(focal_tversky(half, true)) == pytest.approx((1 - 1 / 1.7) ** (4 / 3), rel=1e-4)
    everything = torch.ones_like(true)
    assert float(focal_tversky(everything, true)) == pytest.approx((1 - 1 / 1.3) ** (4 / 3), rel=1e-4)
    assert float(focal_tversky(true, true)) == 0
    assert float(focal_tversky(torch.zeros_like(true), torch.zeros_like(true))) == 0


def test_a_perfect_prediction_has_a_finite_gradient() -> None:
    true = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(1, 2, 2, 1)
    probability = true.clone().requires_grad_()
    focal_tversky_by_class(probability, true).backward()
    assert probability.grad is not None
    assert bool(probability.grad.isfinite().all())


def test_tissue_loss_ignores_unknown_tissues() -> None:
    output, batch = case()
    logits = output["tissue_types"].numpy().astype(np.float64)
    log = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    expected = -(log[0, 4] + log[2, 2]) / 2
    assert float(tissue_loss(output["tissue_types"], batch["tissue"])) == pytest.approx(expected, rel=1e-5)
    assert float(tissue_loss(output["tissue_types"], torch.full((3,), -1))) == 0


@pytest.mark.parametrize("softmax", ["once", "twice"])
@pytest.mark.parametrize("indexing", ["xy", "ij"])
def test_the_sum_is_weighted_as_published(softmax: str, indexing: str) -> None:
    output, batch = case(1)
    weights = LossWeights(tversky_softmax=softmax, msge_indexing=indexing)
    found = cellvit_loss(output, batch, weights)
    nucleus, types = (output[name].softmax(1) for name in ("nuclei_binary_map", "nuclei_type_map"))
    true_nucleus, true_types = one_hot(batch["nucleus"], nucleus), one_hot(batch["types"], types)
    again = (lambda p: p.softmax(1)) if softmax == "twice" else (lambda p: p)
    expected = {
        "np_tversky": focal_tversky(again(nucleus), true_nucleus),
        "np_dice": dice_loss(nucleus, true_nucleus),
        "hv_mse": (output["hv_map"] - batch["hv"]).square().mean(),
        "hv_msge": msge(output["hv_map"], batch["hv"], batch["nucleus"], indexing),
        "tp_ce": cross_entropy(types, true_types),
        "tp_dice": dice_loss(types, true_types),
        "tp_tversky": focal_tversky_by_class(again(types), true_types),
        "tissue_ce": tissue_loss(output["tissue_types"], batch["tissue"]),
    }
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    total = sum(weight * float(expected[name]) for name, weight in WEIGHTS.items())
    assert float(found["loss"]) == pytest.approx(total, rel=1e-5)


def test_a_second_softmax_makes_probabilities_nearly_equal() -> None:
    """Sure and right: no loss once; twice, both classes get 1 / (1 + e^-1) = .731 at best."""
    logits = torch.tensor([50.0, -50.0]).view(1, 2, 1, 1).expand(1, 2, 4, 4)
    output = {"nuclei_binary_map": logits, "nuclei_type_map": logits, "hv_map": torch.zeros(1, 2, 4, 4)}
    batch = {"nucleus": torch.zeros(1, 4, 4), "types": torch.zeros(1, 4, 4), "hv": torch.zeros(1, 2, 4, 4)}
    once, twice = (cellvit_loss(output, batch, LossWeights(tversky_softmax=kind)) for kind in ("once", "twice"))
    assert float(once["np_tversky"]) == 0
    p = 1 / (1 + np.exp(-1))
    assert float(twice["np_tversky"]) == pytest.approx((1 - p) ** (4 / 3), rel=1e-4)
    assert "tissue_ce" not in once


def test_patches_without_types_teach_the_type_branch_nothing() -> None:
    output, batch = case(2)
    for tensor in output.values():
        tensor.requires_grad_()
    batch["types"][1] = 255
    terms = cellvit_loss(output, batch, LossWeights(), torch.tensor([True, False, True]))
    terms["loss"].backward()
    gradient = output["nuclei_type_map"].grad
    assert not gradient[1].any()
    assert gradient[0].any()
    assert output["nuclei_binary_map"].grad[1].any()
    none = cellvit_loss(output, batch, LossWeights(), torch.tensor([False] * 3))
    assert all(none[name].item() == 0 for name in ("tp_ce", "tp_dice", "tp_tversky"))

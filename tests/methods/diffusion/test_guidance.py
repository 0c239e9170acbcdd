"""Guidance: both conventions, the skipped pass, the batched pass."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from methods.diffusion.guidance import code_scale, guide, guided


class _Network:
    """Returns 1 for the first half of the rows (conditional) and 0 for the rest; logits 10 and 20."""

    def __init__(self, conditional: int) -> None:
        self.rows: list[int] = []
        self.conditional = conditional

    def __call__(self, x: Tensor, times: Tensor) -> Tensor:
        self.rows.append(len(x))
        assert times.tolist() == [7] * len(x)
        known = torch.arange(len(x)) < self.conditional
        value = torch.where(known, torch.tensor(1.0), torch.tensor(0.0))
        logits = torch.where(known, torch.tensor(10.0), torch.tensor(20.0))
        column = torch.stack([value] * 3 + [logits] * 3, dim=1)
        return column[:, :, None, None].expand(-1, -1, *x.shape[2:])


def test_both_conventions() -> None:
    null, known = torch.zeros(1), torch.ones(1)
    assert guide(null, known, 1.5).item() == 1.5
    assert guide(null, known, code_scale(1.5)).item() == 2.5
    assert guide(null, known, 1.0).item() == 1.0
    assert guide(null, known, 0.0).item() == 0.0


def test_scale_one_skips_the_null_pass() -> None:
    network = _Network(conditional=4)
    output = guided(network, 1.0, learned_variance=True)(torch.zeros(4, 3, 2, 2), 7)
    assert network.rows == [4]
    assert output[:, :3].unique().tolist() == [1.0]


@pytest.mark.parametrize(("scale", "expected"), [(1.5, 1.5), (0.0, 0.0), (2.5, 2.5)])
def test_guidance_is_one_call_with_variance_of_the_conditional_rows(scale: float, expected: float) -> None:
    network = _Network(conditional=4)
    output = guided(network, scale, learned_variance=True)(torch.zeros(4, 3, 2, 2), 7)
    assert network.rows == [8]
    assert output.shape == (4, 6, 2, 2)
    assert output[:, :3].unique().tolist() == [expected]
    assert output[:, 3:].unique().tolist() == [10.0]

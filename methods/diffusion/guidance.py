"""Classifier-free guidance (Ho and Salimans 2021), in the convention of the released code.

Two conventions are in use (spec trap T2). The code of SDM and DiffMix writes e(0) + s (e(c) - e(0)): s = 1 is
the conditional prediction. DiffMix's eq. 7 writes e(c) + s (e(c) - e(0)): s = 0 is. `guidance_scale` means the
code's everywhere in this project.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.diffusion.variance import split_output


def guide(unconditional: Tensor, conditional: Tensor, scale: float) -> Tensor:
    """Return e(0) + scale (e(c) - e(0))."""
    return unconditional + scale * (conditional - unconditional)


def code_scale(paper_scale: float) -> float:
    """Return the scale of the code's convention that equals one of the papers': s_code = s_paper + 1.

    >>> code_scale(1.5)
    2.5
    """
    return paper_scale + 1


def needs_null(scale: float) -> bool:
    """Tell whether a scale needs predictions without condition at all."""
    return scale != 1


def guided(
    network: Callable[[Tensor, Tensor], Tensor], scale: float, *, learned_variance: bool
) -> Callable[[Tensor, int], Tensor]:
    """Return a predictor (x, t) -> output for samplers.

    With scale 1 the network is called with the n images. Otherwise it is called once with 2 n, the same
    images twice, and must know the conditions of the first n and the null condition of the others. Variance
    logits come from the conditional half.
    """

    def predict(x: Tensor, time: int) -> Tensor:
        doubled = torch.cat([x, x]) if needs_null(scale) else x
        output = network(doubled, torch.full((len(doubled),), time, device=x.device, dtype=torch.int64))
        if not needs_null(scale):
            return output
        conditional, null = output.chunk(2)
        prediction, logits = split_output(conditional, learned_variance)
        without, _ = split_output(null, learned_variance)
        mixed = guide(without, prediction, scale)
        return mixed if logits is None else torch.cat([mixed, logits], dim=1)

    return predict

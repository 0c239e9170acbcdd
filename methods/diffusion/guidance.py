"""Guidance: classifier-free (Ho and Salimans 2021), in the convention of the released code, and by a classifier.

Of the first two conventions are in use (spec trap T2). The code of SDM and DiffMix writes e(0) + s (e(c) - e(0)): s = 1
is the conditional prediction. DiffMix's eq. 7 writes e(c) + s (e(c) - e(0)): s = 0 is. `guidance_scale` means the
code's everywhere in this project. A classifier's scale is another matter: 0 is no guidance.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from methods.diffusion.schedule import NoiseSchedule
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


LevelIndex = Literal["step", "t//20"]
"""Which noise level scales a classifier's gradient: that of the step itself, or that which HistoDiffAug looks up."""


def classifier_score(
    classifier: Callable[[Tensor, Tensor], Float[Tensor, "n k"]],
    labels: Int64[Tensor, " n"],
    scale: float,
    schedule: NoiseSchedule,
    *,
    noised: bool = True,
    level_index: LevelIndex = "step",
) -> Callable[[Tensor, int], Tensor] | None:
    """Return (x_t, index) -> scale * gradient of log p(label | x_t) by x_t, for `Sampler.run`; None at scale 0.

    Args:
        classifier: (x_t, steps of the full schedule) -> logits of k classes; an image's depend on no other image.
        labels: the class of each image.
        scale: 1 samples from p(x) p(label | x), more sharpens the classifier.
        schedule: the sampler's, respaced.
        noised: whether the classifier is told the step; one that was trained on clean latents is told 0, as released.
        level_index: `t//20` looks sqrt(1 - a_t) up at that index of the respaced table, as the release does: the same
            as `step` at exactly 50 of 1000 steps, and wrong at any other number (spec trap T9).
    """
    if scale == 0:
        return None

    def score(x: Tensor, index: int) -> Tensor:
        time = int(schedule.times[index])
        with torch.enable_grad():
            seen = x.detach().requires_grad_()
            told = torch.full((len(x),), time if noised else 0, device=x.device, dtype=torch.int64)
            likelihood = torch.log_softmax(classifier(seen, told).float(), dim=1)
            (gradient,) = torch.autograd.grad(likelihood.gather(1, labels[:, None]).sum(), seen)
        used = index if level_index == "step" else time // 20
        return scale * float(schedule.noise[used] / schedule.noise[index]) * gradient

    return score

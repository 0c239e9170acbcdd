"""Guidance: classifier-free (Ho and Salimans 2021), in the convention of the released code, and by a classifier.

Two conventions are in use for classifier-free guidance. The code of SDM and DiffMix computes e(0) + s (e(c) - e(0)),
where s = 1 is the conditional prediction. DiffMix's eq. 7 computes e(c) + s (e(c) - e(0)), where s = 0 is the
conditional prediction. In this project `guidance_scale` always means the scale of the code. The scale of a classifier
is different: 0 means no guidance.
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
    """Return the scale in the convention of the code that equals one of the papers': s_code = s_paper + 1.

    >>> code_scale(1.5)
    2.5
    """
    return paper_scale + 1


def needs_null(scale: float) -> bool:
    """Return whether a scale needs predictions without condition."""
    return scale != 1


def guided(
    network: Callable[[Tensor, Tensor], Tensor], scale: float, *, learned_variance: bool
) -> Callable[[Tensor, int], Tensor]:
    """Return a predictor (x, t) -> output for samplers.

    With scale 1 the network is called with the n images. Otherwise it is called once with 2 n images, which are the
    same images twice, and must use the conditions for the first n and the null condition for the others. Variance
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
"""Which noise level scales a classifier's gradient: that of the step itself, or the one that HistoDiffAug looks up."""


def classifier_score(
    classifier: Callable[[Tensor, Tensor], Float[Tensor, "n k"]],
    labels: Int64[Tensor, " n"],
    scale: float,
    schedule: NoiseSchedule,
    *,
    noised: bool = True,
    level_index: LevelIndex = "step",
) -> Callable[[Tensor, int], Tensor] | None:
    """Return (x_t, index) -> scale * gradient of log p(label | x_t) with respect to x_t; None at scale 0.

    The function is for `Sampler.run`.

    Args:
        classifier: (x_t, steps of the full schedule) -> logits of k classes, where the logits of an image must not
            depend on other images.
        labels: the class of each image.
        scale: 1 samples from p(x) p(label | x); larger values sharpen the classifier.
        schedule: the respaced schedule of the sampler.
        noised: whether the classifier gets the step; one that was trained on clean latents gets 0, as in the release.
        level_index: `t//20` looks up sqrt(1 - a_t) at that index of the respaced table, as the release does. This
            equals `step` with exactly 50 of 1000 steps and is wrong with any other number.
    """
    if scale == 0:
        return None

    def score(x: Tensor, index: int) -> Tensor:
        time = int(schedule.times[index])
        with torch.enable_grad():
            seen = x.detach().requires_grad_()
            steps = torch.full((len(x),), time if noised else 0, device=x.device, dtype=torch.int64)
            likelihood = torch.log_softmax(classifier(seen, steps).float(), dim=1)
            (gradient,) = torch.autograd.grad(likelihood.gather(1, labels[:, None]).sum(), seen)
        used = index if level_index == "step" else time // 20
        return scale * float(schedule.noise[used] / schedule.noise[index]) * gradient

    return score

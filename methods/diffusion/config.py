"""Settings of a diffusion process and of sampling from it; nothing here needs torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.contract import Settings

FULL_STEPS = 1000
"""Diffusion steps for which the published betas hold (Ho et al. 2020, section 4)."""


class DiffusionSettings(Settings):
    """The forward process and what the network learns of it; stored with the weights (spec trap T23).

    Defaults are those of the released SDM (WeilunWang/semantic-diffusion-model, script_util.py).
    """

    steps: int = Field(FULL_STEPS, ge=1)
    schedule: Literal["linear", "sqrt-linear"] = "linear"
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
    prediction: Literal["epsilon", "v", "edm"] = "epsilon"
    learned_variance: bool = True  # LEARNED_RANGE of improved DDPM, section 3.1
    sigma_data: float = Field(0.5, gt=0)  # edm: standard deviation of the data (Karras et al. 2022, table 1)
    # edm: noise level below which the noisy image itself is mostly trusted; None is sigma_data, as published
    sigma_skip: float | None = Field(None, gt=0)
    times: Literal["uniform", "log-normal"] = "uniform"  # which noise levels are trained how often
    log_sigma_mean: float = -1.2  # log-normal: mean and sd of ln sigma (Karras et al. 2022, table 1)
    log_sigma_sd: float = Field(1.2, gt=0)


class SamplerSettings(Settings):
    """How images are drawn; defaults are DiffMix's (section 3.2 and scripts_ddim_sample/consep.sh)."""

    kind: Literal["ddim", "ancestral"] = "ddim"
    steps: int = Field(100, ge=1)  # respaced: 100 steps of the 1000
    eta: float = Field(0.0, ge=0, le=1)  # ddim: 0 is deterministic, 1 as noisy as ancestral sampling
    clip: bool = True  # bring every estimate of the clean image back to [-1, 1]
    batch_size: int = Field(16, ge=1)  # images drawn together; another size changes the last bits

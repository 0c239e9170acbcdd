"""Settings of a diffusion process and of sampling from it; nothing here needs torch."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bench.contract import Settings

FULL_STEPS = 1000
"""Number of diffusion steps for which the published betas hold (Ho et al. 2020, section 4)."""


class DiffusionSettings(Settings):
    """The forward process and what the network learns of it; stored together with the weights.

    Defaults are those of the released SDM (WeilunWang/semantic-diffusion-model, script_util.py).
    """

    steps: int = Field(FULL_STEPS, ge=1)
    schedule: Literal["linear", "sqrt-linear"] = "linear"
    beta_start: float = Field(1e-4, gt=0, lt=1)
    beta_end: float = Field(0.02, gt=0, lt=1)
    prediction: Literal["epsilon", "v", "edm"] = "epsilon"
    learned_variance: bool = True  # LEARNED_RANGE of improved DDPM, section 3.1
    sigma_data: float = Field(0.5, gt=0)  # edm: standard deviation of the data (Karras et al. 2022, table 1)
    # edm: noise level below which the network mostly relies on the noisy image; None means sigma_data, as published
    sigma_skip: float | None = Field(None, gt=0)
    times: Literal["uniform", "log-normal"] = "uniform"  # how often each noise level is trained
    log_sigma_mean: float = -1.2  # log-normal: mean and SD of ln sigma (Karras et al. 2022, table 1)
    log_sigma_sd: float = Field(1.2, gt=0)


class SamplerSettings(Settings):
    """How images are sampled; the defaults are DiffMix's (section 3.2 and scripts_ddim_sample/consep.sh)."""

    kind: Literal["ddim", "ancestral"] = "ddim"
    steps: int = Field(100, ge=1)  # respaced: 100 of the 1000 steps
    eta: float = Field(0.0, ge=0, le=1)  # ddim: 0 is deterministic, 1 is as noisy as ancestral sampling
    clip: bool = True  # clip every estimate of the clean image to [-1, 1]
    batch_size: int = Field(16, ge=1)  # images drawn together; the last bits depend on it

"""Settings of DiffMix and its two halves (Oh and Jeong, MICCAI 2023)."""

from __future__ import annotations

from pydantic import Field

from methods.gradmix.config import GradMixConfig
from methods.maps import EnlargingSettings
from methods.sdm.config import SDMConfig


class DiffMixConfig(SDMConfig):
    """DiffMix: real : balancing : enlarging patches = 1 : 1/2 : 1/2 (section 3.2, from 50 and 100 epochs)."""

    balancing: float = Field(
        0.5, ge=0, le=1
    )  # share of the patches with balancing maps; the others have enlarging ones
    start_percent: float = Field(55.0, ge=0, le=100)  # percentage of sampling steps to run: 55 of ddim100 (section 3.2)
    mixing: GradMixConfig = GradMixConfig()  # settings of balancing maps, which are GradMix's labels (section 2.3)
    enlarging: EnlargingSettings = EnlargingSettings()


class DiffMixBConfig(DiffMixConfig):
    """Only balancing maps, half as many as real patches."""

    ratio: float = Field(0.5, ge=0)
    balancing: float = Field(1.0, ge=0, le=1)


class DiffMixEConfig(DiffMixConfig):
    """Only enlarging maps, half as many as real patches."""

    ratio: float = Field(0.5, ge=0)
    balancing: float = Field(0.0, ge=0, le=1)

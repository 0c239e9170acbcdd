"""The output of `bench score images --json`."""

from __future__ import annotations

from pydantic import Field

from bench.scoring.output import Number, Output


class ImagesReport(Output):
    """A set of synthetic images compared with real ones; null where undefined, with a warning that says why."""

    fd: float = Field(description="Fréchet distance of the features; 0 for equal moments")
    fd_floor: Number = Field(description="Fréchet distance of real images held out to the rest, mean of 5 splits")
    kd: float = Field(description="kernel distance; 0 in expectation for independent images of one distribution")
    kd_se: Number = Field(description="jackknife standard error of kd, leaving out one image at a time")
    precision: Number = Field(description="share of synthetic images within the real ones, k = 5")
    recall: Number = Field(description="share of real images within the synthetic ones, k = 5")
    density: Number = Field(description="how densely real images surround synthetic ones, k = 5; may exceed 1")
    coverage: Number = Field(description="share of real images with a synthetic neighbour, k = 5")
    auth_pct: float = Field(
        description="per cent of synthetic images that are not near copies of --real; copies give 0"
    )
    copy_rate: Number = Field(description="share nearer to --real than 95 % of --test are; null without --test")
    n_real: int
    n_synthetic: int
    encoder: str = Field(description="name of the encoder as in the results table; `features` for .npy files")
    warnings: list[str] = Field(description="why a number is missing or cannot be trusted")

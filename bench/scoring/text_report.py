"""The output of `bench score text --json`."""

from __future__ import annotations

from pydantic import Field

from bench.scoring.output import Bounds, Number, Output


class TextImage(Output):
    """One image and its caption."""

    file: str = Field(description="path of the image within --images")
    group: str = Field(description="slide or patient that the intervals are over; the file itself without a column")
    similarity: Number = Field(description="100 times the cosine of image and caption; null without a caption")


class TextReport(Output):
    """Images compared with their captions."""

    metric: str = Field(description="name as in the results table; `plip` for the published weights of PLIP only")
    similarity: Number = Field(description="mean over captioned images, from -100 to 100; higher is better")
    ci: Bounds = Field(description="95 % interval of similarity over groups")
    shuffled: Number = Field(description="the same images, each with the different caption of another image")
    shuffled_ci: Bounds = Field(description="95 % interval of shuffled")
    n: int = Field(description="captioned images")
    skipped: int = Field(description="images with an empty caption, which do not count")
    captions: int = Field(description="distinct captions")
    encoder: str = Field(description="name of the encoder")
    identity: str = Field(description="hash of its weights, and its preprocessing")
    per_image: list[TextImage]
    warnings: list[str] = Field(description="why a number is missing or cannot be trusted")

"""Metrics on an encoder's features, `fd@<encoder>`: one entry per family, and the names for published weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from metrics.entry import Bounds, Direction, Group, Metric

_UNIT: Bounds = (0.0, 1.0)
_PAIR = "features of real and synthetic images"
_FRECHET = "Heusel et al., NeurIPS 2017; covariances with n - 1"
_INFINITE = "Chong & Forsyth, CVPR 2020; line over 1 / n, both sides of n images, without an interval"
_KERNEL = (
    "Bińkowski et al., ICLR 2018, eq. 4; full unbiased statistic, k(x, y) = (x·y / d + 1)³, "
    "without pairs of images of one slide"
)
_KYNKAANNIEMI = "Kynkäänniemi et al., NeurIPS 2019; k = 5"
_NAEEM = "Naeem et al., ICML 2020; k = 5"


def _set(
    id: str,
    title: str,
    reference: str,
    direction: Direction,
    bounds: Bounds,
    *,
    inputs: str = _PAIR,
    group: Group = "sets",
    unit: str = "",
    shown_times: float = 1.0,
    main: bool = False,
    version: int = 1,
) -> Metric:
    return Metric(
        id,
        title,
        group,
        inputs,
        direction,
        bounds,
        unit,
        "one number a set",
        reference,
        shown_times=shown_times,
        main=main,
        protocol_version=version,
    )


def _over_halves(metric: Metric) -> Metric:
    """Return a metric that is the mean over halves of the real slides, as it is since version 2."""
    return replace(metric, aggregation="mean over halves of the real slides", protocol_version=2)


_FRECHET_DISTANCE = _over_halves(_set("fd", "Fréchet distance", _FRECHET, "lower", (0.0, None), main=True))
_INFINITE_DISTANCE = _set("fd_inf", "Fréchet distance, infinite n", _INFINITE, "lower", (None, None))
_KERNEL_DISTANCE = replace(
    _set("kd", "kernel distance", _KERNEL, "lower", (None, None), shown_times=1000.0, main=True), protocol_version=3
)
_SIMILARITY = replace(
    _set(
        "clip_similarity",
        "text-image similarity",
        "Hessel et al., EMNLP 2021 (CLIPScore), without its floor at 0 and factor 2.5",
        "higher",
        (-100.0, 100.0),
        inputs="features of images and of their captions, cut off at 77 tokens",
        group="alignment",
        unit="100 · cosine",
    ),
    aggregation="mean over images; images without a caption left out and counted",
)
_SHUFFLED = replace(
    _SIMILARITY,
    id="clip_similarity_shuffled",
    title="text-image similarity, shuffled captions",
    direction="none",
    inputs="the same features, each image with another image's different caption",
    reference="control of `clip_similarity`, which must be higher",
)
_PERCEPTUAL = replace(
    _set(
        "perceptual",
        "perceptual distance",
        "in the form of Zhang et al., CVPR 2018, on another network's features",
        "lower",
        (0.0, None),
        inputs="images and their reconstructions",
        group="reconstruction",
    ),
    aggregation="mean over images",
)

FAMILIES: Mapping[str, Metric] = MappingProxyType(
    {
        family.id: family
        for family in (
            _FRECHET_DISTANCE,
            _INFINITE_DISTANCE,
            _KERNEL_DISTANCE,
            _over_halves(_set("precision", "precision", _KYNKAANNIEMI, "higher", _UNIT)),
            _over_halves(_set("recall", "recall", _KYNKAANNIEMI, "higher", _UNIT)),
            _over_halves(_set("density", "density", _NAEEM, "higher", (0.0, None))),
            _over_halves(_set("coverage", "coverage", _NAEEM, "higher", _UNIT)),
            _set(
                "auth_pct",
                "AuthPct",
                "Alaa et al., ICML 2022; Stein et al., NeurIPS 2023",
                "higher",
                (0.0, 100.0),
                inputs="features of different training and different synthetic images",
                group="memorisation",
                unit="%",
                version=2,
            ),
            _set(
                "copy_rate",
                "copy rate",
                "nearer to a training image than all but 5 % of test images are",
                "lower",
                _UNIT,
                inputs="features of different training, test and synthetic images",
                group="memorisation",
                version=2,
            ),
            _set(
                "test_nearness",
                "nearness to test slides",
                "nearest real patch of a synthetic image, equally many per slide; 0.5 by chance; p over slides",
                "lower",
                _UNIT,
                inputs="features of training, test and different synthetic images",
                group="memorisation",
            ),
            _SIMILARITY,
            _SHUFFLED,
            _PERCEPTUAL,
        )
    }
)

_LPIPS = "Zhang et al., CVPR 2018, eq. 1; released weights v0.1"
_CLEAN = "Inception features as clean-fid computes them"

# Names for published weights, by family and the encoder's name; other weights never get them.
PUBLISHED: Mapping[tuple[str, str], Metric] = MappingProxyType(
    {
        ("fd", "clip-vit-b-32"): replace(
            _FRECHET_DISTANCE,
            id="clip_fid",
            title="CLIP-FID",
            reference="Kynkäänniemi et al., ICLR 2023; OpenAI CLIP ViT-B/32 as clean-fid computes it",
        ),
        ("fd_inf", "clip-vit-b-32"): replace(
            _INFINITE_DISTANCE,
            id="clip_fid_inf",
            title="CLIP-FID, infinite n",
            reference=f"{_INFINITE}; OpenAI CLIP ViT-B/32 as clean-fid computes it",
        ),
        ("fd_inf", "inception"): replace(
            _INFINITE_DISTANCE, id="fid_inf", title="FID, infinite n", reference=f"{_INFINITE}; {_CLEAN}"
        ),
        ("fd", "inception"): replace(_FRECHET_DISTANCE, id="fid", title="FID", reference=f"{_FRECHET}; {_CLEAN}"),
        ("kd", "inception"): replace(
            _KERNEL_DISTANCE, id="kid", title="KID", reference=f"{_KERNEL}; {_CLEAN}", main=False
        ),
        ("clip_similarity", "plip"): replace(
            _SIMILARITY,
            id="plip",
            title="PLIP similarity",
            reference="Huang et al., Nature Medicine 2023 (vinid/plip); as in PathDiff, Bhosale et al., ICCV 2025",
        ),
        ("clip_similarity_shuffled", "plip"): replace(
            _SHUFFLED, id="plip_shuffled", title="PLIP similarity, shuffled captions", reference="control of `plip`"
        ),
        ("perceptual", "lpips-alex"): replace(
            _PERCEPTUAL, id="lpips", title="LPIPS", reference=f"{_LPIPS}; AlexNet, the released default for measuring"
        ),
        ("perceptual", "lpips-vgg"): replace(
            _PERCEPTUAL,
            id="lpips_vgg",
            title="LPIPS, VGG",
            reference=f"{_LPIPS}; VGG-16, which autoencoders train with",
        ),
    }
)

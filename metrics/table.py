"""The table of metrics: what each is called, reads, means and comes from. Leaderboards and docs are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from bench.errors import ConfigError

Direction = Literal["higher", "lower", "none"]
Bounds = tuple[float | None, float | None]


@dataclass(frozen=True)
class Metric:
    """What is known of a metric.

    `id` is its column's name, and says how it is aggregated where the field disagrees; `inputs` what it reads;
    `direction` which values are better; `bounds` its range (None: unbounded); `aggregation` how images become one
    number. `per_class`: one value a class. `protocol_version` grows whenever the same inputs give another number.
    """

    id: str
    title: str
    inputs: str
    direction: Direction
    bounds: Bounds
    unit: str
    aggregation: str
    reference: str
    per_class: bool = False
    protocol_version: int = 1


_UNIT: Bounds = (0.0, 1.0)
_MAPS = "true and predicted instance maps"
_TYPED = "true and predicted instance and type maps"
_SETS = "features of real and synthetic images"
_MEAN = "mean over images; images without a nucleus in truth and prediction left out and counted"
_POOLED = "from counts summed over images"
_KIRILLOV = "Kirillov et al., CVPR 2019, eq. 1"
_HOVERNET = "Graham et al., MedIA 2019; counts as in its released code"


def _instances(id: str, title: str, reference: str, aggregation: str = _MEAN) -> Metric:
    return Metric(id, title, _MAPS, "higher", _UNIT, "", aggregation, reference)


def _typed(id: str, title: str, reference: str, *, per_class: bool = False) -> Metric:
    return Metric(id, title, _TYPED, "higher", _UNIT, "", _POOLED, reference, per_class=per_class)


def _distance(id: str, title: str, reference: str, lowest: float | None) -> Metric:
    return Metric(id, title, _SETS, "lower", (lowest, None), "", "one number a set", reference)


_FRECHET = "Heusel et al., NeurIPS 2017"
_KERNEL = "Bińkowski et al., ICLR 2018, eq. 4; full unbiased statistic"

_ALL = (
    _instances("dice/image", "Dice", "Graham et al., MedIA 2019 (binary foreground)"),
    _instances("jaccard/image", "Jaccard", "binary foreground"),
    _instances("dice_2/image", "ensemble Dice", "Vu et al., Frontiers 2019"),
    _instances("aji/image", "AJI", "Kumar et al., TMI 2017"),
    _instances("aji_plus/image", "AJI+", "Graham et al., MedIA 2019"),
    _instances("dq/image", "DQ", _KIRILLOV),
    _instances("sq/image", "SQ", _KIRILLOV),
    _instances("pq/image", "PQ", _KIRILLOV),
    _instances("f1/image", "F1 at IoU > 0.5", _KIRILLOV),
    _instances("dq/pooled", "DQ, pooled", _KIRILLOV, _POOLED),
    _instances("sq/pooled", "SQ, pooled", _KIRILLOV, _POOLED),
    _instances("pq/pooled", "PQ, pooled", _KIRILLOV, _POOLED),
    _typed("f_d", "F detection", _HOVERNET),
    _typed("precision_d", "precision of detection", "Hörst et al., MedIA 2024"),
    _typed("recall_d", "recall of detection", "Hörst et al., MedIA 2024"),
    _typed("acc", "accuracy of types", "Oh & Jeong, MICCAI 2023: matched nuclei of equal type / matched nuclei"),
    _typed("f_type", "F of a class", _HOVERNET, per_class=True),
    _typed("f_type_paper", "F of a class, as printed", "Graham et al., MedIA 2019, eq. 9", per_class=True),
    _typed("precision_type", "precision of a class", "Hörst et al., MedIA 2024", per_class=True),
    _typed("recall_type", "recall of a class", "Hörst et al., MedIA 2024", per_class=True),
    _distance("fid", "FID", f"{_FRECHET}; Inception features as clean-fid computes them", 0.0),
    _distance("kid", "KID", f"{_KERNEL}; Inception features as clean-fid computes them", None),
    _distance("clip_fid", "CLIP-FID", f"{_FRECHET}; OpenAI CLIP ViT-B/32 as clean-fid computes it", 0.0),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.id: metric for metric in _ALL})

# Distances by encoder: `fd@<encoder>`. The names `fid`, `kid` and `clip_fid` belong to the published weights alone.
_FAMILIES: Mapping[str, Metric] = MappingProxyType(
    {
        "fd": _distance("fd", "Fréchet distance", _FRECHET, 0.0),
        "kd": _distance("kd", "kernel distance", _KERNEL, None),
    }
)
_PUBLISHED = MappingProxyType(
    {("fd", "inception"): "fid", ("kd", "inception"): "kid", ("fd", "clip-vit-b-32"): "clip_fid"}
)


def metric(id: str) -> Metric:
    """Return what is known of a metric, `fd@<encoder>` and `kd@<encoder>` with any encoder included.

    >>> metric("fd@random-convnet").title
    'Fréchet distance (random-convnet)'

    Raises:
        ConfigError: there is no such metric, or a published name exists for that encoder.
    """
    if id in METRICS:
        return METRICS[id]
    kind, _, encoder = id.partition("@")
    if kind not in _FAMILIES or not encoder:
        raise ConfigError("expected the id of a metric", got=repr(id), fix=f"one of {', '.join(METRICS)}, fd@…, kd@…")
    if (kind, encoder) in _PUBLISHED:
        raise ConfigError(f"expected the published name {_PUBLISHED[kind, encoder]!r}", got=repr(id))
    family = _FAMILIES[kind]
    return replace(family, id=id, title=f"{family.title} ({encoder})")


def distance_name(kind: Literal["fd", "kd"], encoder: str) -> str:
    """Return the id under which a distance on an encoder's features is reported.

    Args:
        kind: `fd` (Fréchet) or `kd` (kernel).
        encoder: the encoder's `name`, which is `inception` or `clip-vit-b-32` for the published weights only.

    >>> distance_name("fd", "inception"), distance_name("kd", "clip-vit-b-32")
    ('fid', 'kd@clip-vit-b-32')
    """
    return _PUBLISHED.get((kind, encoder), f"{kind}@{encoder}")

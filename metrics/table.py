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


def _surface(id: str, title: str, reference: str) -> Metric:
    aggregation = f"{_MEAN}; the image's diagonal where one mask is empty"
    return Metric(id, title, "true and predicted foregrounds", "lower", (0.0, None), "px", aggregation, reference)


def _classes(id: str, title: str, reference: str) -> Metric:
    inputs = "true and predicted image-level classes"
    return Metric(id, title, inputs, "higher", _UNIT, "", "from one pooled confusion matrix", reference)


def _faith(id: str, title: str) -> Metric:
    inputs = "type maps: condition, segmented synthetic image, segmented real image"
    return Metric(id, title, inputs, "higher", _UNIT, "", "mean over images", "Konz et al., MICCAI 2024")


def _typed(id: str, title: str, reference: str, *, per_class: bool = False) -> Metric:
    return Metric(id, title, _TYPED, "higher", _UNIT, "", _POOLED, reference, per_class=per_class)


def _distance(id: str, title: str, reference: str, lowest: float | None) -> Metric:
    return Metric(id, title, _SETS, "lower", (lowest, None), "", "one number a set", reference)


_PANNUKE = "Gamper et al., 2020"
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
    _typed("pq_class/pooled", "PQ of a class, pooled", _KIRILLOV, per_class=True),
    _typed("mpq_plus", "mPQ+", "Graham et al., 2024 (CoNIC): mean of pooled PQ over classes"),
    replace(_typed("bpq/image", "bPQ", _PANNUKE), aggregation="mean over images that hold a true nucleus"),
    replace(_typed("mpq/image", "mPQ", _PANNUKE), aggregation="mean over images of the mean over classes present"),
    replace(_typed("mpq/tissue", "mPQ, by tissue", _PANNUKE), aggregation="mean over tissues of `mpq/image`"),
    replace(_typed("count_r2", "R2 of counts", "CoNIC challenge", per_class=True), bounds=(None, 1.0)),
    _surface("hd95/image", "HD95", "larger of the two directed 95th percentiles (MONAI)"),
    _surface("hd95_concatenated/image", "HD95, concatenated", "95th percentile over both directions (MedPy)"),
    _faith("fs1/image", "FS1"),
    _faith("fs2/image", "FS2"),
    _faith("fs_real/image", "FS of the real image"),
    _faith("fs1_class/image", "FS1, mean over classes"),
    _faith("fs2_class/image", "FS2, mean over classes"),
    _faith("fs_real_class/image", "FS of the real image, mean over classes"),
    _classes("accuracy", "accuracy", "share of images classified rightly"),
    _classes("f1_macro", "F1, macro", "scikit-learn"),
    _classes("f1_weighted", "F1, weighted", "scikit-learn"),
    _classes("sensitivity_macro", "sensitivity, macro", "scikit-learn (recall)"),
    _classes("sensitivity_weighted", "sensitivity, weighted", "scikit-learn (recall); equals accuracy"),
    _classes("specificity_macro", "specificity, macro", "TN / (TN + FP)"),
    _classes("specificity_weighted", "specificity, weighted", "TN / (TN + FP)"),
    _classes("auroc", "AUROC", "one class against the rest, macro; scikit-learn"),
    _distance("colour_fd", "Fréchet distance of colour", "optical density and stains; see metrics.colour", 0.0),
    _distance("fid", "FID", f"{_FRECHET}; Inception features as clean-fid computes them", 0.0),
    _distance("kid", "KID", f"{_KERNEL}; Inception features as clean-fid computes them", None),
    _distance("clip_fid", "CLIP-FID", f"{_FRECHET}; OpenAI CLIP ViT-B/32 as clean-fid computes it", 0.0),
)

METRICS: Mapping[str, Metric] = MappingProxyType({metric.id: metric for metric in _ALL})


def _manifold(id: str, title: str, reference: str, bounds: Bounds) -> Metric:
    return Metric(id, title, _SETS, "higher", bounds, "", "one number a set", reference)


# Scores of sets by encoder: `fd@<encoder>`. The names `fid`, `kid` and `clip_fid` belong to the published weights
# alone.
_FAMILIES: Mapping[str, Metric] = MappingProxyType(
    {
        "fd": _distance("fd", "Fréchet distance", _FRECHET, 0.0),
        "kd": _distance("kd", "kernel distance", _KERNEL, None),
        "precision": _manifold("precision", "precision", "Kynkäänniemi et al., NeurIPS 2019", _UNIT),
        "recall": _manifold("recall", "recall", "Kynkäänniemi et al., NeurIPS 2019", _UNIT),
        "density": _manifold("density", "density", "Naeem et al., ICML 2020", (0.0, None)),
        "coverage": _manifold("coverage", "coverage", "Naeem et al., ICML 2020", _UNIT),
        "auth_pct": _manifold("auth_pct", "AuthPct", "Alaa et al., ICML 2022", (0.0, 100.0)),
        "copy_rate": replace(
            _manifold("copy_rate", "copy rate", "nearer to training than all but 5 % of test images", _UNIT),
            direction="lower",
        ),
    }
)
_PUBLISHED = MappingProxyType(
    {("fd", "inception"): "fid", ("kd", "inception"): "kid", ("fd", "clip-vit-b-32"): "clip_fid"}
)


def metric(id: str) -> Metric:
    """Return what is known of a metric; scores of sets, `fd@<encoder>` and the like, exist for any encoder.

    >>> metric("fd@random-convnet").title
    'Fréchet distance (random-convnet)'

    Raises:
        ConfigError: there is no such metric, or a published name exists for that encoder.
    """
    if id in METRICS:
        return METRICS[id]
    kind, _, encoder = id.partition("@")
    if kind not in _FAMILIES or not encoder:
        known = ", ".join([*METRICS, *(f"{family}@ENCODER" for family in _FAMILIES)])
        raise ConfigError("expected the id of a metric", got=repr(id), fix=f"one of {known}")
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

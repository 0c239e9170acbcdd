"""The table of metrics: names, inputs, meanings and references. Leaderboards and docs are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from bench.errors import ConfigError
from metrics.entry import Bounds, Direction, Group, Metric
from metrics.families import FAMILIES, PUBLISHED
from metrics.reader_metrics import READER_METRICS

__all__ = [
    "FAMILIES",
    "METRICS",
    "Direction",
    "Group",
    "Metric",
    "distance_name",
    "metric",
    "of_groups",
    "reading_position",
]

_UNIT: Bounds = (0.0, 1.0)
SMALLEST_EFFECT = 0.01
"""The smallest effect of interest of the main label metrics, declared: one point of a hundred."""
_MAPS = "true and predicted instance maps"
_TYPED = "true and predicted instance and type maps"
_MEAN = "mean over images; images without a nucleus in truth and prediction left out and counted"
_POOLED = "from counts summed over images"
_KIRILLOV = "Kirillov et al., CVPR 2019, eq. 1"
_HOVERNET = "Graham et al., MedIA 2019; counts as in its released code"
_PANNUKE = "Gamper et al., 2020"


def _label(entry: Metric) -> Metric:
    """Return the entry of a label metric; a main one has a smallest effect of interest."""
    return replace(entry, smallest_effect=SMALLEST_EFFECT if entry.main else None)


def _instances(id: str, title: str, reference: str, aggregation: str = _MEAN, *, main: bool = False) -> Metric:
    return _label(Metric(id, title, "instances", _MAPS, "higher", _UNIT, "", aggregation, reference, main=main))


def _pixels(id: str, title: str, reference: str, aggregation: str = _MEAN) -> Metric:
    inputs = "true and predicted foregrounds, the latter before nuclei are separated"
    return Metric(id, title, "instances", inputs, "higher", _UNIT, "", aggregation, reference)


def _surface(id: str, title: str, reference: str) -> Metric:
    inputs = "true and predicted foregrounds"
    aggregation = f"{_MEAN}; the image's diagonal where one mask is empty"
    return Metric(id, title, "instances", inputs, "lower", (0.0, None), "px", aggregation, reference)


def _typed(id: str, title: str, reference: str, *, per_class: bool = False, main: bool = False) -> Metric:
    entry = Metric(id, title, "types", _TYPED, "higher", _UNIT, "", _POOLED, reference, per_class=per_class, main=main)
    return _label(entry)


def _classes(
    id: str, title: str, reference: str, aggregation: str = "from one pooled confusion matrix", *, main: bool = False
) -> Metric:
    inputs = "true and predicted image-level classes"
    return _label(Metric(id, title, "images", inputs, "higher", _UNIT, "", aggregation, reference, main=main))


def _faith(id: str, title: str, *, main: bool = False) -> Metric:
    inputs = "type maps: condition, segmented synthetic image, segmented real image"
    aggregation = "mean over images; images where both masks are empty left out"
    reference = "Konz et al., MICCAI 2024"
    return Metric(id, title, "faithfulness", inputs, "higher", _UNIT, "", aggregation, reference, main=main)


def _given_back(id: str, title: str, direction: Direction, bounds: Bounds, unit: str, reference: str) -> Metric:
    inputs = "images and their reconstructions"
    return Metric(id, title, "reconstruction", inputs, direction, bounds, unit, "mean over images", reference)


_ALL = (
    PUBLISHED["fd", "clip-vit-b-32"],
    PUBLISHED["fd", "inception"],
    PUBLISHED["fd_inf", "clip-vit-b-32"],
    PUBLISHED["fd_inf", "inception"],
    PUBLISHED["kd", "inception"],
    replace(
        FAMILIES["fd"],
        id="colour_fd",
        title="Fréchet distance of colour",
        main=False,
        inputs="real and synthetic images",
        reference="of 10 moments of optical density and stains (Ruifrok & Johnston 2001); see metrics.colour",
    ),
    Metric(
        "test_copies",
        "copies of test images",
        "memorisation",
        "different synthetic images, and all windows of the test and of the training tiles",
        "lower",
        _UNIT,
        "",
        "share of the images",
        "detail like that of a test window, turned or mirrored (correlation ≥ 0.85, ≥ 0.15 above any training window)",
    ),
    PUBLISHED["clip_similarity", "plip"],
    PUBLISHED["clip_similarity_shuffled", "plip"],
    _faith("fs1/image", "FS1", main=True),
    _faith("fs2/image", "FS2", main=True),
    _faith("fs_real/image", "FS of the real image"),
    _faith("fs1_class/image", "FS1, mean over classes"),
    _faith("fs2_class/image", "FS2, mean over classes"),
    _faith("fs_real_class/image", "FS of the real image, mean over classes"),
    PUBLISHED["perceptual", "lpips-alex"],
    PUBLISHED["perceptual", "lpips-vgg"],
    _given_back("mse", "MSE", "lower", _UNIT, "", "of values in [0, 1]"),
    _given_back("psnr", "PSNR", "higher", (0.0, None), "dB", "-10 log10 MSE; infinite for equal images"),
    _given_back("ssim", "SSIM", "higher", (-1.0, 1.0), "", "Wang et al., TIP 2004; Gaussian window, SD 1.5 px"),
    Metric(
        "gan_test",
        "GAN-test",
        "selection",
        "synthetic images of a class, and a network that was trained on real images only",
        "higher",
        _UNIT,
        "",
        "share of all images of the set",
        "Shmelkov et al., ECCV 2018, section 3.2: the share that the network assigns to the class of the request",
        main=True,
    ),
    Metric(
        "acceptance",
        "acceptance",
        "selection",
        "a pool of synthetic images, and a classifier that was trained on real images only",
        "none",
        _UNIT,
        "",
        "share of each class's images, mean over classes",
        "Xue et al., MedIA 2021: nearest to the centroid of the requested class, and as confident as the arm requires",
    ),
    _instances("dice/image", "Dice", "Graham et al., MedIA 2019 (binary foreground)", main=True),
    _instances("jaccard/image", "Jaccard", "binary foreground"),
    _instances("dice_2/image", "ensemble Dice", "Vu et al., Frontiers 2019"),
    _instances("aji/image", "AJI", "Kumar et al., TMI 2017", main=True),
    _instances("aji_plus/image", "AJI+", "Graham et al., MedIA 2019"),
    _instances("dq/image", "DQ", _KIRILLOV),
    _instances("sq/image", "SQ", _KIRILLOV),
    _instances("pq/image", "PQ", _KIRILLOV, main=True),
    _instances("f1/image", "F1 at IoU > 0.5", _KIRILLOV),
    _instances("dq/pooled", "DQ, pooled", _KIRILLOV, _POOLED),
    _instances("sq/pooled", "SQ, pooled", _KIRILLOV, _POOLED),
    _instances("pq/pooled", "PQ, pooled", _KIRILLOV, _POOLED),
    _pixels("dice_pixels/image", "Dice of pixels", "Hörst et al., MedIA 2024 (arg max of the nucleus branch)"),
    _pixels("jaccard_pixels/image", "Jaccard of pixels", "Hörst et al., MedIA 2024 (arg max of the nucleus branch)"),
    _pixels(
        "dice_pixels_cellvit/image",
        "Dice of pixels, empty as 0",
        "as CellViT's code counts it",
        "mean over images; images without a nucleus in truth and prediction count as 0",
    ),
    _surface("hd95/image", "HD95", "larger of the two directed 95th percentiles (MONAI)"),
    _surface("hd95_concatenated/image", "HD95, concatenated", "95th percentile over both directions (MedPy)"),
    _typed("f_d", "F detection", _HOVERNET, main=True),
    _typed("precision_d", "precision of detection", "Hörst et al., MedIA 2024"),
    _typed("recall_d", "recall of detection", "Hörst et al., MedIA 2024"),
    _typed(
        "acc", "accuracy of types", "Oh & Jeong, MICCAI 2023: matched nuclei of equal type / matched nuclei", main=True
    ),
    _typed("f_type", "F of a class", _HOVERNET, per_class=True, main=True),
    _typed("f_type_paper", "F of a class, as printed", "Graham et al., MedIA 2019, eq. 9", per_class=True),
    _typed("precision_type", "precision of a class", "Hörst et al., MedIA 2024", per_class=True),
    _typed("recall_type", "recall of a class", "Hörst et al., MedIA 2024", per_class=True),
    _typed("pq_class/pooled", "PQ of a class, pooled", _KIRILLOV, per_class=True),
    replace(
        _typed("pq_class/image", "PQ of a class, by image", _PANNUKE, per_class=True),
        aggregation="mean over images that hold a true nucleus of the class",
    ),
    _typed("mpq_plus", "mPQ+", "Graham et al., 2024 (CoNIC): mean of pooled PQ over classes"),
    replace(_typed("bpq/image", "bPQ", _PANNUKE), aggregation="mean over images that hold a true nucleus"),
    replace(_typed("bpq/tissue", "bPQ, by tissue", _PANNUKE), aggregation="mean over tissues of `bpq/image`"),
    replace(_typed("mpq/image", "mPQ", _PANNUKE), aggregation="mean over images of the mean over classes present"),
    replace(_typed("mpq/tissue", "mPQ, by tissue", _PANNUKE), aggregation="mean over tissues of `mpq/image`"),
    replace(
        _typed("count_r2", "R2 of counts", "Graham et al., 2024 (CoNIC)", per_class=True),
        bounds=(None, 1.0),
        aggregation="coefficient of determination of the numbers of nuclei, over images",
    ),
    replace(
        _typed("count_r2_mean", "R2 of counts, mean over classes", "Graham et al., 2024 (CoNIC)"),
        bounds=(None, 1.0),
        aggregation="mean of `count_r2` over classes",
    ),
    _classes("accuracy", "accuracy", "share of correctly classified images", main=True),
    _classes("f1_macro", "F1, macro", "scikit-learn"),
    _classes("f1_weighted", "F1, weighted", "scikit-learn", main=True),
    _classes("sensitivity_macro", "sensitivity, macro", "scikit-learn (recall)"),
    _classes("sensitivity_weighted", "sensitivity, weighted", "scikit-learn (recall); equals accuracy"),
    _classes("specificity_macro", "specificity, macro", "TN / (TN + FP)"),
    _classes("specificity_weighted", "specificity, weighted", "TN / (TN + FP)", main=True),
    replace(_classes("f1_class", "F1 of a class", "scikit-learn"), per_class=True),
    replace(_classes("sensitivity_class", "sensitivity of a class", "scikit-learn (recall)"), per_class=True),
    replace(_classes("specificity_class", "specificity of a class", "TN / (TN + FP)"), per_class=True),
    _classes("auroc", "AUROC", "one class against the rest, macro; scikit-learn", "pooled over images", main=True),
    replace(_classes("auroc_class", "AUROC of a class", "scikit-learn", "pooled over images"), per_class=True),
    *READER_METRICS,
)

METRICS: Mapping[str, Metric] = MappingProxyType({entry.id: entry for entry in _ALL})


def metric(id: str) -> Metric:
    """Return the entry of a metric; scores on features, such as `fd@<encoder>`, exist for any encoder.

    Raises:
        ConfigError: there is no such metric, or a published name exists for that encoder.

    >>> metric("kd@random-convnet").title, metric("pq/image").bounds
    ('kernel distance (random-convnet)', (0.0, 1.0))
    """
    if id in METRICS:
        return METRICS[id]
    kind, _, encoder = id.partition("@")
    if kind not in FAMILIES or not encoder:
        known = ", ".join([*METRICS, *(f"{family}@ENCODER" for family in FAMILIES)])
        raise ConfigError("This is not the id of a metric", got=repr(id), fix=f"one of {known}")
    if (kind, encoder) in PUBLISHED:
        raise ConfigError(f"This metric has the published name {PUBLISHED[kind, encoder].id!r}", got=repr(id))
    family = FAMILIES[kind]
    return replace(family, id=id, title=f"{family.title} ({encoder})")


def of_groups(*groups: Group) -> tuple[Metric, ...]:
    """Return the metrics of some groups, in the order of the table.

    >>> [entry.id for entry in of_groups("selection")], len(of_groups("faithfulness"))
    (['gan_test', 'acceptance'], 6)
    """
    return tuple(entry for entry in METRICS.values() if entry.group in groups)


def find(id: str, known: Mapping[str, Metric] = METRICS) -> Metric | None:
    """Return the entry of a column's metric, or of its family for a score on features; None for other columns.

    Args:
        id: the metric's id.
        known: metrics by id, including those of other packages.

    >>> find("kd@random-convnet").shown_times, find("seconds")
    (1000.0, None)
    """
    return known.get(id) or FAMILIES.get(id.partition("@")[0])


def distance_name(kind: str, encoder: str) -> str:
    """Return the id under which a score on an encoder's features is reported.

    Args:
        kind: the family, such as `fd` (Fréchet distance), `kd` (kernel distance) or
            `clip_similarity`.
        encoder: the encoder's `name`, which is `inception`, `clip-vit-b-32`, `plip`, `lpips-alex` or `lpips-vgg`
            for the published weights only.

    Raises:
        ConfigError: there is no such family.

    >>> distance_name("fd", "inception"), distance_name("kd", "clip-vit-b-32")
    ('fid', 'kd@clip-vit-b-32')
    """
    if kind not in FAMILIES:
        raise ConfigError(
            "This is not a family of scores on features", got=repr(kind), fix=f"one of {', '.join(FAMILIES)}"
        )
    published = PUBLISHED.get((kind, encoder))
    return published.id if published else f"{kind}@{encoder}"


_READING_ORDER = tuple(dict.fromkeys(["clip_fid", "fid", "fd", "kid", "kd", "colour_fd", *FAMILIES, *METRICS]))


def reading_position(id: str, group: Group | None = None) -> tuple[int, int]:
    """Return the position of a metric in tables: sets of images, then instances, types and image classes; others last.

    A metric that is not in the table follows those of its group.

    >>> [reading_position(id) for id in ("clip_fid", "fid", "fd@random-convnet")]
    [(0, 0), (1, 0), (2, 0)]
    """
    name = id.partition("@")[0]
    if name in _READING_ORDER:
        return _READING_ORDER.index(name), 0
    of_group = [place for place, known in enumerate(_READING_ORDER) if _group(known) == group]
    return (of_group[-1], 1) if of_group else (len(_READING_ORDER), 0)


def _group(name: str) -> Group:
    return (METRICS.get(name) or FAMILIES[name]).group

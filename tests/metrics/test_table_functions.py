"""Every metric of the table is what a function gives, with the direction and the range that the table says."""

import ast
from pathlib import Path

import numpy as np
import pytest

import metrics
from metrics.aji import aji, aji_plus
from metrics.alignment import has_text, shuffled, similarity
from metrics.classification import score_classes
from metrics.colour import colour_distance
from metrics.copies import copied_share, nearness_to_test
from metrics.faithfulness import faithfulness
from metrics.frechet import frechet_distance
from metrics.frechet_infinity import frechet_infinity
from metrics.instances import (
    dice,
    dice_2,
    instance_f1,
    jaccard,
    panoptic,
    pool,
    pooled_dq,
    pooled_pq,
    pooled_sq,
    score_instances,
)
from metrics.kernel_groups import grouped_kernel_distance
from metrics.manifold import manifold_scores
from metrics.memorisation import memorisation
from metrics.multiclass import (
    class_counts,
    count_r2,
    mean_by_tissue,
    mean_count_r2,
    mpq_of_images,
    mpq_plus,
    pq_of_classes,
    pq_of_present,
)
from metrics.overlap import overlap
from metrics.pixels import pixel_scores
from metrics.proportion import mean_proportion, proportion
from metrics.reconstruction import reconstruction
from metrics.surface import hausdorff
from metrics.table import FAMILIES, METRICS, metric
from metrics.types import (
    detection_f1,
    detection_precision,
    detection_recall,
    type_accuracy,
    type_counts,
    type_f1,
    type_precision,
    type_recall,
)
from tests import toy_maps
from tests.metrics.public_functions import PARTS, SCORES
from tests.metrics.reader_values import READERS

N_CLASSES = 3
RNG = np.random.default_rng(0)
TRUE = [toy_maps.nuclei(np.random.default_rng(seed), 96, 30) for seed in range(4)]
TYPES = [toy_maps.typed(np.random.default_rng(seed), true, N_CLASSES) for seed, true in enumerate(TRUE)]
# A better and a worse prediction of every image: a pixel aside, and far off with every third nucleus lost.
PREDICTED = {
    "better": [np.roll(true, 1, axis=0) for true in TRUE],
    "worse": [np.where(np.roll(true, 4, axis=1) % 3 == 0, 0, np.roll(true, 4, axis=1)) for true in TRUE],
}
WRONG = {"better": 0.1, "worse": 0.6}
FEATURES = {name: RNG.normal(size=(60, 5)) for name in ("train", "test", "fresh")}
MADE = {"better": FEATURES["fresh"], "worse": FEATURES["fresh"] + 2.0}
# Where copying is asked about, near copies are the worse set.
COPIED = {"better": FEATURES["fresh"], "worse": FEATURES["train"] + 1e-3}
IMAGES = RNG.integers(60, 200, (30, 16, 16, 3), dtype=np.uint8)
NOISY = {
    name: np.clip(IMAGES + RNG.normal(0, sd, IMAGES.shape) + sd, 0, 255).astype(np.uint8)
    for name, sd in (("better", 3), ("worse", 40))
}
CLASSES = RNG.integers(0, N_CLASSES, 200)


def relabelled(labels, which, lowest):
    """Labels of which a share is wrong: 10 % in the better prediction, 60 % in the worse."""
    rng = np.random.default_rng(1)
    wrong = rng.random(len(labels)) < WRONG[which]
    other = lowest + (labels - lowest + rng.integers(1, N_CLASSES, len(labels))) % N_CLASSES
    return np.where(wrong, other, labels)


def predicted_types(which):
    """The types of the predicted nuclei, some of them wrong, in ascending order of id."""
    for true, types, pred in zip(TRUE, TYPES, PREDICTED[which], strict=True):
        kept = np.isin(np.unique(true[true > 0]), pred)
        yield relabelled(types, which, 1)[kept]


def per_image(function):
    return lambda which: np.mean([function(overlap(t, p)) for t, p in zip(TRUE, PREDICTED[which], strict=True)])


def of_scores(function):
    def value(which):
        scores = [score_instances(t, p) for t, p in zip(TRUE, PREDICTED[which], strict=True)]
        return function(pool(scores).sum(axis=0))

    return value


def of_types(function, **options):
    def value(which):
        counts = sum(
            type_counts(t, types, p, pred_types, n_classes=N_CLASSES, radius_px=3.0)
            for t, types, p, pred_types in zip(TRUE, TYPES, PREDICTED[which], predicted_types(which), strict=True)
        )
        return function(counts, **options)

    return value


def of_classes(function):
    def value(which):
        counts = [
            class_counts(overlap(t, p), types, pred_types, N_CLASSES)
            for t, types, p, pred_types in zip(TRUE, TYPES, PREDICTED[which], predicted_types(which), strict=True)
        ]
        return function(np.stack(counts))

    return value


def pixels(field):
    def value(which):
        return np.mean(
            [getattr(pixel_scores(t > 0, p > 0), field) for t, p in zip(TRUE, PREDICTED[which], strict=True)]
        )

    return value


def surface(definition):
    def value(which):
        pairs = zip(TRUE, PREDICTED[which], strict=True)
        return np.mean([hausdorff(t > 0, p > 0, definition=definition).value for t, p in pairs])

    return value


def faithful(name):
    def value(which):
        real = toy_maps.type_map(TRUE[0], TYPES[0])
        seen = toy_maps.type_map(PREDICTED[which][0], next(predicted_types(which)))
        anchor = seen if name.startswith("fs_real") else real
        return getattr(faithfulness(real, seen, anchor, N_CLASSES), name)

    return value


def classified(name):
    def value(which):
        pred = relabelled(CLASSES, which, 0)
        scores = np.eye(N_CLASSES)[pred] + np.random.default_rng(2).random((len(pred), N_CLASSES)) / 4
        return getattr(score_classes(CLASSES, pred, N_CLASSES, scores=scores), name)

    return value


def classified_by_class(name):
    from metrics import classification

    def value(which):
        pred = relabelled(CLASSES, which, 0)
        if name == "auroc":
            return classification.auroc_by_class(CLASSES, np.eye(N_CLASSES)[pred])
        flat = classification.confusion_matrix(CLASSES, pred, N_CLASSES).ravel()
        return classification.by_class(flat)[("f1", "sensitivity", "specificity").index(name)]

    return value


def given_back(name):
    return lambda which: np.mean(
        [getattr(reconstruction(a, b), name) for a, b in zip(IMAGES, NOISY[which], strict=True)]
    )


def on_features(function, made=MADE):
    return lambda which: function(FEATURES["train"], made[which])


def aligned(which):
    noise = np.random.default_rng(3).normal(size=FEATURES["train"].shape)
    texts = FEATURES["train"] + {"better": 0.2, "worse": 5.0}[which] * noise
    return similarity(FEATURES["train"], texts, has_text(["a caption"] * len(texts))).value


def misaligned(which):
    images, texts = FEATURES["train"], FEATURES["train"] + {"better": 0.0, "worse": 1.0}[which]
    given = shuffled([str(index) for index in range(len(texts))], np.random.default_rng(3))
    return similarity(images, texts[given], given >= 0).value


def perceived(which):
    torch = pytest.importorskip("torch")
    from metrics.perceptual import perceptual_distance

    a, b = (torch.tensor(images / 255.0).permute(0, 3, 1, 2) for images in (IMAGES, NOISY[which]))
    return float(perceptual_distance([a], [b]).mean())


def near_test(which):
    slides = [str(index % 6) for index in range(60)]
    made = {"better": FEATURES["train"], "worse": FEATURES["test"]}[which] + 0.01
    found = nearness_to_test(
        made, FEATURES["train"], FEATURES["test"], slides, slides, np.random.default_rng(3), alpha=0.005
    )
    return found.value


VALUES = {
    **READERS,
    "clip_fid": on_features(lambda x, y: frechet_distance(x, y).value),
    "colour_fd": lambda which: colour_distance(IMAGES, NOISY[which]).value,
    "clip_fid_inf": on_features(lambda x, y: frechet_infinity(x, y, rng=np.random.default_rng(0))),
    "kid": on_features(lambda x, y: grouped_kernel_distance(x, y, np.arange(len(x)), -1 - np.arange(len(y))).value),
    "precision": on_features(lambda x, y: manifold_scores(x, y).precision),
    "recall": on_features(lambda x, y: manifold_scores(x, y).recall),
    "density": on_features(lambda x, y: manifold_scores(x, y).density),
    "coverage": on_features(lambda x, y: manifold_scores(x, y).coverage),
    "auth_pct": on_features(lambda x, y: memorisation(x, y).auth_pct, COPIED),
    "copy_rate": on_features(lambda x, y: memorisation(x, y, FEATURES["test"]).copy_rate, COPIED),
    "test_copies": lambda which: copied_share(np.linspace(WRONG[which], 1.0, 20), np.zeros(20)),
    "test_nearness": near_test,
    "plip": aligned,
    "plip_shuffled": misaligned,
    "gan_test": lambda which: proportion(round(200 * (1 - WRONG[which])), 200).value,
    "acceptance": lambda which: mean_proportion([round(50 * (1 - WRONG[which])), 30], [50, 80]).value,
    "lpips": perceived,
    **{f"{name}/image": faithful(name) for name in ("fs1", "fs2", "fs1_class", "fs2_class")},
    "fs_real/image": faithful("fs_real"),
    "fs_real_class/image": faithful("fs_real_class"),
    **{name: given_back(name) for name in ("mse", "psnr", "ssim")},
    "dice/image": per_image(dice),
    "jaccard/image": per_image(jaccard),
    "dice_pixels/image": pixels("dice"),
    "jaccard_pixels/image": pixels("jaccard"),
    "dice_pixels_cellvit/image": pixels("dice_cellvit"),
    "dice_2/image": per_image(dice_2),
    "aji/image": per_image(aji),
    "aji_plus/image": per_image(aji_plus),
    "dq/image": per_image(lambda table: panoptic(table).dq),
    "sq/image": per_image(lambda table: panoptic(table).sq),
    "pq/image": per_image(lambda table: panoptic(table).pq),
    "f1/image": per_image(instance_f1),
    "dq/pooled": of_scores(pooled_dq),
    "sq/pooled": of_scores(pooled_sq),
    "pq/pooled": of_scores(pooled_pq),
    "hd95/image": surface("max"),
    "hd95_concatenated/image": surface("concatenated"),
    "f_d": of_types(detection_f1),
    "precision_d": of_types(detection_precision),
    "recall_d": of_types(detection_recall),
    "acc": of_types(type_accuracy),
    "f_type": of_types(type_f1),
    "f_type_paper": of_types(type_f1, variant="paper"),
    "precision_type": of_types(type_precision),
    "recall_type": of_types(type_recall),
    "pq_class/pooled": of_classes(lambda counts: pooled_pq(counts.sum(axis=0))),
    "mpq_plus": of_classes(lambda counts: mpq_plus(counts.sum(axis=0))),
    "bpq/image": of_classes(lambda counts: np.nanmean(pq_of_present(counts.sum(axis=1)))),
    "bpq/tissue": of_classes(lambda counts: mean_by_tissue(pq_of_present(counts.sum(axis=1)), list("aabb")).value),
    "pq_class/image": of_classes(pq_of_classes),
    "mpq/image": of_classes(lambda counts: np.nanmean(mpq_of_images(counts))),
    "mpq/tissue": of_classes(lambda counts: mean_by_tissue(mpq_of_images(counts), list("aabb")).value),
    "count_r2": of_classes(lambda counts: count_r2(counts[..., [0, 2]].sum(-1), counts[..., [0, 1]].sum(-1))),
    "count_r2_mean": of_classes(lambda counts: mean_count_r2(counts[..., [0, 2]].sum(-1), counts[..., [0, 1]].sum(-1))),
    **{
        f"{name}_{average}": classified(f"{name}_{average}")
        for name in ("f1", "sensitivity", "specificity")
        for average in ("macro", "weighted")
    },
    "accuracy": classified("accuracy"),
    "auroc": classified("auroc"),
    **{f"{name}_class": classified_by_class(name) for name in ("f1", "sensitivity", "specificity", "auroc")},
}
# Another name for the same function on other weights.
SAME = {
    "fid": "clip_fid",
    "fd": "clip_fid",
    "fid_inf": "clip_fid_inf",
    "fd_inf": "clip_fid_inf",
    "kd": "kid",
    "clip_similarity": "plip",
    "clip_similarity_shuffled": "plip_shuffled",
    "perceptual": "lpips",
    "lpips_vgg": "lpips",
}


def entry_of(id):
    return FAMILIES[id] if id in FAMILIES else metric(id)


def test_every_metric_has_a_function():
    assert {*VALUES, *SAME} == {*METRICS, *FAMILIES}
    assert set(SAME.values()) <= set(VALUES)


@pytest.mark.parametrize("id", VALUES)
def test_directions_and_ranges_are_as_the_table_says(id):
    entry = entry_of(id)
    better, worse = (np.asarray(VALUES[id](which), dtype=np.float64) for which in ("better", "worse"))
    assert better.shape == worse.shape == ((N_CLASSES,) if entry.per_class else ())
    low, high = entry.bounds
    for value in (better, worse):
        assert low is None or (value >= low).all()
        assert high is None or (value <= high).all()
    if entry.direction == "none":
        assert (better != worse).all()
    else:
        assert (better > worse).all() if entry.direction == "higher" else (better < worse).all()


@pytest.mark.parametrize("path", sorted(Path(metrics.__file__).parent.glob("*.py")), ids=lambda path: path.stem)
def test_a_new_function_is_a_metric_of_the_table_or_a_part(path):
    """Fails on a function that is in neither list: give its number an entry in the table, or name it as a part."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    public = {node.name for node in body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")}
    assert public == SCORES.get(path.stem, set()) | PARTS.get(path.stem, set())

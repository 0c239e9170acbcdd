"""What the metrics together say of the controls: images of the phantom, random features, a segmenter by threshold."""

from functools import cache

import numpy as np
import pytest
from scipy import ndimage

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.draw import draw_tile
from metrics.colour import colour_distance
from metrics.encoders.random_convnet import RandomConvNet
from metrics.faithfulness import faithfulness
from metrics.frechet import frechet_distance
from metrics.instances import score_instances
from metrics.kernel import kernel_distance
from metrics.manifold import manifold_scores
from metrics.memorisation import memorisation
from metrics.reconstruction import reconstruction
from metrics.surface import hausdorff

N, SIZE, SLIDES = 60, 64, 6


@cache
def tiles(first):
    """N tiles, evenly of all slides; another `first` gives other tiles of the same slides."""
    return [draw_tile(first + i, f"slide-{i % SLIDES}", SIZE, config=PhantomConfig()) for i in range(N)]


def images(drawn):
    return np.stack([tile.image for tile in drawn])


@cache
def encoder():
    return RandomConvNet(None, "cpu")


def features(pixels):
    return np.asarray(encoder().images(pixels), dtype=np.float64)


@pytest.fixture(scope="module")
def train():
    return images(tiles(0))


@pytest.fixture(scope="module")
def fresh():
    return images(tiles(N))


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (N, SIZE, SIZE, 3), dtype=np.uint8)


def segment(image):
    """Find dark pixels: a segmenter that knows no label."""
    from skimage.filters import threshold_otsu

    grey = image.mean(axis=2)
    return (grey < threshold_otsu(grey)).astype(np.int64)


def fs1(masks, pixels):
    pairs = [(m, segment(image)) for m, image in zip(masks, pixels, strict=True)]
    return np.nanmean([faithfulness(m, s, s, 1).fs1 for m, s in pairs])


def asked(drawn):
    return [(tile.instances > 0).astype(np.int64) for tile in drawn]


def test_copies_are_near_and_not_authentic(train, fresh):
    real, copies = features(train), features(train.copy())
    floor = frechet_distance(real, features(fresh)).value
    assert frechet_distance(real, copies).value < 1e-6 * floor
    assert kernel_distance(real, copies).value < kernel_distance(real, features(fresh)).value
    found = memorisation(real, copies, features(fresh))
    assert (found.auth_pct, found.copy_rate) == (0, 1)
    assert found.nearest.tolist() == list(range(N))
    assert memorisation(real, features(fresh)).auth_pct > 20


def test_noise_loses_everywhere(train, fresh, noise):
    real, good, bad = features(train), features(fresh), features(noise)
    assert frechet_distance(real, bad).value > 3 * frechet_distance(real, good).value
    assert kernel_distance(real, bad).value > 3 * abs(kernel_distance(real, good).value)
    assert colour_distance(train, noise).value > 3 * colour_distance(train, fresh).value
    better, worse = manifold_scores(real, good), manifold_scores(real, bad)
    for name in ("precision", "recall", "density", "coverage"):
        assert getattr(worse, name) < 0.1 < getattr(better, name), name
    masks = asked(tiles(N))
    assert fs1(masks, noise) < fs1(masks, fresh) - 0.2
    truth = [tile.instances for tile in tiles(N)]
    for name in ("dice", "jaccard", "aji", "aji_plus", "pq", "f1"):
        found, made = ([score(t, image) for t, image in zip(truth, p, strict=True)] for p in (fresh, noise))
        assert np.nanmean([getattr(s, name) for s in made]) < np.nanmean([getattr(s, name) for s in found]) - 0.05, name
    assert surface(masks, noise) > surface(masks, fresh)
    kept = [reconstruction(a, np.clip(a + 4.0, 0, 255).astype(np.uint8)).ssim for a in fresh[:5]]
    lost = [reconstruction(a, b).ssim for a, b in zip(fresh[:5], noise[:5], strict=True)]
    assert max(lost) < 0.2 < min(kept)


def score(truth, image):
    return score_instances(truth, ndimage.label(segment(image))[0])


def surface(masks, pixels):
    pairs = zip(masks, pixels, strict=True)
    return np.nanmean([hausdorff(m > 0, segment(image) > 0).value for m, image in pairs])


def test_half_swapped_labels_lower_faithfulness_and_leave_the_distances(train, fresh):
    drawn, masks = tiles(N), asked(tiles(N))
    swapped = [masks[(i + SLIDES) % N] if i % 2 else masks[i] for i in range(N)]
    right, wrong, all_wrong = fs1(masks, fresh), fs1(swapped, fresh), fs1(masks[::-1], fresh)
    assert all_wrong < wrong - 0.1 < right - 0.2
    assert right > 0.5
    # The images are those of the same tiles: what reads only images cannot know.
    assert frechet_distance(features(train), features(images(drawn))).value == pytest.approx(
        frechet_distance(features(train), features(fresh)).value
    )


def test_mode_collapse_keeps_precision_and_loses_recall_and_coverage(train, fresh):
    rng = np.random.default_rng(1)
    few = train[:3][rng.integers(3, size=N)]
    collapsed = np.clip(few + rng.normal(0, 1, few.shape), 0, 255).astype(np.uint8)
    real = features(train)
    good, bad = manifold_scores(real, features(fresh)), manifold_scores(real, features(collapsed))
    assert bad.precision >= good.precision
    assert bad.recall < 0.5 * good.recall
    assert bad.coverage < 0.5 * good.coverage
    assert memorisation(real, features(collapsed)).auth_pct < 10

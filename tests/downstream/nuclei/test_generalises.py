"""Every nucleus network, trained as `smoke` trains it, beats a classifier by thresholds on the phantom's test split."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from skimage.color import rgb2hed
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.morphology import remove_small_objects
from skimage.segmentation import watershed

from bench.config.preset import load_preset
from bench.contract import Budget, Downstream, TrainingMix
from bench.plan.arms import make_network
from downstream.nuclei.predict import load, predict
from metrics.instances import instance_f1, score_instances
from metrics.overlap import overlap
from tests.downstream.nuclei.phantoms import PhantomDataset, nucleus_networks, phantom, phantom_split
from tests.toy import Run

pytestmark = pytest.mark.slow


def network(name: str) -> Downstream:
    return make_network(name, load_preset("smoke"), {}).plugin


@pytest.fixture(scope="module", params=nucleus_networks())
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A network that was trained on the phantom's training split with the budget of `smoke`, in its folder."""
    folder, budget = tmp_path_factory.mktemp("trained"), load_preset("smoke").budget
    mix = TrainingMix(phantom_split("train"))
    network(request.param).fit(mix, Budget(budget.unit, budget.amount), folder, Run(threads=2))
    return request.param, folder


@pytest.fixture(scope="module")
def held_out() -> PhantomDataset:
    return phantom_split("test")


def by_threshold(image: np.ndarray) -> np.ndarray:
    """Return nuclei by Otsu's threshold of haematoxylin, which a watershed of the distances to the border separates."""
    stain = gaussian(rgb2hed(image)[..., 0], 1)
    pixels = remove_small_objects(ndimage.binary_fill_holes(stain > threshold_otsu(stain)), max_size=15)
    depth = gaussian(ndimage.distance_transform_edt(pixels), 1)
    peaks = peak_local_max(depth, min_distance=3, labels=ndimage.label(pixels)[0])
    markers = np.zeros(pixels.shape, np.int32)
    markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return np.asarray(watershed(-depth, markers, mask=pixels).astype(np.int32))


def mean_scores(truth: PhantomDataset, found: Iterator[np.ndarray]) -> tuple[float, float]:
    """Return mean PQ and Dice."""
    scores = [score_instances(s.instances, f) for s, f in zip(truth.samples, found, strict=True)]
    return float(np.mean([s.pq for s in scores])), float(np.mean([s.dice for s in scores]))


def nuclei_of(instances: np.ndarray) -> np.ndarray:
    """Return a map whose ids are 1..n."""
    return np.asarray(np.unique(instances, return_inverse=True)[1].reshape(instances.shape).astype(np.int32))


def test_beats_thresholds(trained: tuple[str, Path], held_out: PhantomDataset) -> None:
    """A network of minutes beats thresholds by its separation of nuclei; they find the pixels of nuclei as well."""
    name, folder = trained
    images = [sample.image for sample in held_out.samples]
    predicted = (p.instances for p in network(name).predict(images, folder, Run(threads=2)))
    pq, dice = mean_scores(held_out, predicted)
    threshold_pq, threshold_dice = mean_scores(held_out, map(by_threshold, images))
    assert threshold_pq > 0.3
    assert pq > 1.0 * threshold_pq
    assert dice > 0.95 * threshold_dice


def test_shifted_windows_find_the_same_nuclei(trained: tuple[str, Path]) -> None:
    """Moved by half a window's output, borders run through the middle of what were whole outputs.

    Attention makes each nucleus depend on all of its window, so CellViT's nuclei are not exactly the same.
    """
    name, folder = trained
    plugin = network(name)
    loaded = load(plugin._kind(), plugin.Config, folder, Run(threads=2))  # type: ignore[attr-defined]
    rows, _, _ = loaded.family.windows(1000, 1000)
    image, shift = phantom(7, 1000).image, min(rows.output, 64) // 2
    one, moved = (next(predict(loaded, [view], Run(threads=2))).instances for view in (image, image[shift:, shift:]))
    assert one is not None
    assert moved is not None
    inner = np.s_[48:-48, 48:-48]
    same = overlap(nuclei_of(one[shift:, shift:][inner]), nuclei_of(moved[inner]))
    assert one.max() > 300
    assert instance_f1(same, threshold=0.5) > 0.85
    edges = (one[1:] != one[:-1]).mean(1)
    borders = np.array(rows.starts[1:], np.int64) - 1
    alike = edges[1::2]  # windows start at even rows, and the small networks draw in blocks of 2 x 2 pixels
    assert edges[borders].sum() <= 1.5 * alike.mean() * len(borders)

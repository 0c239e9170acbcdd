"""Where sets stand by their kernel distance over twenty draws of the phantom, by the code of the evaluation.

With as few images as here, a Fréchet distance has no standing: there are more features than images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.phantom.draw import draw_tile
from bench.engine.context import Run
from bench.engine.reporter import Reporter
from bench.evaluation.distances.features import Features
from bench.evaluation.distances.numbers import Floor, Scores, matched_scores, standing
from bench.evaluation.distances.result import ALPHA
from metrics.encoders.random_convnet import RandomConvNet
from metrics.kernel_groups import grouped_kernel_distance

DRAWS, SLIDES, TILES, SIDE = 20, 8, 6, 64
N = 96


def patches(slides: Iterable[str]) -> tuple[np.ndarray, list[str], list[str]]:
    """Return four patches of each of a slide's tiles, with their names and slides."""
    images, names, groups = [], [], []
    for slide in slides:
        for seed in range(TILES):
            tile = draw_tile(seed, slide, 2 * SIDE, config=PhantomConfig())
            for y in (0, SIDE):
                for x in (0, SIDE):
                    images.append(tile.image[y : y + SIDE, x : x + SIDE])
                    names.append(f"{slide}-{seed}-{y}-{x}")
                    groups.append(slide)
    return np.stack(images), names, groups


def kernel_scores(real: Features, synthetic: Features) -> Scores:
    """Return the kernel distance, and that over all pairs."""
    found = grouped_kernel_distance(real.values, synthetic.values, real.groups, synthetic.groups)
    return {"kd": found.value, "kd_all": found.all_pairs}


def standings(draw: int, folder: Path) -> dict[str, str]:
    """Return the standing of each set in one draw of the phantom."""
    encoder = RandomConvNet(None, "cpu")
    rng = np.random.default_rng(draw)
    images, names, groups = patches(f"draw-{draw}-slide-{slide}" for slide in range(SLIDES))
    others, new_names, new_groups = patches(f"draw-{draw}-new-{slide}" for slide in range(SLIDES))
    real = Features(encoder.images(images), groups, names)
    fresh = Features(encoder.images(others), new_groups, new_names)
    some = np.sort(rng.permutation(len(names))[:N])
    centres = {slide: fresh.values[np.array(new_groups) == slide].mean(0) for slide in set(new_groups)}
    centre = np.stack([centres[slide] for slide in new_groups])
    noise = rng.normal(128, 40, others.shape).clip(0, 255).astype(np.uint8)
    sets = {
        "fresh": fresh.take(some),
        "copy": real.take(some),
        "noise": Features(encoder.images(noise), new_groups, new_names).take(some),
        "less": Features(centre + 0.7 * (fresh.values - centre), new_groups, new_names).take(some),
    }
    run = Run(draw, "cpu", "32-true", 1, 1, 0, folder, Reporter(quiet=True))
    found = {}
    for name, made in sets.items():
        scores, floors = matched_scores(real, made, N, run, kernel_scores, neighbours=False)
        assert floors is not None
        floor = Floor(floors["kd"], floors["kd_low"], floors["kd_high"])
        loses, own = scores["spread_high"] < 1, scores.get("own_slides_p", 1.0) <= ALPHA
        found[name] = standing(scores["kd"], floor, loses=loses, own=own)
    return found


@pytest.mark.slow
def test_each_kind_of_set_stands_where_it_belongs(tmp_path: Path) -> None:
    counts: dict[str, Counter[str]] = {}
    for draw in range(DRAWS):
        for name, place in standings(draw, tmp_path).items():
            counts.setdefault(name, Counter())[place] += 1
    # of 20 draws, one at a level of 5 % lies outside, and two or more in a quarter of repetitions
    assert counts["fresh"]["on"] >= DRAWS - 2, counts
    assert counts["copy"]["below"] >= DRAWS - 1, counts
    assert counts["noise"]["above"] == DRAWS, counts
    assert counts["less"]["above"] >= DRAWS - 2, counts

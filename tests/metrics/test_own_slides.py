"""Who reproduces the slides that a set was made from is found; images that have nothing of them are not."""

import numpy as np
import pytest

from metrics.own_slides import own_slides


def slides(rng, n_slides, per_slide=20, d=6):
    centres = rng.normal(size=(n_slides, d))
    return centres, np.arange(n_slides).repeat(per_slide)


@pytest.mark.parametrize("n_slides", [4, 9])
def test_copies_of_slides_are_found_and_fresh_images_rarely(n_slides):
    found = {"copy": [], "fresh": []}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        centres, of = slides(rng, n_slides)
        others, _ = slides(rng, n_slides)
        real = centres[of] + rng.normal(size=(len(of), 6))
        for name, means in (("copy", centres), ("fresh", others)):
            made = means[of] + rng.normal(size=(len(of), 6))
            found[name].append(own_slides(real, made, of, of, rng=rng) <= 0.05)
    assert np.mean(found["copy"]) > 0.95
    assert np.mean(found["fresh"]) < 0.15


def test_too_few_slides_and_constant_slides_say_nothing():
    rng = np.random.default_rng(0)
    _, of = slides(rng, 3)
    x = rng.normal(size=(60, 2))
    assert own_slides(x, x, of, of, rng=rng) is None
    assert own_slides(np.ones((80, 2)), np.ones((80, 2)), np.arange(80) % 4, np.arange(80) % 4, rng=rng) is None

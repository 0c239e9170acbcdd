"""Random fields have the correlation, direction and shares they promise."""

from __future__ import annotations

import numpy as np
import pytest

from bench.datasets.phantom.texture import fibres, smear, smooth_noise, upper_share


@pytest.mark.parametrize("sigma", [0.8, 4.0, 15.0])
def test_noise_is_standardised_and_as_smooth_as_asked(sigma: float) -> None:
    field = smooth_noise(np.random.default_rng(0), (240, 200), sigma)
    assert field.shape == (240, 200)
    assert field.mean() == pytest.approx(0, abs=1e-3)
    assert field.std() == pytest.approx(1, abs=1e-3)
    # white noise under a Gaussian of sd s has the correlation exp(-d^2 / 4 s^2) at distance d: exp(-1) at 2 s
    lag = round(2 * sigma)
    correlation = float((field[:, lag:] * field[:, :-lag]).mean())
    assert correlation == pytest.approx(np.exp(-(lag**2) / (4 * sigma**2)), abs=0.25)


def test_fibres_follow_the_angle() -> None:
    angle = np.full((120, 120), 0.4, dtype=np.float32)
    field = fibres(np.random.default_rng(0), angle, length=14, width=1.0)
    gy, gx = np.gradient(field)
    along = np.mean((gx * np.cos(0.4) + gy * np.sin(0.4)) ** 2)
    across = np.mean((gy * np.cos(0.4) - gx * np.sin(0.4)) ** 2)
    assert across > 5 * along


def test_smear_keeps_a_constant() -> None:
    angle = np.linspace(0, 3, 900, dtype=np.float32).reshape(30, 30)
    np.testing.assert_allclose(smear(np.full((30, 30), 2.0, np.float32), angle, 10), 2.0, rtol=1e-5)


def test_upper_share_covers_the_share() -> None:
    field = smooth_noise(np.random.default_rng(1), (200, 200), 5.0)
    assert (upper_share(field, 0.3, 0.01) > 0.5).mean() == pytest.approx(0.3, abs=0.02)
    assert not upper_share(field, 0.0, 0.01).any()

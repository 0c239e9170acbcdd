"""Whitened colours: what they do to images, and networks that take them in."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.latent.autoencoder import decode, make_autoencoder, moments_of
from methods.latent.colours import Whitening
from methods.latent.config import AutoencoderNetwork

NETWORK = AutoencoderNetwork(width=8, multipliers=(1, 2), blocks=1, groups=4, middle_attention=False)


def _stained(n: int = 6, size: int = 16) -> torch.Tensor:
    """Images whose brightness varies more than their hue, uint8."""
    rng = np.random.default_rng(0)
    brightness, hue = rng.normal(150, 40, (n, 1, size, size)), rng.normal(0, 6, (n, 1, size, size))
    return torch.from_numpy((brightness + hue * np.array([1, 0.3, -1])[:, None, None]).clip(0, 255).astype(np.uint8))


def _deviations(images: torch.Tensor) -> torch.Tensor:
    return torch.linalg.eigvalsh(torch.cov(images.permute(1, 0, 2, 3).flatten(1))).sqrt()


@pytest.mark.parametrize("strength", [0.0, 0.5, 1.0])
def test_ratios_of_deviations_shrink_by_the_power(strength: float) -> None:
    raw = _stained()
    images, whitening = raw.double() / 127.5 - 1, Whitening(raw, strength)
    white = whitening.apply(images)
    before, after = _deviations(images), _deviations(white)
    torch.testing.assert_close(after / after[-1], (before / before[-1]) ** (1 - strength))
    assert float(after[-1]) == pytest.approx(float(before[-1]))
    torch.testing.assert_close(whitening.undo(white), images)


def test_no_strength_is_rgb_to_the_bit() -> None:
    images = _stained().float() / 127.5 - 1
    whitening = Whitening(_stained(), 0.0)
    assert torch.equal(whitening.apply(images), images)
    assert torch.equal(whitening.undo(images), images)


def test_a_single_colour_can_be_whitened() -> None:
    flat = torch.full((2, 3, 8, 8), 200, dtype=torch.uint8)
    whitening = Whitening(flat, 1.0)
    assert torch.isfinite(whitening.matrix).all()
    torch.testing.assert_close(whitening.undo(whitening.apply(flat.double())), flat.double())


def test_a_folded_network_does_to_rgb_what_it_did_to_whitened_images() -> None:
    torch.manual_seed(0)
    network, raw = make_autoencoder(NETWORK, 16).double(), _stained()
    whitening, images = Whitening(raw, 0.7), raw.double() / 127.5 - 1
    with torch.no_grad():
        moments = moments_of(network, whitening.apply(images))
        wanted = whitening.undo(decode(network, moments.chunk(2, 1)[0]))
        plain = decode(network, moments.chunk(2, 1)[0])
        whitening.fold(network)
        torch.testing.assert_close(moments_of(network, images), moments)
        torch.testing.assert_close(decode(network, moments.chunk(2, 1)[0]), wanted)
    assert not torch.allclose(plain, wanted)

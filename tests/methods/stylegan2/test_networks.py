"""Generator and discriminator as modules, untrained."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from methods.stylegan2.config import NetworkSettings
from methods.stylegan2.discriminator import Discriminator, spread_channel
from methods.stylegan2.generator import Generator
from methods.stylegan2.training import mix_styles

SMALL = NetworkSettings(latent=16, mapping_layers=2, channel_base=128, channel_max=16, statistic_group=2)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator(16, 3, SMALL).requires_grad_(False)


def _noise(generator: Generator, n: int) -> list[torch.Tensor]:
    return [torch.zeros(n, 1, size, size) for size in generator.synthesis.noise_sizes]


def _draw(generator: Generator, z: torch.Tensor, labels: list[int], truncation: float = 1.0) -> torch.Tensor:
    return generator(z, torch.tensor(labels), _noise(generator, len(z)), truncation)


def test_published_size() -> None:
    settings = NetworkSettings()
    assert [settings.channels(4 * 2**level) for level in range(7)] == [512, 512, 512, 512, 256, 128, 64]
    with torch.device("meta"):
        network, critic = Generator(256, 9, settings), Discriminator(256, 9, settings)
    assert network.synthesis.layers == 14
    assert network.synthesis.noise_sizes == [4, 8, 8, 16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    # convolutions of the paper's configuration F at half the channels above 32 px; affine maps and class inputs on top
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(25e6, rel=0.15)
    assert sum(p.numel() for p in critic.parameters()) == pytest.approx(26e6, rel=0.15)


def test_w_has_a_unit_second_moment(generator: Generator) -> None:
    w = generator.mapping(torch.randn(500, 16), torch.arange(500) % 3)
    assert 0.3 < float(w.square().mean()) < 3


def test_z_and_class_change_the_image(generator: Generator) -> None:
    torch.manual_seed(1)
    z = torch.randn(2, 16)
    images = _draw(generator, z, [0, 0])
    assert images.shape == (2, 3, 16, 16)
    assert (images[0] - images[1]).abs().mean() > 0.01
    assert (_draw(generator, z, [1, 1]) - images).abs().mean() > 0.01
    # only the direction of z counts
    torch.testing.assert_close(_draw(generator, 5 * z, [0, 0]), images, rtol=1e-4, atol=1e-4)


def test_tracked_mean_is_that_of_each_class() -> None:
    torch.manual_seed(0)
    network = Generator(8, 3, SMALL)
    constant = torch.randn(3, 16)
    for _ in range(5):
        labels = torch.tensor([0, 1, 1, 0])
        network.track(constant[labels], labels)
    found = network.mean_w(torch.arange(3))
    torch.testing.assert_close(found[:2], constant[:2], rtol=1e-4, atol=1e-5)
    assert (found[2] == 0).all()
    # a class is moved by batches that hold it, an old value fades by .998 a batch
    network.track(torch.zeros(1, 16), torch.tensor([1]))
    shrunk = (1 - 0.998**5) * 0.998 / (1 - 0.998**6)
    torch.testing.assert_close(network.mean_w(torch.tensor([1]))[0], constant[1] * shrunk, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network.mean_w(torch.tensor([0]))[0], constant[0], rtol=1e-4, atol=1e-5)


def test_truncation_goes_to_the_mean_of_the_class(generator: Generator) -> None:
    torch.manual_seed(1)
    z, labels = torch.randn(300, 16), torch.arange(300) % 3
    generator.track(generator.mapping(z, labels), labels)
    spreads = []
    for psi in (1.0, 0.5, 0.0):
        images = _draw(generator, torch.randn(40, 16), [1] * 40, psi)
        spreads.append(float(images.std(dim=0).mean()))
    assert spreads[0] > 1.3 * spreads[1] > 1.3 * spreads[2]
    assert spreads[2] < 1e-5
    apart = _draw(generator, torch.randn(2, 16), [0, 1], 0.0)
    assert (apart[0] - apart[1]).abs().mean() > 0.01


def test_noise_of_each_layer_reaches_the_image(generator: Generator) -> None:
    z, labels = torch.randn(1, 16), torch.tensor([0])
    for convolution in (c for block in generator.synthesis.blocks for c in block.convolutions):
        convolution.noise_strength.fill_(0.3)
    calm = generator(z, labels, _noise(generator, 1))
    for place in range(len(generator.synthesis.noise_sizes)):
        noise = _noise(generator, 1)
        noise[place] += torch.randn(noise[place].shape)
        assert (generator(z, labels, noise) - calm).abs().max() > 1e-4


def test_style_mixing_exchanges_the_later_layers() -> None:
    w, other = torch.zeros(4, 6, 2), torch.ones(4, 1, 2)
    random = torch.Generator().manual_seed(0)
    cuts, kept = set(), 0
    for _ in range(400):
        mixed = mix_styles(w, other, 0.9, random)
        exchanged = mixed[0, :, 0]
        assert (mixed == exchanged[None, :, None]).all()
        assert (exchanged.diff() >= 0).all()
        assert exchanged[0] == 0
        kept += int(exchanged.sum() == 0)
        cuts.add(int((exchanged == 0).sum()))
    assert cuts == {1, 2, 3, 4, 5, 6}
    assert 0.05 < kept / 400 < 0.16
    assert (mix_styles(w, other, 0.0, random) == 0).all()


def test_spread_channel_against_numpy() -> None:
    x = torch.randn(6, 4, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = spread_channel(x, 3).numpy()
    array = x.numpy()
    assert found.shape == (6, 1, 3, 5)
    for index in range(6):
        group = array[[index % 2, index % 2 + 2, index % 2 + 4]]
        expected = np.sqrt(group.var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(found[index], expected, rtol=1e-12)
    # a group larger than the batch is the batch
    np.testing.assert_allclose(spread_channel(x, 8).numpy(), np.sqrt(array.var(axis=0) + 1e-8).mean(), rtol=1e-12)


def test_score_is_a_projection_on_the_class() -> None:
    torch.manual_seed(0)
    network = Discriminator(16, 3, SMALL).requires_grad_(False)
    images = torch.randn(4, 3, 16, 16)
    scores = [network(images, torch.full((4,), label)) for label in range(3)]
    assert scores[0].shape == (4,)
    assert (scores[0] - scores[1]).abs().min() > 1e-4
    # linear in the condition: the last layer's rows doubled, scores doubled
    network.out.weight *= 2
    network.out.bias *= 2
    torch.testing.assert_close(network(images, torch.zeros(4, dtype=torch.long)), 2 * scores[0])

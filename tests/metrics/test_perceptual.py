"""LPIPS: torchmetrics' numbers on the same weights, published weights only, and a gradient."""

from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from bench.errors import DataError, MissingError
from metrics import perceptual_weights
from metrics.encoders.random_convnet import RandomConvNet
from metrics.encoders.weights import file_sha256
from metrics.perceptual import (
    LPIPS,
    RandomMaps,
    fill,
    load_lpips,
    lpips_distance,
    pair_distances,
    perceptual_distance,
)
from metrics.perceptual_weights import lpips_identity, maps_identity

NETS = ["alex", "vgg"]


def images(n=3, h=64, w=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, h, w, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Classifiers of torchvision with random weights under the published names; only the features matter."""
    from torchvision import models

    path = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    for net in NETS:
        published = perceptual_weights.NETS[net]
        features = getattr(models, published.model)(weights=None).features.state_dict()
        last = published.layers[-1]
        # The layers after the last map are in the published file too.
        state = {f"features.{name}": value for name, value in features.items() if int(name.split(".")[0]) <= last}
        torch.save({**state, "classifier.6.bias": torch.zeros(1000)}, path / published.trunk.file)
    return path


@pytest.fixture
def own_trunks(folder, monkeypatch):
    """Take the random trunks for the published ones; the heads are the published ones in earnest."""
    for net in NETS:
        published = perceptual_weights.NETS[net]
        digest = file_sha256(folder / published.trunk.file)
        trunk = type(published.trunk)(**{**vars(published.trunk), "sha256": digest})
        monkeypatch.setitem(perceptual_weights.NETS, net, published._replace(trunk=trunk))
    return folder


def reference(net, folder):
    """Torchmetrics' LPIPS with the published heads and our trunk."""
    # Not an attribute of its package, where a function has that name.
    model = import_module("torchmetrics.functional.image.lpips")._LPIPS(net=net, pnet_rand=True, pretrained=True)
    own = torch.load(folder / perceptual_weights.NETS[net].trunk.file, weights_only=True)
    state = model.net.state_dict()
    model.net.load_state_dict({name: own["features." + name.partition(".")[2]] for name in state})
    return model.eval()


@pytest.mark.parametrize("net", ["alex", pytest.param("vgg", marks=pytest.mark.slow)])
def test_equals_torchmetrics(net, own_trunks):
    a, b = images(), images(seed=1)
    pairs = [torch.from_numpy(x).permute(0, 3, 1, 2).float() / 127.5 - 1 for x in (a, b)]
    with torch.inference_mode():
        theirs = reference(net, own_trunks)(*pairs).flatten().numpy()
    ours = lpips_distance(a, b, own_trunks, net)
    assert ours.shape == (3,)
    assert np.abs(ours - theirs).max() <= 1e-6 + 1e-4 * theirs.max()
    assert theirs.min() > 1e-4
    assert np.abs(lpips_distance(b, a, own_trunks, net) - ours).max() <= 1e-7
    assert lpips_distance(a, a, own_trunks, net) == pytest.approx(0, abs=1e-9)


def test_batches_do_not_matter(own_trunks):
    a, b = images(19, 32, 32), images(19, 32, 32, seed=1)
    whole = lpips_distance(a, b, own_trunks)
    alone = np.concatenate([lpips_distance(a[n : n + 1], b[n : n + 1], own_trunks) for n in (0, 17, 18)])
    assert np.abs(whole[[0, 17, 18]] - alone).max() <= 1e-6


def test_more_noise_is_farther(own_trunks):
    smooth = np.full((1, 48, 48, 3), 180, np.uint8)
    noise = np.random.default_rng(0).normal(size=smooth.shape)
    noisy = [np.clip(smooth + scale * noise, 0, 255).astype(np.uint8) for scale in (2, 8, 32)]
    near, middle, far = (lpips_distance(smooth, image, own_trunks)[0] for image in noisy)
    assert 0 < near < middle < far


def test_a_gradient_reaches_the_image_and_nothing_else(own_trunks):
    distance = load_lpips(own_trunks, "vgg")
    target = torch.rand(1, 3, 32, 32) * 2 - 1
    # Black images: some maps are zero everywhere, where a norm has no gradient of its own.
    image = torch.full((1, 3, 32, 32), -1.0, requires_grad=True)
    before = distance(image, target)
    before.sum().backward()
    assert image.grad.isfinite().all()
    assert image.grad.abs().max() > 0
    assert all(parameter.grad is None for parameter in distance.parameters())
    with torch.no_grad():
        stepped = image - 0.05 * image.grad / image.grad.abs().max()
    assert distance(stepped, target) < before


def test_only_published_weights_are_lpips(folder, tmp_path):
    with pytest.raises(DataError, match="published"):
        lpips_distance(images(), images(), folder)
    for weights in (None, tmp_path):
        with pytest.raises(MissingError) as caught:
            lpips_distance(images(), images(), weights)
        text = str(caught.value)
        assert all(
            part in text for part in ("alexnet-owt-7be5be79.pth", "233 MiB", "download.pytorch.org", "BENCH_WEIGHTS")
        )


def test_other_heads_are_refused(own_trunks, tmp_path):
    for file in own_trunks.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({"lin0.model.1.weight": torch.zeros(1, 64, 1, 1)}, tmp_path / "alex.pth")
    with pytest.raises(DataError, match=r"published alex\.pth"):
        load_lpips(tmp_path)
    with pytest.raises(DataError, match="heads"):
        fill(LPIPS("alex"), tmp_path / "alexnet-owt-7be5be79.pth", tmp_path / "alex.pth", "alex")


def test_identity_names_the_network(own_trunks):
    assert lpips_identity(own_trunks, "alex") != lpips_identity(own_trunks, "vgg")
    assert "(vgg)" in lpips_identity(own_trunks, "vgg")


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (images(), images(2)),
        (images().astype(np.float32), images()),
        (images()[0], images()[0]),
        (images()[:0], images()[:0]),
        (images(1, 16, 64), images(1, 16, 64)),
    ],
)
def test_refuses_what_does_not_pair(a, b):
    with pytest.raises(DataError):
        lpips_distance(a, b, None)


def test_random_maps_see_structure_and_know_their_filters():
    image = images(2, 32, 32)
    near, far = np.clip(image.astype(int) + 2, 0, 255).astype(np.uint8), image[:, ::-1].copy()
    distances = [pair_distances(RandomMaps(), image, other) for other in (image, near, far)]
    assert (distances[0] == 0).all()
    assert (distances[1] < distances[2]).all()
    assert maps_identity() != RandomConvNet.identify(None)


def test_the_formula_on_any_maps():
    generator = torch.Generator().manual_seed(0)
    a, b = ([torch.randn(2, c, 5, 4, generator=generator) for c in (3, 7)] for _ in range(2))
    ours = perceptual_distance(a, b)
    expected = torch.zeros(2)
    for x, y in zip(a, b, strict=True):
        for n, row, column in np.ndindex(2, 5, 4):
            u, v = (nn.functional.normalize(z[n, :, row, column], dim=0) for z in (x, y))
            expected[n] += ((u - v) ** 2).mean() / 20
    assert torch.allclose(ours, expected, atol=1e-6)
    weights = [torch.arange(3.0), torch.zeros(7)]
    assert not torch.allclose(perceptual_distance(a, b, weights), ours)
    with pytest.raises(DataError, match="pair"):
        perceptual_distance(a, b[:1])
    with pytest.raises(DataError, match="pair"):
        perceptual_distance([], [])

"""The released network: what it computes, output sizes, padding, the release's encoder weights."""

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from bench.errors import DataError
from downstream.hovernet.config import HoVerNetConfig
from downstream.hovernet.family import HoVerNetFamily
from downstream.hovernet.published import PublishedHoVerNet, SamePadding, load_encoder
from downstream.nuclei.family import Subject
from tests.downstream.hovernet.original_hovernet import hovernet
from tests.downstream.released_files import shapes_of, tensors

SUBJECT = Subject(("a", "b", "c", "d"), (), 0.25)


@pytest.mark.slow
@pytest.mark.parametrize(("network", "patch", "output"), [("fast", 256, 164), ("original", 270, 80)])
def test_shapes(network: str, patch: int, output: int) -> None:
    family = HoVerNetFamily(HoVerNetConfig(network=network, patch=patch), SUBJECT, {})
    assert family.sizes == (patch, output, 0)
    model = family.build().eval()
    images = torch.randint(0, 256, (1, patch, patch, 3), dtype=torch.uint8)
    with torch.inference_mode():
        result = model(images)
        shared = model.features(images)
    assert {name: tuple(value.shape) for name, value in result.items()} == {
        "np": (1, 2, output, output),
        "hv": (1, 2, output, output),
        "tp": (1, 5, output, output),
    }
    assert shared.shape[1] == 1024


def test_fast_mode_computes_what_an_independent_network_does() -> None:
    network = PublishedHoVerNet(4, "fast").eval()
    made = tensors(shapes_of(network))
    network.load_state_dict(made, strict=False)
    images = torch.randint(0, 256, (1, 128, 128, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = network(images), hovernet(made, images, "fast")
    for name, expected in theirs.items():
        assert ours[name].shape == expected.shape == (1, expected.shape[1], 36, 36)
        assert (ours[name] - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [(8, 3, 2, (0, 1)), (9, 3, 2, (1, 1)), (8, 3, 1, (1, 1)), (8, 5, 1, (2, 2))],
)
def test_padding_is_tensorflows_same(side: int, kernel: int, stride: int, padding: tuple[int, int]) -> None:
    x = torch.arange(1.0, side * side + 1).view(1, 1, side, side)
    assert torch.equal(SamePadding(kernel, stride)(x), functional.pad(x, padding * 2))


def test_encoder_weights_of_the_release_are_taken(tmp_path: Path) -> None:
    network = PublishedHoVerNet(4, "fast")
    made = tensors(shapes_of(network))
    encoder = {name: t for name, t in made.items() if not name.startswith(("decoder.", "conv_bot."))}
    assert {"conv0./.weight", "d0.units.0.conv1.weight", "d2.units.5.preact/bn.weight"} < set(encoder)
    torch.save({"desc": encoder}, tmp_path / "encoder.tar")
    load_encoder(network, tmp_path / "encoder.tar")
    state = network.state_dict()
    assert all(torch.equal(state[name], t) for name, t in encoder.items())
    assert not torch.equal(state["conv_bot.weight"], made["conv_bot.weight"])
    torch.save({"desc": {"conv0./.weight": made["conv0./.weight"]}}, tmp_path / "other.tar")
    with pytest.raises(DataError, match="encoder of HoVer-Net"):
        load_encoder(network, tmp_path / "other.tar")
    (tmp_path / "torn.tar").write_bytes(b"no weights")
    with pytest.raises(DataError, match="Cannot read the weights"):
        load_encoder(network, tmp_path / "torn.tar")


def test_the_encoder_of_a_checkpoint_of_the_other_mode_is_refused(tmp_path: Path) -> None:
    network = PublishedHoVerNet(4, "fast")
    torch.save({"desc": {"decoder.np.u3.conva.weight": torch.zeros(256, 1024, 5, 5)}}, tmp_path / "original.tar")
    with pytest.raises(DataError, match="mode original, not fast") as caught:
        load_encoder(network, tmp_path / "original.tar")
    assert "choose the mode original" in caught.value.fix

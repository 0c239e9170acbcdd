"""MONAI's network: output sizes, doubling of pixels, the release's encoder weights."""

import re

import pytest
import torch

from bench.errors import DataError
from downstream.hovernet.config import HoVerNetConfig
from downstream.hovernet.family import HoVerNetFamily
from downstream.hovernet.published import PublishedHoVerNet, load_encoder
from downstream.nuclei.family import Subject


def release_name(name: str) -> str:
    name = name.replace("conv0.conv.", "conv0./.")
    name = re.sub(r"res_blocks\.(d\d)\.layers\.denselayer_(\d+)\.layers\.", r"\1.units.\2.", name)
    name = re.sub(r"res_blocks\.(d\d)\.bna_block\.", r"\1.blk_bna.", name)
    return re.sub(r"res_blocks\.(d\d)\.shortcut\.", r"\1.shortcut.", name)


@pytest.mark.slow
@pytest.mark.parametrize(("network", "patch", "output"), [("fast", 256, 164), ("original", 270, 80)])
def test_shapes(network: str, patch: int, output: int) -> None:
    config = HoVerNetConfig(network=network, patch=patch)
    family = HoVerNetFamily(config, Subject(("a", "b", "c", "d"), (), 0.25), {})
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


def test_encoder_weights_of_the_release_are_taken(tmp_path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        source, target = PublishedHoVerNet(4, "fast"), PublishedHoVerNet(4, "fast")
    encoder = {k: v for k, v in source.net.state_dict().items() if k.startswith(("conv0.", "res_blocks."))}
    named = {release_name(name): value for name, value in encoder.items()}
    assert {"conv0./.weight", "d0.units.0.conv1.weight", "d2.units.5.preact/bn.weight", "d1.shortcut.weight"} < set(
        named
    )
    torch.save({"desc": named}, tmp_path / "encoder.tar")
    load_encoder(target, tmp_path / "encoder.tar")
    state = target.net.state_dict()
    assert all(torch.equal(state[name], value) for name, value in encoder.items())
    assert not torch.equal(state["bottleneck.conv_bottleneck.weight"], source.net.bottleneck[0].weight)
    upsample = target.net.nucleus_prediction.upsample
    assert upsample(torch.tensor([[[[0.0, 1.0]]]])).tolist() == [[[[0, 0, 1, 1], [0, 0, 1, 1]]]]
    torch.save({"desc": {"conv0./.weight": named["conv0./.weight"]}}, tmp_path / "other.tar")
    with pytest.raises(DataError, match="encoder of HoVer-Net"):
        load_encoder(target, tmp_path / "other.tar")
    (tmp_path / "torn.tar").write_bytes(b"no weights")
    with pytest.raises(DataError, match="Cannot read encoder weights"):
        load_encoder(target, tmp_path / "torn.tar")

"""Released networks by `methods.released.load`: what they compute, how settings are given, what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.errors import ConfigError, DataError
from methods import released
from methods.adm_layout import levels_of
from methods.sdm.config import NetworkSettings
from methods.sdm.network import SDMNetwork
from tests.methods.latent.original_classifier import SMALL, original_classifier, write_classifier

SHARED = Path(__file__).parents[3] / "shared" / "oracle"
SDM = NetworkSettings(
    width=16, multipliers=(0.5, 1, 2), blocks=1, attention=(8,), head_channels=8, label_channels=8, groups=4
)


def _value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The rule by which the weights of the reference outputs were made."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    values = rng.standard_normal(shape)
    if len(shape) > 1:
        return (values / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    return (0.1 * values + name.endswith(".weight")).astype(np.float32)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the reference outputs are not here")
def test_the_classifier_computes_what_the_release_does(tmp_path: Path) -> None:
    shapes = json.loads((SHARED / "histodiffusion_classifier.json").read_text(encoding="utf-8"))
    held = {name: torch.from_numpy(_value(name, tuple(shape))) for name, shape in shapes.items()}
    torch.save(held, tmp_path / "model.pt")
    reference = np.load(SHARED / "histodiffusion_classifier.npz")
    latents, times = (torch.from_numpy(reference[name]) for name in ("input", "times"))
    stated = {"width": 32, "multipliers": (1, 1, 2, 2, 4, 4), "blocks": 2, "head_channels": 16, "classes": 9}
    original = {"image_size": 64, "num_head_channels": 16, "attention_resolutions": (8, 16), "model_channels": 32}
    for settings in ({}, {**stated, "attention_sizes": [8, 4]}, original):
        network = released.load("histodiffusion-classifier", tmp_path / "model.pt", **settings)
        with torch.no_grad():
            off = (network(latents, times) - torch.from_numpy(reference["logits"])).abs().max()
        assert off <= 1e-4 * np.abs(reference["logits"]).max()


def test_the_classifier_computes_what_an_independent_one_does(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(1)
    x, times = torch.randn(3, 3, 8, 8, generator=generator), torch.tensor([0, 17, 999])
    with torch.no_grad():
        expected = original_classifier()(x, times)
        given = {"groups": 4}
        ours = released.load("histodiffusion-classifier", write_classifier(tmp_path / "model.pt"), **given)
        assert expected.std() > 0.05
        torch.testing.assert_close(ours(x, times), expected, atol=1e-5, rtol=0)
        fewer = released.load("histodiffusion-classifier", tmp_path / "model.pt", **given, head_channels=8)
        assert (fewer(x, times) - expected).abs().max() > 1e-4  # it shows in no tensor
    assert not any(parameter.requires_grad for parameter in ours.parameters())


def _sdm_file(path: Path, **changes: Any) -> tuple[SDMNetwork, Path]:
    network = _awake(SDMNetwork(SDM.model_copy(update=changes), 6, 32))
    torch.save(network.state_dict(), path)
    return network.eval(), path


def _awake(network: SDMNetwork, seed: int = 0) -> SDMNetwork:
    generator = torch.Generator().manual_seed(seed)
    for tensor in network.parameters():
        tensor.data = 0.1 * torch.randn(tensor.shape, generator=generator) + 0.1
    return network


def _sdm_inputs() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    labels = (torch.rand(2, 6, 32, 32, generator=generator) > 0.5).float()
    return torch.randn(2, 3, 32, 32, generator=generator), torch.tensor([3, 800]), labels


@pytest.mark.parametrize(
    "settings",
    [
        {"head_channels": 8},
        {"size": 32, "attention": (8,), "head_channels": 8, "classes": 4, "learned_variance": True},
        {"num_head_channels": 8, "channel_mult": [0.5, 1, 2], "num_classes": 6, "out_channels": 6, "learn_sigma": True},
        {"num_head_channels": 8, "attention_resolutions": [4], "use_scale_shift_norm": True},
    ],
)
def test_sdm_is_read_off_its_shapes(tmp_path: Path, settings: dict[str, Any]) -> None:
    network, file = _sdm_file(tmp_path / "ema_0.9999_010000.pt")
    ours = released.load("sdm", file, **settings, groups=4)
    with torch.no_grad():
        torch.testing.assert_close(ours(*_sdm_inputs()), network(*_sdm_inputs()), atol=0, rtol=0)


def test_heads_are_in_proportion_to_the_width(tmp_path: Path) -> None:
    """As many as in the releases, where a head has 64 channels at width 256 or 128."""
    _, file = _sdm_file(tmp_path / "model010000.pt")
    assert released.load("sdm", file, groups=4).middle_block[1].heads == 32 // (16 // 4)
    classifier = released.load("histodiffusion-classifier", write_classifier(tmp_path / "c.pt"), groups=4)
    assert classifier.pool.heads == 16 // (SMALL.width // 2)


def test_a_file_with_both_weights_gives_the_chosen(tmp_path: Path) -> None:
    both = [_awake(SDMNetwork(SDM, 6, 32), seed).eval() for seed in (0, 1)]
    file = tmp_path / "both.pt"
    torch.save({"ema": both[0].state_dict(), "model": both[1].state_dict(), "step": 7}, file)
    for network, choice in ((both[0], {}), (both[0], {"weights": "average"}), (both[1], {"weights": "last"})):
        ours = released.load("sdm", file, **choice, groups=4)
        assert torch.equal(ours.out[2].weight, network.out[2].weight)
    torch.save({"ema": both[0].state_dict()}, file)
    with pytest.raises(DataError, match="weights 'last'") as caught:
        released.load("sdm", file, weights="last", groups=4)
    assert caught.value.got == "ema (average)"


def test_unknown_names_and_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such released network") as caught:
        released.load("dalle", tmp_path / "x.pt")
    assert all(name in caught.value.fix for name in ("sdm", "pathdiff", "histodiffusion-classifier"))
    _, file = _sdm_file(tmp_path / "model.pt")
    for wrong in ({"wdth": 16}, {"use_new_attention_order": True}):
        with pytest.raises(ConfigError, match="no such setting"):
            released.load("sdm", file, **wrong)
    with pytest.raises(ConfigError, match="given twice"):
        released.load("sdm", file, width=16, model_channels=16)
    for wrong, shown in (({"width": 32}, "width 16"), ({"num_classes": 5}, "maps 6"), ({"attention": [16]}, "[64]")):
        with pytest.raises(DataError, match="was not trained with") as refused:
            released.load("sdm", file, **wrong, groups=4)
        assert shown in refused.value.got
    with pytest.raises(ConfigError, match="setting head_channels of the network in .* is not valid"):
        released.load("sdm", file, head_channels=0, groups=4)
    with pytest.raises(ConfigError, match="multiple of 32 groups"):
        released.load("histodiffusion-classifier", write_classifier(tmp_path / "narrow.pt"))
    with pytest.raises(DataError, match="attention pooling"):
        released.load("histodiffusion-classifier", file)
    with pytest.raises(DataError, match="network of SDM"):
        released.load("sdm", write_classifier(tmp_path / "c.pt"))


def _encoder(widths: list[int], attends: tuple[int, ...] = (), doubled: bool = True) -> dict[str, Tensor]:
    found = {"time_embed.0.weight": torch.zeros(32, 8)}
    for number, width in enumerate(widths, 1):
        found[f"input_blocks.{number}.0.in_layers.2.weight"] = torch.zeros(width, 1, 3, 3)
        found[f"input_blocks.{number}.0.emb_layers.1.weight"] = torch.zeros(width * (1 + doubled), 32)
    return found | {f"input_blocks.{number}.1.qkv.weight": torch.zeros(1) for number in attends}


def test_levels_are_told_apart_by_channels_and_attention() -> None:
    assert levels_of(_encoder([8, 8, 8, 8, 16])) == (8, (1, 1, 2), 1, (False, False, False))
    assert levels_of(_encoder([8] * 5, (3,))) == (8, (1, 1, 1), 1, (False, True, False))
    assert levels_of(_encoder([8] * 5)).blocks == 2  # 1, 2 and 5 fit
    assert levels_of(_encoder([8] * 5), 1).blocks == 1
    assert levels_of(_encoder([8] * 5, (1, 2, 3, 4, 5))).multipliers == (1,)
    assert levels_of(_encoder([4, 4, 8])).multipliers == (0.5, 1)


def test_what_cannot_be_read_is_said() -> None:
    with pytest.raises(DataError, match="cannot be read off") as caught:
        levels_of(_encoder([8] * 3))
    assert caught.value.got == "3 blocks, which fit 1 or 3 per level"
    with pytest.raises(DataError, match="no levels of 4 residual blocks"):
        levels_of(_encoder([8] * 5), 4)
    with pytest.raises(DataError, match="scale and shift") as caught:
        levels_of(_encoder([8] * 5, doubled=False))
    assert "use_scale_shift_norm True" in caught.value.fix
    convolution = {**_encoder([8] * 5), "input_blocks.6.0.op.weight": torch.zeros(1)}
    with pytest.raises(DataError, match="must be a residual block") as caught:
        levels_of(convolution)
    assert "resblock_updown True" in caught.value.fix
    with pytest.raises(DataError, match="layout of ADM"):
        levels_of({"a": torch.zeros(1)})

"""Released denoisers, against a module tree of our own in the original layout."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from torch import Tensor

from bench.errors import DataError
from methods.latent.config import UNetSettings
from methods.latent.released_unet import PREFIX, load_released_unet, original_names
from methods.latent.unet import make_unet
from tests.methods.latent.original_unet import OriginalUNet, Shape, original

SHAPES = [
    Shape(),
    Shape(heads=8, width=16, multipliers=(1, 2, 2), blocks=2, attention_factors=(1, 2)),  # none at the smallest
    Shape(heads=None, multipliers=(1, 2, 3), attention_factors=(1, 4)),  # heads by level, a level between without
    Shape(heads=None, head_channels=8, attention_factors=()),  # in the middle alone
    Shape(residual=False, multipliers=(1, 2, 2)),
    Shape(scale_shift=False),
    Shape(scale_shift=False, residual=False, blocks=2, attention_factors=(1, 2), channels=4),
    Shape(heads=3, width=12, multipliers=(1,), attention_factors=(1,)),  # 12 is no multiple of 8
]


def _settings(shape: Shape) -> UNetSettings:
    given = asdict(shape)
    channels, residual = given.pop("channels"), given.pop("residual")
    assert channels
    return UNetSettings(**given, resampling="residual" if residual else "convolution")


def _stored(network: OriginalUNet, prefix: str = PREFIX) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in network.state_dict().items()}


def _averaged(network: OriginalUNet) -> dict[str, Tensor]:
    return {"model_ema." + f"diffusion_model.{name}".replace(".", ""): t for name, t in network.state_dict().items()}


def _differ(shape: Shape, wanted: OriginalUNet, checkpoint: dict[str, Tensor], **options: bool) -> float:
    network = load_released_unet(make_unet(_settings(shape), (shape.channels, 16, 16)), checkpoint, **options).eval()
    generator = torch.Generator().manual_seed(1)
    x, times = torch.randn(3, shape.channels, 16, 16, generator=generator), torch.tensor([0, 17, 999])
    with torch.no_grad():
        expected = wanted(x, times)
        assert expected.std() > 0.1
        assert (expected[0] - wanted(x[:1], times[1:2])[0]).abs().max() > 1e-2  # steps count
        return float((network(x, times, return_dict=False)[0] - expected).abs().max())


@pytest.mark.parametrize("shape", SHAPES)
def test_outputs_agree(shape: Shape) -> None:
    network = original(shape)
    assert _differ(shape, network, _stored(network)) < 1e-5


def test_the_published_network_is_laid_out_alike() -> None:
    """HistoDiffusion's: histo-ldm-kl-8.yaml of its release."""
    shape = Shape(3, 192, (1, 2, 2, 4, 4), 2, (1, 2, 4, 8), heads=8, groups=32)
    with torch.device("meta"):
        ours, released = make_unet(UNetSettings(), (3, 64, 64)), OriginalUNet(shape)
    assert set(original_names(ours).values()) == set(released.state_dict())
    assert sum(t.numel() for t in ours.parameters()) == sum(t.numel() for t in released.parameters())


def test_a_file_of_the_denoiser_alone_is_read() -> None:
    network = original(SHAPES[0])
    assert _differ(SHAPES[0], network, _stored(network, "")) < 1e-5


def test_half_precision_is_read() -> None:
    network = original(SHAPES[0]).half()
    assert _differ(SHAPES[0], network.float(), {k: v.half() for k, v in _stored(network).items()}) < 1e-5


def test_moving_averages_come_first() -> None:
    last, average = original(SHAPES[0], 0), original(SHAPES[0], 1)
    checkpoint = {**_stored(last), **_averaged(average), "first_stage_model.x": torch.zeros(1), "betas": torch.ones(3)}
    checkpoint |= {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)}
    assert _differ(SHAPES[0], average, checkpoint) < 1e-5
    assert _differ(SHAPES[0], last, checkpoint, ema=False) < 1e-5
    assert _differ(SHAPES[0], last, checkpoint) > 1e-2
    assert _differ(SHAPES[0], average, _averaged(average)) < 1e-5


def test_a_wrong_number_of_heads_does_change_the_output() -> None:
    """It shows in no tensor: nothing but the settings can be right."""
    wrong, network = Shape(heads=4), original(Shape())
    assert _differ(wrong, network, _stored(network)) > 1e-3


@pytest.mark.parametrize(
    ("other", "got"),
    [
        (Shape(width=16), "of another shape, first input_blocks.0.0.bias (it has width 16 for latents of 3 channels"),
        (Shape(channels=4), "of another shape, first input_blocks.0.0.weight (it has width 8 for latents of 4"),
        (Shape(residual=False), "resampling convolution, scale_shift true, attention in input blocks [3])"),
        (Shape(scale_shift=False), "scale_shift false"),
        (Shape(attention_factors=(1, 2)), "that do not belong to it, first input_blocks.1.1.norm.bias"),
        (Shape(blocks=2), "missing"),
    ],
)
def test_other_settings_are_refused(other: Shape, got: str) -> None:
    network = original(other)
    for stored in (_stored(network), {**_stored(network), **_averaged(network)}):
        with pytest.raises(DataError, match="denoiser of a latent diffusion model with these settings") as caught:
            load_released_unet(make_unet(_settings(Shape()), (3, 16, 16)), stored)
        assert got in caught.value.got
        assert caught.value.fix == "use the settings of `network` that it was trained with"


@pytest.mark.parametrize("name", ["label_emb.weight", "input_blocks.3.1.transformer_blocks.0.norm1.weight"])
def test_conditional_denoisers_are_refused(name: str) -> None:
    stored = {**_stored(original(Shape())), PREFIX + name: torch.zeros(3, 32)}
    with pytest.raises(DataError, match="unconditional denoiser"):
        load_released_unet(make_unet(_settings(Shape()), (3, 16, 16)), stored)


def test_a_first_multiplier_other_than_1_is_refused() -> None:
    stored = _stored(original(Shape(multipliers=(2, 3))))
    with pytest.raises(DataError, match="first multiplier is not 1") as caught:
        load_released_unet(make_unet(UNetSettings(width=8, multipliers=(2, 3), groups=4, heads=2), (3, 16, 16)), stored)
    assert caught.value.got == "8 channels, then 16"


def test_resampling_without_weights_is_refused() -> None:
    stored = {name: t for name, t in _stored(original(Shape(residual=False))).items() if ".op." not in name}
    with pytest.raises(DataError, match="denoiser") as caught:
        load_released_unet(make_unet(_settings(Shape(residual=False)), (3, 16, 16)), stored)
    assert "2 tensors missing, first input_blocks.2.0.op.bias" in caught.value.got


def test_a_first_stage_alone_is_refused() -> None:
    with pytest.raises(DataError, match="denoiser"):
        load_released_unet(make_unet(_settings(Shape()), (3, 16, 16)), {"encoder.conv_in.weight": torch.zeros(1)})

"""The control branch: nothing at the start, a hint encoder for every reduction, settings read off files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.errors import ConfigError
from methods.latent.conditional import TextDenoiser, load_control, make_control, make_text_unet, save_control
from methods.latent.text_config import ControlSettings, TextUNetSettings
from tests.methods.pathdiff.networks import CONTEXT, HINTS, SETTINGS, inputs, small_networks


def test_a_new_branch_adds_nothing_for_any_hint_and_a_trained_one_does() -> None:
    unet, control, model = small_networks()
    given = inputs()
    with torch.no_grad():
        alone = TextDenoiser(unet)(given["x"], given["times"], given["context"])
        assert torch.equal(model(**given), alone)
        assert torch.equal(model(**given | {"hint": 1e4 * given["hint"]}), alone)
        for name, tensor in control.named_parameters():
            if name.startswith("controlnet_"):
                tensor += 0.1
        assert not torch.allclose(model(**given), alone, atol=1e-3)


def test_the_branch_starts_as_a_copy_of_the_encoder_and_the_middle() -> None:
    unet, control, _ = small_networks()
    held = unet.state_dict()
    copied = [name for name in control.state_dict() if name in held]
    assert any(name.startswith("mid_block") for name in copied)
    for name in copied:
        assert torch.equal(control.state_dict()[name], held[name])


@pytest.mark.parametrize(("widths", "factor"), [((4, 8), 2), ((4, 8, 8), 4), ((4, 8, 8, 8), 4), ((4,), 1)])
def test_hints_are_reduced_to_the_size_of_latents(widths: tuple[int, ...], factor: int) -> None:
    unet, _, _ = small_networks()
    control = make_control(unet, ControlSettings(hint_channels=widths), 3, factor)
    found = control.controlnet_cond_embedding(torch.zeros(1, 3, 8 * factor, 8 * factor))
    assert found.shape == (1, SETTINGS.width, 8, 8)


def test_too_few_widths_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 3 widths"):
        make_control(small_networks()[0], ControlSettings(hint_channels=(4, 8)), 3, 4)


def test_a_branch_with_a_convolution_that_keeps_sides_survives_the_disk(tmp_path: Path) -> None:
    unet, _, _ = small_networks()
    control = make_control(unet, ControlSettings(hint_channels=(4, 8, 8, 8)), 6, 4)
    torch.nn.init.normal_(control.controlnet_cond_embedding.conv_out.weight)
    save_control(tmp_path, control)
    hint = torch.rand(1, 6, 32, 32)
    with torch.no_grad():
        again = load_control(tmp_path, 4).controlnet_cond_embedding(hint)
        assert torch.equal(again, control.controlnet_cond_embedding(hint))


def test_thirteen_outputs_as_published() -> None:
    """Spec of PathLDM: 12 skips and the middle, at sizes 64, 32, 16, 8 (here an eighth of the widths)."""
    settings = TextUNetSettings(width=24, groups=8)
    unet = make_text_unet(settings, (3, 64, 64), CONTEXT)
    control = make_control(unet, HINTS.model_copy(update={"hint_channels": (16, 32, 96, 256)}), 6, 4)
    with torch.no_grad():
        skips, middle = control(
            torch.zeros(1, 3, 64, 64),
            torch.zeros(1),
            encoder_hidden_states=torch.zeros(1, 154, CONTEXT),
            controlnet_cond=torch.zeros(1, 6, 256, 256),
            return_dict=False,
        )
    assert [skip.shape[2] for skip in skips] == [64, 64, 64, 32, 32, 32, 16, 16, 16, 8, 8, 8]
    assert [skip.shape[1] for skip in skips] == [24, 24, 24, 24, 48, 48, 48, 72, 72, 72, 120, 120]
    assert middle.shape == (1, 120, 8, 8)

"""Released first stages, against a module tree of our own in the original layout."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from bench.errors import DataError
from methods.latent.autoencoder import decode, make_autoencoder, moments_of
from methods.latent.config import AutoencoderNetwork
from methods.latent.released import PREFIX, load_released_autoencoder
from tests.methods.latent.original_autoencoder import OriginalAutoencoder, OriginalVQ

SETTINGS = AutoencoderNetwork(width=8, multipliers=(1, 2, 4), blocks=2, groups=4)


@pytest.mark.parametrize("whole", [True, False])
def test_outputs_agree(tmp_path: Path, whole: bool) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        original, images, latents = OriginalAutoencoder().eval(), torch.randn(2, 3, 32, 32), torch.randn(2, 3, 8, 8)
        for tensor in original.parameters():
            tensor.data += 0.1 * torch.randn_like(tensor)  # norms are not left as they start
    state = {**original.state_dict(), "loss.discriminator.main.0.weight": torch.zeros(1)}
    if whole:
        state = {PREFIX + name: tensor for name, tensor in state.items()} | {"model.diffusion_model.x": torch.zeros(1)}
    network = load_released_autoencoder(make_autoencoder(SETTINGS, 32), state).eval()
    with torch.no_grad():
        moments = network.encode(images).latent_dist.parameters
        torch.testing.assert_close(moments, original.quant_conv(original.encoder(images)), atol=1e-4, rtol=0)
        expected = original.decoder(original.post_quant_conv(latents))
        torch.testing.assert_close(network.decode(latents).sample, expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["encoder.down.2.attn.0.q.weight", "decoder.up.2.attn.1.norm.bias"])
def test_attention_at_a_level_is_said_to_be_unreadable(name: str) -> None:
    """As in kl-f16: advice on settings could not help."""
    state = {**OriginalAutoencoder().state_dict(), name: torch.zeros(1)}
    with pytest.raises(DataError, match="without attention at their levels") as caught:
        load_released_autoencoder(make_autoencoder(SETTINGS, 32), state)
    assert caught.value.fix.startswith("choose another checkpoint")


def test_another_network_is_refused() -> None:
    other = AutoencoderNetwork(width=16, multipliers=(1, 2, 4), blocks=2, groups=4)
    with pytest.raises(DataError, match="first stage"):
        load_released_autoencoder(make_autoencoder(other, 32), OriginalAutoencoder().state_dict())
    with pytest.raises(DataError, match="first stage"):
        load_released_autoencoder(make_autoencoder(SETTINGS, 32), {})


def test_outputs_of_vq_agree() -> None:
    settings = SETTINGS.model_copy(update={"kind": "vq", "codebook": 32})
    with torch.random.fork_rng():
        torch.manual_seed(1)
        original, images = OriginalVQ(32).eval(), torch.randn(2, 3, 32, 32)
        original.quantize.embedding.weight.data = 0.3 * torch.randn(32, 3)
    state = {PREFIX + name: tensor for name, tensor in original.state_dict().items()}
    network = load_released_autoencoder(make_autoencoder(settings, 32), state).eval()
    with torch.no_grad():
        latents = original.encode(images)
        torch.testing.assert_close(moments_of(network, images), latents, atol=1e-5, rtol=0)
        expected = original.decode(latents)
        torch.testing.assert_close(decode(network, latents), expected, atol=1e-4, rtol=0)
        # decoding quantises: latents that are a little off give the same image
        torch.testing.assert_close(decode(network, latents + 1e-5), expected, atol=1e-4, rtol=0)

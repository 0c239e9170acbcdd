"""The discriminator is MONAI's, bit for bit, without the import of MONAI."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from bench.training.seeds import seeded
from methods.latent.discriminator import PatchDiscriminator


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_equals_monai_with_the_same_seed(layers: int) -> None:
    from monai.networks.nets.patchgan_discriminator import PatchDiscriminator as Theirs

    with seeded(3):
        ours = PatchDiscriminator(4, layers)
        after = torch.rand(1)
    with seeded(3):
        theirs = Theirs(spatial_dims=2, channels=4, in_channels=3, num_layers_d=layers)
        assert torch.equal(torch.rand(1), after)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    scores, reference = ours(images), theirs(images)[-1]
    assert torch.equal(scores, reference)
    scores.square().mean().backward()
    reference.square().mean().backward()
    pairs = list(zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
    assert all(torch.equal(one, other) for one, other in pairs)
    gradients = zip(ours.parameters(), theirs.parameters(), strict=True)
    assert all(torch.equal(one.grad, other.grad) for one, other in gradients if one.grad is not None)


def test_needs_no_monai() -> None:
    code = "import sys, methods.latent.autoencoder_training as t; print(sorted({'monai', 'mlflow'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

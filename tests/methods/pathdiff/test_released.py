"""Released checkpoints of PathDiff, against numbers that the released code computed and against files of our own."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.errors import ConfigError, DataError
from methods.latent.released_text import CONTROL_PREFIX, original_names, settings_of_hints, settings_of_unet
from methods.latent.released_unet import PREFIX
from methods.pathdiff.released import load_pathdiff
from tests.methods.pathdiff.networks import HINTS, SETTINGS, inputs, seeded, small_networks

ORACLE = Path(__file__).parents[4] / "shared" / "oracle" / "pathdiff_control.json"


def value(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a tensor by the rule of the numbers: seeded by its name, norms around 1, layers of unit gain."""
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big"))
    drawn = rng.standard_normal(shape)
    if len(shape) > 1:
        return (drawn / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    return (0.1 * drawn + name.endswith(".weight")).astype(np.float32)


def write_own(path: Path, *, control: bool = True) -> Path:
    """Write our small networks under the release's names."""
    unet, branch, _ = small_networks(seed=3)
    with seeded(4):
        for tensor in branch.parameters():
            tensor.data += 0.05 * torch.randn_like(tensor)
    held = {PREFIX + name: unet.state_dict()[ours] for ours, name in original_names(unet).items()}
    if control:
        held |= {CONTROL_PREFIX + name: branch.state_dict()[ours] for ours, name in original_names(branch).items()}
    torch.save({"state_dict": held, "global_step": 3}, path)
    return path


@pytest.mark.skipif(not ORACLE.is_file(), reason="the numbers of the release are not on this machine")
def test_outputs_are_those_of_the_release(tmp_path: Path) -> None:
    layout, numbers = json.loads(ORACLE.read_text(encoding="utf-8")), np.load(ORACLE.with_suffix(".npz"))
    held = {
        prefix + name: torch.from_numpy(value(name, tuple(shape)))
        for prefix, part in ((PREFIX, "unet"), (CONTROL_PREFIX, "control"))
        for name, shape in layout[part].items()
    }
    torch.save({"state_dict": held}, tmp_path / "pathdiff.ckpt")
    network = load_pathdiff(tmp_path / "pathdiff.ckpt", **layout["settings"])
    given = [torch.from_numpy(numbers[name]) for name in ("latents", "times", "context", "hint")]
    for name, found in (("eps_without_control", network.eps(*given[:3])), ("eps", network.eps(*given))):
        # the release rounds to half precision after every block, which magnifies the order of sums of this machine
        assert error(found, numbers[name]) < 5e-4, name
    # nothing is rounded before the first attention
    assert network.controlled is not None
    skips, _ = network.controlled.control(
        given[0], given[1], encoder_hidden_states=given[2], controlnet_cond=given[3].float(), return_dict=False
    )
    for number in range(4):
        assert error(skips[number][:, :2].detach(), numbers[f"control_{number}"]) < 1e-5


def error(found: torch.Tensor, expected: np.ndarray) -> float:
    """Return the largest difference as a share of the largest value."""
    return float(np.abs(found.numpy() - expected).max() / np.abs(expected).max())


def test_settings_are_read_off_the_file(tmp_path: Path) -> None:
    held = torch.load(write_own(tmp_path / "own.ckpt"), weights_only=True)["state_dict"]
    assert settings_of_unet(held).model_dump(exclude={"groups"}) == SETTINGS.model_dump(exclude={"groups"})
    hints, channels = settings_of_hints(held)
    assert (hints.hint_channels, channels) == (HINTS.hint_channels, 6)


def test_settings_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = write_own(tmp_path / "own.ckpt")
    with pytest.raises(DataError, match="model_channels = 192"):
        load_pathdiff(path, model_channels=192)
    with pytest.raises(ConfigError, match="no such setting"):
        load_pathdiff(path, widht=8)


def test_a_hint_needs_a_control_branch(tmp_path: Path) -> None:
    network = load_pathdiff(write_own(tmp_path / "own.ckpt", control=False))
    given = inputs()
    assert network.eps(given["x"], given["times"], given["context"]).shape == given["x"].shape
    with pytest.raises(ConfigError, match="no control branch"):
        network.eps(given["x"], given["times"], given["context"], given["hint"])


def test_another_checkpoint_is_refused(tmp_path: Path) -> None:
    torch.save({"state_dict": {"conv1.weight": torch.zeros(2, 2)}}, tmp_path / "other.ckpt")
    with pytest.raises(DataError, match="text-conditional denoiser"):
        load_pathdiff(tmp_path / "other.ckpt")

"""The published network, built from MONAI, in the form that this package uses."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Literal

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from bench.errors import DataError

OUTPUTS = {"fast": 164, "original": 80}
"""Side of the output in each mode, for inputs of 256 and 270 pixels."""

_ENCODER = ("conv0.", "res_blocks.")


class PublishedHoVerNet(nn.Module):
    """HoVer-Net in `fast` (256 -> 164) or `original` (270 -> 80) mode."""

    def __init__(self, n_types: int, mode: Literal["fast", "original"]) -> None:
        # MONAI brings in MLflow and more: what only reads this module's tables need not wait for it
        from monai.networks.nets.hovernet import HoVerNet as MonaiHoVerNet

        super().__init__()
        self.net = MonaiHoVerNet(mode=mode, in_channels=3, np_out_channels=2, out_classes=n_types + 1)
        # MONAI interpolates bilinearly; the release repeats pixels (net_utils.UpSample2x), which is also deterministic.
        branches = (self.net, self.net.nucleus_prediction, self.net.horizontal_vertical, self.net.type_prediction)
        for module in branches:
            module.upsample = nn.Upsample(scale_factor=2, mode="nearest")  # type: ignore[union-attr]

    def forward(self, images: UInt8[Tensor, "n h w 3"]) -> dict[str, Float[Tensor, "n c h w"]]:
        """Return logits `np` (2), `tp` (types + background) and offsets `hv` (x, y)."""
        output = self.net(_scaled(images))
        return {
            "np": output["nucleus_prediction"],
            "hv": output["horizontal_vertical"],
            "tp": output["type_prediction"],
        }

    def features(self, images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n d h w"]:
        """Return the bottleneck, from which the three branches start."""
        return torch.as_tensor(self.net.bottleneck(self.net.res_blocks(self.net.conv0(_scaled(images)))))

    def encoder(self) -> list[nn.Module]:
        """Return the modules that are frozen together with the encoder."""
        return [self.net.conv0, self.net.res_blocks]


def load_encoder(network: PublishedHoVerNet, path: Path) -> None:
    """Load the release's ImageNet weights of the pre-activation ResNet-50 into the encoder.

    Raises:
        DataError: the file is unreadable or holds another network's weights.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise DataError(
            f"Cannot read encoder weights from {path}",
            got=str(error).splitlines()[0],
            fix="use ImageNet-ResNet50-Preact_pytorch.tar of the HoVer-Net release",
        ) from error
    renamed = {_monai_name(name): value for name, value in state.get("desc", state).items()}
    shapes = {name: value.shape for name, value in network.net.state_dict().items() if name.startswith(_ENCODER)}
    fitting = {
        name: renamed[name] for name, shape in shapes.items() if name in renamed and renamed[name].shape == shape
    }
    missing = [name for name in shapes if name not in fitting and not name.endswith("num_batches_tracked")]
    if missing:
        raise DataError(
            f"The weights in {path} do not fit the encoder of HoVer-Net",
            got=f"{len(missing)} of {len(shapes)} tensors are absent or have another shape, {missing[0]} first",
            fix="use ImageNet-ResNet50-Preact_pytorch.tar of the HoVer-Net release",
        )
    network.net.load_state_dict(fitting, strict=False)


def _monai_name(name: str) -> str:
    """Translate a name of the release: `d0.units.1.conv1/bn.weight` is `res_blocks.d0.layers.denselayer_1.layers.…`."""
    name = re.sub(r"^conv0\./\.", "conv0.conv.", name)
    name = re.sub(r"^(d\d)\.units\.(\d+)\.", r"res_blocks.\1.layers.denselayer_\2.layers.", name)
    name = re.sub(r"^(d\d)\.blk_bna\.", r"res_blocks.\1.bna_block.", name)
    return re.sub(r"^(d\d)\.shortcut\.", r"res_blocks.\1.shortcut.", name)


def _scaled(images: Tensor) -> Tensor:
    return images.movedim(-1, 1).float() / 255

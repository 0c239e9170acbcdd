"""The network that a configuration describes: timm's ViT with its normalisation inside, so it cannot be left out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from bench.errors import ConfigError, DataError
from downstream.vit.config import ViTConfig
from metrics.encoders.state import read_state

if TYPE_CHECKING:
    from timm.models.vision_transformer import VisionTransformer

MOMENTS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
}


class Classifier(nn.Module):
    """A ViT on 8-bit images; training, prediction and features use the same normalisation.

    The released selection script extracts features from images that are not normalised, with a network that was trained
    on normalised images.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, vit: VisionTransformer, normalisation: str) -> None:
        super().__init__()
        self.vit = vit
        mean, deviation = MOMENTS[normalisation]
        self.register_buffer("mean", 255 * torch.tensor(mean)[:, None, None], persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(deviation)[:, None, None], persistent=False)

    def forward(self, images: UInt8[Tensor, "n h w 3"] | Float[Tensor, "n h w 3"]) -> Float[Tensor, "n c"]:
        """Return the logits of images with values 0..255."""
        result: Tensor = self.vit(self._normalised(images))
        return result

    def features(self, images: UInt8[Tensor, "n h w 3"]) -> Float[Tensor, "n d"]:
        """Return the input of the head: the class token after the last norm."""
        return self.vit.forward_head(self.vit.forward_features(self._normalised(images)), pre_logits=True)

    def _normalised(self, images: Tensor) -> Float[Tensor, "n 3 h w"]:
        return (images.movedim(-1, 1).float() - self.mean) / self.deviation


def build(config: ViTConfig, classes: int) -> Classifier:
    """Return the network with weights from torch's global generator, or from the file named in the settings.

    Raises:
        ConfigError: timm has no vision transformer of this name.
        DataError: the file holds another network's weights.
    """
    network = _small(config, classes) if config.network == "small" else _published(config, classes)
    if config.pretrained is not None:
        load_pretrained(network, config.pretrained)
    return Classifier(network, config.normalisation)


def _small(config: ViTConfig, classes: int) -> VisionTransformer:
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=config.size,
        patch_size=config.patch,
        num_classes=classes,
        embed_dim=config.width,
        depth=config.depth,
        num_heads=config.heads,
        mlp_ratio=2.0,
        drop_path_rate=config.recipe.drop_path,
    )


def _published(config: ViTConfig, classes: int) -> VisionTransformer:
    import timm
    from timm.models.vision_transformer import VisionTransformer

    options: dict[str, Any] = {
        "num_classes": classes,
        "img_size": config.size,
        "drop_path_rate": config.recipe.drop_path,
    }
    try:
        network = timm.create_model(config.network, pretrained=False, **options)
    except (RuntimeError, TypeError) as error:
        raise _unknown(config.network) from error
    if not isinstance(network, VisionTransformer):
        raise _unknown(config.network)
    return network


def _unknown(name: str) -> ConfigError:
    return ConfigError(
        "The setting downstream.network must name a vision transformer of timm, or be small",
        got=repr(name),
        fix="use for example vit_base_patch16_224, vit_small_patch16_224 or vit_tiny_patch16_224",
    )


def check_pretrained(name: str, path: Path) -> None:
    """Check that a file holds the weights of a timm network, of which only the shapes are created.

    Raises:
        ConfigError: timm has no vision transformer of this name.
        DataError: the file is unreadable or holds another network's weights.
    """
    with torch.device("meta"):
        network = _published(ViTConfig(network=name), 1)
    _fitting(network, path)


def load_pretrained(network: VisionTransformer, path: Path) -> None:
    """Load timm's weights of the same network, except the head; positions are interpolated to the input's size.

    Raises:
        DataError: the file is unreadable or holds another network's weights.
    """
    network.load_state_dict(_fitting(network, path), strict=False)


def _fitting(network: VisionTransformer, path: Path) -> dict[str, Tensor]:
    """Read all tensors of a network except its head."""
    from timm.models.vision_transformer import checkpoint_filter_fn

    state = checkpoint_filter_fn(read_state(path), network)
    wanted = {name: value.shape for name, value in network.state_dict().items() if not name.startswith("head.")}
    fitting = {name: state[name] for name, shape in wanted.items() if name in state and state[name].shape == shape}
    missing = sorted(set(wanted) - set(fitting))
    if missing:
        raise DataError(
            f"The weights in {path} do not fit the vision transformer of the settings",
            got=f"{len(missing)} of {len(wanted)} tensors are absent or have another shape, {missing[0]} first",
            fix="set downstream.pretrained to timm's weights of downstream.network",
        )
    return fitting

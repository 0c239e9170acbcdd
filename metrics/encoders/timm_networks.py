"""Any network of timm as an encoder: `timm:<architecture>` or `timm:<architecture>@<file>`."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import ClassVar

from bench.errors import ConfigError
from bench.weights import Weights
from metrics.encoders.card import TIMM_NAME, Recipe, TimmNetwork
from metrics.encoders.described import DescribedEncoder
from metrics.encoders.pixels import Preprocessing
from metrics.encoders.weights import WeightsFile

_TIMM = "https://huggingface.co/timm"
_FIX = "name the architecture in the encoder's spec: timm:vit_small_patch16_224 or timm:resnet50@my_weights.pth"
_NEEDED = Weights(
    name="an architecture of timm and its weights",
    setting="the encoder's spec to timm:<architecture> or timm:<architecture>@<file>",
    source=_TIMM,
    size="any",
    reason="No architecture was named.",
)


class TimmEncoder(DescribedEncoder):
    """The encoder `timm:<architecture>`: pooled features, preprocessing as timm's configuration of it says.

    The architecture may have timm's tag (`resnet50.a1_in1k`), whose preprocessing is then used. The weights are
    `<architecture>.safetensors`, `.pth` or `.bin` of the folder of weights, or the named file; with a tag also those
    of the hub's `timm/<architecture>` there. Nothing is downloaded. Metric names contain a hash of the file.
    """

    network: ClassVar[str] = ""
    named_file: ClassVar[str] = ""

    @classmethod
    def with_argument(cls, argument: str) -> type[TimmEncoder]:
        """Return the encoder of an architecture.

        Raises:
            ConfigError: the argument does not name an architecture.
        """
        name, _, file = argument.partition("@")
        if not re.match(TIMM_NAME, name):
            raise ConfigError("This is not an architecture of timm", got=repr(argument), fix=_FIX)
        return type(cls.__name__, (cls,), {"network": name, "named_file": file})

    @classmethod
    def file(cls) -> WeightsFile:
        """Return the file of weights that the architecture needs."""
        return timm_file(cls._known(), cls.named_file)

    @classmethod
    def recipe(cls) -> Recipe:
        """Return the architecture's recipe; imports timm."""
        return timm_recipe(cls._known())

    @classmethod
    def weights(cls, folder: Path | None) -> Sequence[Weights]:
        """Return the one file; without an architecture, say that one is needed."""
        if not cls.network:
            return (_NEEDED,)
        return (cls.file().weights(folder, "as timm's configuration of the architecture says"),)

    @classmethod
    def _known(cls) -> str:
        if not cls.network:
            raise ConfigError("The encoder 'timm' needs an architecture", got="none was named", fix=_FIX)
        return cls.network


def timm_file(name: str, file: str) -> WeightsFile:
    """Return the file of weights of an architecture; `file` is empty, or names it in the folder or by a path.

    >>> timm_file("resnet50", "").file
    'resnet50.safetensors'
    """
    hub = f"timm/{name}" if "." in name else ""
    own = (f"{name}.safetensors", f"{name}.pth", f"{name}.bin")
    names = (file,) if file else own + (("model.safetensors", "pytorch_model.bin") if hub else ())
    # A file with a path is not looked for in the folder of weights.
    own_folder = Path(file).expanduser().parent if file and Path(file).expanduser().is_absolute() else None
    names = (Path(file).name,) if own_folder else names
    place = f"https://huggingface.co/{hub}" if hub else f"{_TIMM} (a model named {name}...)"
    return WeightsFile(
        f"timm:{name}", names[0], place, "any size", hub=hub, others=names[1:], own_folder=own_folder, claims=False
    )


@cache
def timm_recipe(name: str) -> Recipe:
    """Return the recipe of an architecture with timm's own preprocessing; imports timm.

    Raises:
        ConfigError: timm does not have the architecture, or its preprocessing is not supported.

    >>> timm_recipe("resnet50").preprocessing.size
    224
    """
    import timm
    from timm.data.config import resolve_data_config

    from metrics.encoders.networks import timm_network

    network = TimmNetwork(library="timm", name=name)
    if not timm.is_model(name):
        timm_network(network)  # raises, with similar names
    try:
        config = timm.get_pretrained_cfg(name)
    except RuntimeError as error:
        raise ConfigError("timm does not have this tag", got=repr(name), fix=str(error).splitlines()[0]) from error
    known = config.to_dict() if config is not None else {}  # type: ignore[no-untyped-call]
    found = resolve_data_config(pretrained_cfg=known)  # type: ignore[no-untyped-call]
    channels, h, w = found["input_size"]
    if (
        (channels, h) != (3, w)
        or found["crop_mode"] not in ("center", "squash")
        or found["interpolation"] not in ("bilinear", "bicubic", "lanczos")
    ):
        raise ConfigError(
            f"timm's preprocessing of {name} is not a centre crop of square RGB images",
            got=f"input {found['input_size']}, crop mode {found['crop_mode']}, {found['interpolation']}",
            fix="write a card: card:/path/to/card.yaml",
        )
    preprocessing = Preprocessing(
        size=h,
        resize=math.floor(h / found["crop_pct"]),
        interpolation=found["interpolation"],
        fit="squash" if found["crop_mode"] == "squash" else "shorter",
        mean=found["mean"],
        std=found["std"],
    )
    return Recipe(network=network, preprocessing=preprocessing, pooling="pooled")

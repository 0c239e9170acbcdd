"""Released nucleus networks, for programs of your own: `load(name, path)` returns a network that computes what it did.

>>> from downstream.released import NAMES
>>> sorted(NAMES)
['cellvit-sam-b', 'hovernet', 'sonnet']
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from torch import nn

from bench.errors import ConfigError, DataError

NAMES: Mapping[str, str] = {
    "cellvit-sam-b": "downstream.cellvit.released:open_cellvit",
    "hovernet": "downstream.hovernet.released:open_hovernet",
    "sonnet": "downstream.sonnet.released:open_sonnet",
}
"""Where the function that reads files of a network is: `module:function`, called as `function(path, **settings)`."""


class Released(NamedTuple):
    """A released network, its number of nucleus classes, and their names in order if the file has them."""

    network: nn.Module
    n_classes: int
    classes: tuple[str, ...] | None = None


def load(name: str, path: str | Path, **settings: Any) -> nn.Module:
    """Return a released network in evaluation mode, on the CPU and in float32.

    It takes uint8 images (n, h, w, 3) and returns a dictionary of float32 logits by the release's names:

    - `"hovernet"` (settings: `mode`, "original" or "fast", read off the file if it is left out): `np` (n, 2, p, q),
      `hv` (n, 2, p, q), offsets x and y, and `tp` (n, classes + 1, p, q);
    - `"cellvit-sam-b"`: `nuclei_binary_map`, `hv_map` and `nuclei_type_map` of the size of the images, which must be
      divisible by 16, and `tissue_types` (n, tissues);
    - `"sonnet"`: `np` (n, 2, 76, 76), `ord` (n, 16, 76, 76), eight pairs of off and on, and `tp` (n, classes + 1, 76,
      76) of images of 270 px.

    Args:
        name: one of the names above.
        path: the file of the release.
        settings: settings of the network.

    Raises:
        ConfigError: there is no such network, or no such setting.
        DataError: the file cannot be read, holds another network, or was trained in another mode.
    """
    return _open(name, path, settings).network


def read(
    name: str, path: str | Path, classes: Sequence[str], tissues: Sequence[str] = (), **settings: Any
) -> nn.Module:
    """Return a released network for a dataset, after comparing its classes with those of the file.

    A file with as many classes in another order would score as a bad network. Files of HoVer-Net have no names, so only
    the number can be compared.

    Args:
        name: as for :func:`load`.
        path: the file of the release.
        classes: names of the dataset's nucleus classes, in order.
        tissues: names of the dataset's tissues. The tissue head plays no part in predictions; if the file's tissues
            are others, the head is replaced by one of the dataset's size that predicts nothing.
        settings: as for :func:`load`.

    Raises:
        ConfigError: as for :func:`load`.
        DataError: as for :func:`load`, or number, names or order of the classes differ.
    """
    if name == "cellvit-sam-b":
        settings = {**settings, "tissues": tuple(tissues)}
    released = _open(name, path, settings)
    _compare(Path(path), released, classes)
    return released.network


def _open(name: str, path: str | Path, settings: Mapping[str, Any]) -> Released:
    if name not in NAMES:
        raise ConfigError("There is no such released network", got=str(name), fix=f"give one of {', '.join(NAMES)}")
    module, function = NAMES[name].split(":")
    try:
        released: Released = getattr(import_module(module), function)(Path(path).expanduser(), **settings)
    except TypeError as error:
        if "unexpected keyword argument" not in str(error):
            raise
        raise ConfigError(f"The released network {name} has no such setting", got=", ".join(settings)) from error
    released.network.eval().requires_grad_(False)
    return released


def _compare(path: Path, released: Released, classes: Sequence[str]) -> None:
    same = len(classes) == released.n_classes
    if released.classes is not None:
        same = [_plain(name) for name in classes] == [_plain(name) for name in released.classes]
    if not same:
        names = f": {', '.join(released.classes)}" if released.classes is not None else " without names"
        raise DataError(
            f"The released network in {path} has other nucleus classes than the dataset",
            got=f"{released.n_classes} classes in the file{names}; {len(classes)} in the dataset: {', '.join(classes)}",
            fix="choose a file that was trained on these classes, or a dataset card with the file's classes",
        )


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").strip()

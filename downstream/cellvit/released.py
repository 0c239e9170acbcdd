"""CellViT's released checkpoints for `downstream.released`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import DataError
from downstream.cellvit.encoder import timm_names
from downstream.cellvit.published import PublishedCellViT, tissue_count
from downstream.files import load_fitting, read_file, tensors_of
from downstream.released import Released

_FILE = "CellViT-SAM-B.pth of the CellViT release"
_TYPES, _HEAD = "nuclei_type_maps_decoder.decoder0_header.2.weight", "classifier_head"


def open_cellvit(path: Path, *, tissues: tuple[str, ...] | None = None) -> Released:
    """Return the network of a checkpoint or of a state dict; see `downstream.released.load`.

    `tissues` are the tissues that the network shall have, None those of the file.

    Raises:
        DataError: the file is unreadable or holds another network.
    """
    held = read_file(path, _FILE)
    tensors = timm_names(tensors_of(held, "model_state_dict"))
    types = tensors.get(_TYPES)
    if types is None:
        raise DataError(f"The file {path} holds no CellViT", got=f"no tensor {_TYPES}", fix=f"use {_FILE}")
    config = held.get("config")
    names = {name: _names(config, name) for name in ("nuclei_types", "tissue_types")}
    if tissues is not None and not _same_tissues(tissues, tensors, names["tissue_types"]):
        tensors |= _empty_head(tensors, tissue_count(tissues))
    weight = tensors.get(f"{_HEAD}.weight")
    if weight is not None and not len(weight):
        tensors = {name: value for name, value in tensors.items() if not name.startswith(f"{_HEAD}.")}
        weight = None
    network = PublishedCellViT(len(types) - 1, 0 if weight is None else len(weight))
    load_fitting(network, tensors, "CellViT-SAM-B", path)
    classes = names["nuclei_types"]
    return Released(network, len(types) - 1, classes[1:] if classes else None)


def _names(config: Any, section: str) -> tuple[str, ...] | None:
    """Return names in the order of their numbers from the training's configuration, nested or flat; None if absent."""
    if not isinstance(config, Mapping):
        return None
    nested = config.get("dataset_config")
    found = nested.get(section, {}) if isinstance(nested, Mapping) else {}
    prefix = f"dataset_config.{section}."
    found = dict(found) or {name.removeprefix(prefix): n for name, n in config.items() if name.startswith(prefix)}
    return tuple(sorted(found, key=lambda name: int(found[name]))) or None


def _same_tissues(tissues: tuple[str, ...], tensors: Mapping[str, Tensor], named: tuple[str, ...] | None) -> bool:
    weight = tensors.get(f"{_HEAD}.weight")
    if weight is None or len(weight) != tissue_count(tissues):
        return False
    return named is None or list(named) == list(tissues)


def _empty_head(tensors: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
    neck = tensors["encoder.neck.3.weight"]
    return {f"{_HEAD}.weight": torch.zeros(n, len(neck)), f"{_HEAD}.bias": torch.zeros(n)}

"""HoVer-Net's released checkpoints for `downstream.released`."""

from __future__ import annotations

from pathlib import Path

from bench.errors import ConfigError, DataError
from downstream.files import load_fitting, read_file, tensors_of
from downstream.hovernet.published import KERNELS, UNUSED, Mode, PublishedHoVerNet, check_mode, mode_of
from downstream.released import Released

_FILE = "a checkpoint of the HoVer-Net release, a .tar file with the section `desc`"


def open_hovernet(path: Path, *, mode: Mode | None = None) -> Released:
    """Return the network of a checkpoint with type branch; see `downstream.released.load`.

    Raises:
        ConfigError: there is no such mode.
        DataError: the file is unreadable, is of the other mode, or holds no whole network with types.
    """
    if mode not in (None, *KERNELS):
        raise ConfigError("HoVer-Net has no such mode", got=str(mode), fix=f"choose {' or '.join(KERNELS)}")
    tensors = tensors_of(read_file(path, _FILE), "desc")
    found, types = mode_of(tensors), tensors.get("decoder.tp.u0.conv.weight")
    if found is None or types is None:
        raise DataError(
            f"The file {path} holds no whole HoVer-Net with types",
            got="no decoders" if found is None else "a network without a type branch",
            fix=f"use {_FILE}; an encoder can be used as downstream.encoder_weights",
        )
    check_mode(tensors, mode, path)
    network = PublishedHoVerNet(len(types) - 1, found)
    load_fitting(network, tensors, f"HoVer-Net in mode {found}", path, unused=UNUSED)
    return Released(network, len(types) - 1)

"""Files of weights that SONNET's release reads and writes: tensorpack's `.npz`, with variables by name.

The release offers ImageNet weights of the encoder in this form. Its training saves TensorFlow checkpoints, which
tensorpack's `dump-model-params.py` converts to it. Names follow from the release's code; a file holds no class names.
"""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from bench.errors import DataError
from bench.training import seeded
from downstream.sonnet.published import Encoder, PublishedSonnet

if TYPE_CHECKING:
    from downstream.released import Released

DECODERS = {"np": ("np", "np"), "ord": ("ordi", "ord"), "tp": ("tp", "tp")}
"""The release's names of each decoder and of its last convolution."""

NORM = {"weight": "gamma", "bias": "beta", "running_mean": "mean/EMA", "running_var": "variance/EMA"}


class Layer(NamedTuple):
    """A layer by its name here and in the release; `kind` is `conv`, `depthwise` or `norm`."""

    name: str
    theirs: str
    kind: str


def open_sonnet(path: Path) -> Released:
    """Return the network in a `.npz` file; see `downstream.released.load`.

    Raises:
        DataError: the file is unreadable or holds another network.
    """
    from downstream.released import Released

    network = read(path)
    return Released(network, network.n_types)


def read(path: Path) -> PublishedSonnet:
    """Return the network in a `.npz` file, in evaluation mode, with as many types as the file has.

    Raises:
        DataError: the file is unreadable or holds another network.
    """
    arrays = _arrays(path)
    outputs = arrays.get("conv_out_tp/b", np.zeros(0)).size
    with seeded(0):  # all weights are replaced below
        network = PublishedSonnet(max(outputs - 1, 1))
    _fill(network, _translated(arrays, layers()), "SONNET", path)
    return network.eval()


def load_encoder(encoder: Encoder, path: Path) -> None:
    """Load ImageNet weights: timm's EfficientNet-B0, or the release's `.npz`.

    Raises:
        DataError: the file is unreadable or holds another network's weights.
    """
    if path.suffix == ".npz":
        named = _translated(_arrays(path), encoder_layers())
        tensors = {name.removeprefix("encoder."): value for name, value in named.items()}
    else:
        tensors = _timm(path)
    _fill(encoder, tensors, "EfficientNet-B0, the encoder of SONNET", path)


def layers() -> Iterator[Layer]:
    """Yield all layers of the network."""
    yield from encoder_layers()
    yield Layer("bottom", "efficientnet-b0/conv_bot", "conv")
    for name, (theirs, last) in DECODERS.items():
        yield from _decoder_layers(f"decoders.{name}", theirs)
        yield Layer(f"heads.{name}.0", f"preact_out_{theirs}/bn", "norm")
        yield Layer(f"heads.{name}.2", f"conv_out_{last}", "conv")


def encoder_layers() -> Iterator[Layer]:
    """Yield the layers of the encoder: 16 blocks in 7 stages, of which the first block does not expand its input."""
    root, norm = "efficientnet-b0", "tpu_batch_normalization"
    yield Layer("encoder.conv_stem", f"{root}/stem/conv2d", "conv")
    yield Layer("encoder.bn1", f"{root}/stem/{norm}", "norm")
    number = 0
    for stage, repeats in enumerate((1, 2, 2, 3, 3, 4, 1)):
        for index in range(repeats):
            ours, theirs = f"encoder.blocks.{stage}.{index}", f"{root}/blocks_{number}"
            expand = () if number == 0 else ("conv_pw",)
            project = "conv_pw" if number == 0 else "conv_pwl"
            for place, name in enumerate((*expand, "conv_dw", project)):
                suffix = f"_{place}" if place else ""
                if name == "conv_dw":
                    yield Layer(f"{ours}.{name}", f"{theirs}/depthwise_conv2d", "depthwise")
                else:
                    yield Layer(f"{ours}.{name}", f"{theirs}/conv2d{'_1' if place == 2 else ''}", "conv")
                yield Layer(f"{ours}.bn{place + 1}", f"{theirs}/{norm}{suffix}", "norm")
            yield Layer(f"{ours}.se.conv_reduce", f"{theirs}/se/conv2d", "conv")
            yield Layer(f"{ours}.se.conv_expand", f"{theirs}/se/conv2d_1", "conv")
            number += 1
    yield Layer("encoder.conv_head", f"{root}/head/conv2d", "conv")


def _decoder_layers(ours: str, theirs: str) -> Iterator[Layer]:
    yield from _unit(f"{ours}.s5", f"{theirs}/S5/bottleneck")
    for level in (4, 3, 2):
        name, scope = f"{ours}.s{level}", f"{theirs}/S{level}"
        yield from _unit(f"{name}.project", f"{scope}/bottleneck")
        yield Layer(f"{name}.conv", f"{scope}/conva", "conv")
        for path in range(4):
            place = f"{scope}/_add_{path + 1}"
            yield Layer(f"{name}.paths.{path}.0", f"{place}/preact/bn", "norm")
            yield Layer(f"{name}.paths.{path}.2", f"{place}/_1", "conv")
            yield Layer(f"{name}.paths.{path}.3", f"{place}/_1/bn", "norm")
            yield Layer(f"{name}.paths.{path}.5", f"{place}/_2", "conv")
        if level == 4:
            yield Layer(f"{name}.path_norm.0", f"{scope}/_add_4/_2/bn", "norm")
        yield Layer(f"{name}.norm.0", f"{scope}/outcat_BNReLU/bn", "norm")
        yield from _unit(f"{name}.mix", f"{scope}/_outcat")
    for path in range(4):
        yield from _unit(f"{ours}.pyramid.{path}.0", f"{theirs}/Pyramid/p{path + 1}")
        yield from _unit(f"{ours}.pyramid.{path}.1", f"{theirs}/Pyramid/p{path + 1}_1")
    for index in range(2):
        yield from _unit(f"{ours}.join.{index}", f"{theirs}/Pyramid/_outcat_{index + 1}")
    yield from _unit(f"{ours}.full", f"{theirs}/i_5")
    yield Layer(f"{ours}.last", f"{theirs}/p_0", "conv")


def _unit(ours: str, theirs: str) -> Iterator[Layer]:
    yield Layer(f"{ours}.0", theirs, "conv")
    yield Layer(f"{ours}.1", f"{theirs}/bn", "norm")


def _translated(arrays: Mapping[str, np.ndarray], wanted: Iterator[Layer]) -> dict[str, Tensor]:
    """Return what the file holds of the layers, under our names; kernels are stored as (h, w, in, out)."""
    found = {}
    for name, theirs, kind in wanted:
        parts = NORM if kind == "norm" else {"weight": "W", "bias": "b"}
        for part, variable in parts.items():
            array = arrays.get(f"{theirs}/{variable}")
            if array is None:
                continue
            if part == "weight" and kind != "norm" and array.ndim == 4:
                array = array.transpose((3, 2, 0, 1) if kind == "conv" else (2, 3, 0, 1))
            found[f"{name}.{part}"] = torch.from_numpy(np.ascontiguousarray(array, np.float32))
    return found


def _fill(module: nn.Module, tensors: Mapping[str, Tensor], what: str, path: Path) -> None:
    """Load tensors; all of the module's must be there, and others are ignored."""
    state = module.state_dict()
    wanted = [name for name in state if not name.endswith("num_batches_tracked")]
    fitting = {name: tensors[name] for name in wanted if name in tensors and tensors[name].shape == state[name].shape}
    missing = [name for name in wanted if name not in fitting]
    if missing:
        raise DataError(
            f"The weights in {path} do not fit {what}",
            got=f"{len(missing)} of {len(wanted)} tensors are absent or have another shape, {missing[0]} first",
            fix=f"use a file with the weights of {what}",
        )
    module.load_state_dict(fitting, strict=False)


def _arrays(path: Path) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name.removesuffix(":0"): held[name] for name in held.files}
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise _unreadable(path, error, "a .npz file as tensorpack writes it") from error


def _timm(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        held: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return held
    except (OSError, RuntimeError, EOFError, SafetensorError, pickle.UnpicklingError) as error:
        raise _unreadable(path, error, "timm's file of efficientnet_b0 or tf_efficientnet_b0") from error


def _unreadable(path: Path, error: Exception, expected: str) -> DataError:
    got = (str(error).splitlines() or [type(error).__name__])[0]
    return DataError(f"Cannot read the weights at {path}", got=got, fix=f"use {expected}")

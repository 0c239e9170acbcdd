"""Which file of weights a vision transformer starts from: where it lies, which it is, what to say where there is none.

No torch: a run asks this before any work starts.
"""

from __future__ import annotations

from pathlib import Path

from bench.contract import Weights
from bench.errors import DataError
from metrics.encoders.weights import WeightsFile

# What timm publishes of "How to train your ViT?" (Steiner et al., TMLR 2022): ImageNet-21k, then ImageNet.
TAG = "augreg_in21k_ft_in1k"
# Of some there is a second version, which is timm's default.
SECOND = {"vit_base_patch16_224": "augreg2_in21k_ft_in1k", "vit_base_patch8_224": "augreg2_in21k_ft_in1k"}


def published(network: str) -> tuple[WeightsFile, ...]:
    """Return the published files of a timm network, best first; a name with a tag, `<network>.<tag>`, means one.

    >>> [file.hub for file in published("vit_tiny_patch16_224.augreg_in21k")]
    ['timm/vit_tiny_patch16_224.augreg_in21k']
    """
    tags = filter(None, (SECOND.get(network), TAG))
    names = [network] if "." in network else [f"{network}.{tag}" for tag in tags]
    others = ("model.safetensors", "pytorch_model.bin")
    return tuple(
        WeightsFile(
            name,
            f"{name}.safetensors",
            f"https://huggingface.co/timm/{name}",
            "22 MB for ViT-Ti/16, 330 MB for ViT-B/16",
            hub=f"timm/{name}",
            others=(f"{name}.bin", f"{name}.pth", *others),
        )
        for name in names
    )


def find(network: str, folder: Path | None) -> Path | None:
    """Look for the published weights in a folder; a file, which may be another network's, is none."""
    if folder is None or not folder.is_dir():
        return None
    return next((path for file in published(network) if (path := file.path(folder)) is not None), None)


def pretrained_weights(row: str, network: str, path: Path | None, folder: Path | None) -> Weights:
    """Say which weights are needed and whether they are there and fit.

    Args:
        row: the downstream network, as settings name it.
        network: name of a timm network.
        path: the file, where one was named or found.
        folder: where it was looked for, where none was named.
    """
    files = published(network)
    reason = _absent(path, files, folder) or _unfit(network, path)
    return Weights(
        name=f"the ImageNet weights of {network}",
        setting=f"--weights or BENCH_WEIGHTS to a folder that holds it, or downstream.{row}.pretrained to the file",
        source=files[0].source,
        size=files[0].size,
        path=path,
        reason=reason,
    )


def _absent(path: Path | None, files: tuple[WeightsFile, ...], folder: Path | None) -> str:
    if path is not None:
        return "" if path.is_file() else f"no file {path}"
    if folder is None:
        return "no file was named, nor a folder of weights"
    if not folder.is_dir():
        return f"no folder {folder}"
    names = [place for file in files for place in (file.file, f"{file.hub}/model.safetensors")]
    return f"none of {', '.join(names)} in {folder}, nor in a cache of the hub there"


def _unfit(network: str, path: Path | None) -> str:
    """Return what is wrong with a file that is there, nothing where it holds the network's weights."""
    from downstream.vit.build import check_pretrained

    if path is None:
        return ""
    try:
        check_pretrained(network, path)
    except DataError as error:
        return f"{path} does not fit: {error.got}"
    return ""

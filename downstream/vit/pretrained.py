"""The file of weights that a vision transformer starts from: where it is, which one it is, and why it is missing.

This module does not import torch, because a run asks these questions before any work starts.
"""

from __future__ import annotations

from pathlib import Path

from bench.contract import Weights
from bench.errors import DataError
from bench.weight_cards import weight_card, weight_card_names
from metrics.encoders.weights import WeightsFile

# What timm publishes of "How to train your ViT?" (Steiner et al., TMLR 2022): ImageNet-21k, then ImageNet.
TAG = "augreg_in21k_ft_in1k"
# Some networks have a second version, which is timm's default.
SECOND = {"vit_base_patch16_224": "augreg2_in21k_ft_in1k", "vit_base_patch8_224": "augreg2_in21k_ft_in1k"}


def published(network: str) -> tuple[WeightsFile, ...]:
    """Return the published files of a timm network, best first; a name with a tag, `<network>.<tag>`, selects one.

    >>> [file.hub for file in published("vit_tiny_patch16_224.augreg_in21k")]
    ['timm/vit_tiny_patch16_224.augreg_in21k']
    """
    tags = filter(None, (SECOND.get(network), TAG))
    names = [network] if "." in network else [f"{network}.{tag}" for tag in tags]
    cards = {card.hub: card for card in map(weight_card, weight_card_names())}
    others = ("model.safetensors", "pytorch_model.bin")
    found = []
    for name in names:
        card = cards.get(f"timm/{name}")
        file = WeightsFile(
            name,
            f"{name}.safetensors",
            f"https://huggingface.co/timm/{name}",
            "22 MB for ViT-Ti/16, 330 MB for ViT-B/16" if card is None else card.size,
            hub=f"timm/{name}",
            others=(f"{name}.bin", f"{name}.pth", *others),
            licence="" if card is None else card.licence,
            card="" if card is None else card.name,
        )
        found.append(file)
    return tuple(found)


def find(network: str, folder: Path | None) -> Path | None:
    """Return the path of the published weights in a folder; None for a file, which may be another network's."""
    if folder is None or not folder.is_dir():
        return None
    return next((path for file in published(network) if (path := file.path(folder)) is not None), None)


def pretrained_weights(row: str, network: str, path: Path | None, folder: Path | None) -> Weights:
    """Return which weights are needed and whether they are present and fit.

    Args:
        row: the downstream network, as settings name it.
        network: name of a timm network.
        path: the file, if one was named or found.
        folder: the folder that was searched, if no file was named.
    """
    files = published(network)
    reason = _absent(path, files, folder) or _unfit(network, path)
    return Weights(
        name=f"the ImageNet weights of {network}",
        setting=f"--weights or BENCH_WEIGHTS to a folder that contains it, or downstream.{row}.pretrained to the file",
        source=files[0].source,
        size=files[0].size,
        licence=files[0].licence,
        path=path,
        reason=reason,
        card=files[0].card,
        automatic=bool(files[0].card) and path is None and folder is not None,
    )


def _absent(path: Path | None, files: tuple[WeightsFile, ...], folder: Path | None) -> str:
    if path is not None:
        return "" if path.is_file() else f"there is no file {path}"
    if folder is None:
        return "neither a file nor a folder of weights was named"
    if not folder.is_dir():
        return f"there is no folder {folder}"
    names = [place for file in files for place in (file.file, f"{file.hub}/model.safetensors")]
    return f"neither {folder} nor a cache of the hub in it contains any of {', '.join(names)}"


def _unfit(network: str, path: Path | None) -> str:
    """Return why an existing file does not fit, or an empty string if it holds the network's weights."""
    from downstream.vit.build import check_pretrained

    if path is None:
        return ""
    try:
        check_pretrained(network, path)
    except DataError as error:
        return f"{path} does not fit: {error.got}"
    return ""

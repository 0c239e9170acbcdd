"""Networks of cards, built and filled from a file; they turn pixels into one vector per image."""

from __future__ import annotations

import difflib
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import nn

from bench.errors import ConfigError, DataError, MissingError
from metrics.encoders.card import CoCaNetwork, Pooling, Recipe, TimmNetwork, TransformersNetwork
from metrics.encoders.state import load_exactly, read_state

Embed = Callable[[Float[torch.Tensor, "n 3 h w"]], Float[torch.Tensor, "n d"]]
# Old versions of transformers saved the positions 0..n as if they were weights.
_POSITIONS = ("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids")


class Towers(NamedTuple):
    """An image tower and, if there is one, a text tower; both in evaluation mode on one device."""

    image: Embed
    text: Callable[[Sequence[str]], Float[torch.Tensor, "n d"]] | None = None


def load_towers(recipe: Recipe, path: Path, device: str) -> Towers:
    """Return a recipe's network with the weights of a file.

    Raises:
        ConfigError: the library does not have the network.
        DataError: the file contains other weights.
    """
    with torch.random.fork_rng(devices=[]):  # construction draws weights, which are discarded
        match recipe.network:
            case TimmNetwork():
                return _timm(recipe.network, recipe.pooling, path, device)
            case CoCaNetwork():
                return _coca(recipe.network, path, device)
            case TransformersNetwork(name="clip"):
                return _clip(path, device)
            case _:
                return _dinov2(recipe.pooling, path, device)


def timm_network(network: TimmNetwork) -> Any:
    """Return a network of timm without classifier and without weights.

    Raises:
        ConfigError: timm does not have the network, or the network does not have an option.

    >>> timm_network(TimmNetwork(library="timm", name="resnet10t")).num_features
    512
    """
    import timm

    if not timm.is_model(network.name):
        near = difflib.get_close_matches(network.name.partition(".")[0], timm.list_models(), n=3)
        raise ConfigError(
            f"This is not an architecture of timm {timm.__version__}",
            got=repr(network.name),
            fix=f"did you mean {' or '.join(near)}?" if near else "see timm.list_models()",
        )
    try:
        options = {key: _layer(key, value) for key, value in network.options.items()}
        return timm.create_model(network.name, pretrained=False, num_classes=0, **options)
    except (TypeError, AttributeError, RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"timm's {network.name} does not take these options", got=str(error).splitlines()[0] or repr(error)
        ) from error


def _layer(key: str, value: Any) -> Any:
    """Return the layer of a name; activations and norms are left to timm, which knows them by name."""
    import timm.layers

    return getattr(timm.layers, value) if key == "mlp_layer" else value


def _timm(network: TimmNetwork, pooling: Pooling, path: Path, device: str) -> Towers:
    model = timm_network(network)
    _fill_timm(model, read_state(path), path)
    model = model.to(device).eval()
    if pooling == "pooled":
        return Towers(model)
    if not hasattr(model, "num_prefix_tokens"):
        raise ConfigError(
            f"Pooling {pooling!r} needs a vision transformer", got=network.name, fix="use pooling: pooled"
        )
    first = model.num_prefix_tokens
    return Towers(lambda pixels: pool(model.forward_features(pixels), pooling, first))


def _fill_timm(model: Any, state: dict[str, torch.Tensor], path: Path) -> None:
    """Fill a network of timm; published classifiers are left out, and names of other code bases are converted."""
    title = f"timm's {model.pretrained_cfg.get('architecture')}"
    if isinstance(getattr(model, "pos_embed", None), torch.Tensor) and "pos_embed" in state:
        _check_positions(model, state["pos_embed"], path, title)
    convert = getattr(sys.modules[type(model).__module__], "checkpoint_filter_fn", None)
    if convert is not None:
        state = convert(state, model)
    classifier = model.pretrained_cfg.get("classifier") or ()
    spare = (classifier,) if isinstance(classifier, str) else tuple(classifier)
    load_exactly(model, state, path, title, tuple(f"{name}." for name in spare))


def _check_positions(model: Any, positions: torch.Tensor, path: Path, title: str) -> None:
    """Refuse position embeddings that timm would resample although they have other prefix tokens."""
    prefix = 0 if getattr(model, "no_embed_class", False) else getattr(model, "num_prefix_tokens", 1)
    # Files of DINOv2 with registers keep the class token's position; timm's conversion removes it.
    counts = {positions.shape[1] - prefix, positions.shape[1] - 1}
    if positions.ndim != 3 or not any(n > 0 and int(n**0.5) ** 2 == n for n in counts):
        raise DataError(
            f"{path} does not contain the weights of {title}", got=f"position embeddings {tuple(positions.shape)}"
        )


def pool(
    tokens: Float[torch.Tensor, "n t d"], pooling: Pooling, prefix: int
) -> Float[torch.Tensor, "n d"] | Float[torch.Tensor, "n 2*d"]:
    """Return the pooled tokens of a vision transformer, of which the first `prefix` are class and register tokens.

    >>> pool(torch.arange(6.0).reshape(1, 3, 2), "mean", 1).tolist()  # of tokens (2, 3) and (4, 5)
    [[3.0, 4.0]]
    """
    parts = []
    if pooling in ("cls", "cls+mean"):
        parts.append(tokens[:, 0])
    if pooling in ("mean", "cls+mean"):
        parts.append(tokens[:, prefix:].mean(dim=1))
    return torch.cat(parts, dim=-1)


class CoCaImageTower(nn.Module):
    """Trunk, attentional pooling by one query, layer norm: CoCa's image embedding before its projection.

    Lu et al., Nature Medicine 2024 (CONCH), and its released code: `encode_image(proj_contrast=False)`.
    """

    def __init__(self, trunk: Any, dimension: int, heads: int) -> None:
        from open_clip.transformer import AttentionalPooler

        super().__init__()
        self.trunk = trunk
        self.attn_pool_contrast = AttentionalPooler(dimension, trunk.num_features, n_head=heads, n_queries=1)
        self.ln_contrast = nn.LayerNorm(dimension)

    def forward(self, pixels: Float[torch.Tensor, "n 3 h w"]) -> Float[torch.Tensor, "n d"]:
        """Return the features of images."""
        pooled = self.attn_pool_contrast(self.trunk.forward_features(pixels))[:, 0]
        features: torch.Tensor = self.ln_contrast(pooled)
        return features


def _coca(network: CoCaNetwork, path: Path, device: str) -> Towers:
    state = {name.removeprefix(network.prefix): value for name, value in read_state(path).items()}
    norm = state.get("ln_contrast.weight")
    # Without this tensor any width is fine, since the file is refused below.
    tower = CoCaImageTower(timm_network(network.trunk), network.heads if norm is None else norm.numel(), network.heads)
    # Text tower, captioning head and projections are not used here.
    wanted = {name: value for name, value in state.items() if name in tower.state_dict()}
    load_exactly(tower, wanted, path, "a CoCa image tower")
    return Towers(tower.to(device).eval())


def _dinov2(pooling: Pooling, path: Path, device: str) -> Towers:
    from transformers import Dinov2Config, Dinov2Model

    model: Any = Dinov2Model(Dinov2Config.from_dict(_config(path, "dinov2")))
    load_exactly(model, read_state(path), path, "a Dinov2Model")
    model.to(device).eval()
    return Towers(lambda pixels: pool(model(pixels).last_hidden_state, pooling, 1))


def _clip(path: Path, device: str) -> Towers:
    from transformers import CLIPConfig, CLIPModel

    model: Any = CLIPModel(CLIPConfig.from_dict(_config(path, "clip")))
    load_exactly(model, read_state(path), path, "a CLIPModel", _POSITIONS)
    model.to(device).eval()
    length = model.config.text_config.max_position_embeddings

    def image(pixels: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = model.visual_projection(model.vision_model(pixels).pooler_output)
        return features

    def text(captions: Sequence[str]) -> torch.Tensor:
        tokenizer = _tokenizer(path.parent)
        tokens = tokenizer(
            list(captions), padding="max_length", truncation=True, max_length=length, return_tensors="pt"
        ).to(device)
        pooled = model.text_model(input_ids=tokens.input_ids, attention_mask=tokens.attention_mask).pooler_output
        features: torch.Tensor = model.text_projection(pooled)
        return features

    return Towers(image, text)


def _tokenizer(folder: Path) -> Any:
    from transformers import CLIPTokenizer

    if not (folder / "tokenizer.json").is_file() and not all(
        (folder / name).is_file() for name in ("vocab.json", "merges.txt")
    ):
        raise MissingError(
            f"There is no tokenizer in {folder}",
            got="neither tokenizer.json nor vocab.json and merges.txt",
            fix="keep the published tokenizer files next to the weights",
        )
    return CLIPTokenizer.from_pretrained(str(folder), local_files_only=True)


def _config(path: Path, kind: str) -> dict[str, Any]:
    """Return the config.json next to a file of weights."""
    file = path.parent / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"Cannot read the published config at {file}", got=f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(config, dict) or config.get("model_type") != kind:
        got = config.get("model_type") if isinstance(config, dict) else type(config).__name__
        raise DataError(f"The config at {file} is not of model_type {kind!r}", got=repr(got))
    return config

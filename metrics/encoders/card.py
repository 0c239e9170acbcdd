"""An encoder as data: a YAML file that describes the network, its source and its terms of use."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StrictBool,
    StrictFloat,
    StrictInt,
    ValidationError,
    model_validator,
)

from bench.errors import ConfigError
from bench.weight_cards import weight_card
from metrics.encoders.pixels import Preprocessing
from metrics.encoders.weights import WeightsFile

# A plain name: timm would fetch `hf-hub:...` and read `local-dir:...`.
TIMM_NAME = r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$"
Pooling = Literal["pooled", "cls", "mean", "cls+mean"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TimmNetwork(_Strict):
    """A network of timm and the arguments of `timm.create_model`; layers have their names in `timm.layers`."""

    library: Literal["timm"]
    name: Annotated[str, Field(pattern=TIMM_NAME)]
    options: dict[str, StrictBool | StrictInt | StrictFloat | str] = {}


class TransformersNetwork(_Strict):
    """A network of transformers, configured by the `config.json` next to its weights."""

    library: Literal["transformers"]
    name: Literal["clip", "dinov2"]


class CoCaNetwork(_Strict):
    """The image tower of a CoCa model: a trunk of timm, one attentional query, a layer norm."""

    library: Literal["coca"]
    trunk: TimmNetwork
    heads: PositiveInt
    prefix: str


Network = Annotated[TimmNetwork | TransformersNetwork | CoCaNetwork, Field(discriminator="library")]


class Recipe(_Strict):
    """Everything that an image's features depend on, except the weights.

    `pooling`: `pooled` is the network's own head without classifier (CLIP: its projection), `cls` the class token,
    `mean` the mean of patch tokens (without register tokens), `cls+mean` both, joined; all after the last norm.
    `normalise`: features are divided by their L2 norm.
    """

    network: Network
    preprocessing: Preprocessing
    pooling: Pooling
    normalise: bool = False
    dimension: PositiveInt | None = None

    @model_validator(mode="after")
    def _tokens_exist(self) -> Recipe:
        tokens = self.network.library == "timm" or (
            self.network.library == "transformers" and self.network.name != "clip"
        )
        if not tokens and self.pooling != "pooled":
            raise ValueError(f"pooling of a {self.network.library} network with its own head must be 'pooled'")
        if self.network.library == "transformers" and tokens and self.pooling == "pooled":
            raise ValueError("pooling of a dinov2 network must be cls, mean or cls+mean")
        return self

    def describe(self) -> str:
        """Return the recipe in words; equal words and equal weights mean equal features."""
        parts = [_network_words(self.network), self.preprocessing.describe(), f"{self.pooling} features"]
        return "; ".join([*parts, "L2 norm 1"] if self.normalise else parts)


class EncoderCard(Recipe):
    """A recipe with its provenance.

    `files`: names of the published weights, the preferred one first; for a user's own card they are looked for next to
    the card first. `sha256` (or its first 8 or more digits) is that of the published file; without it, the names of
    metrics on the features contain `unverified` and a hash. `sources` say where the facts of the card come from.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
    title: str
    hub: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")] | None = None
    files: Annotated[tuple[str, ...], Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{8,64})?$")] = ""
    size: str
    dimension: PositiveInt
    licence: str
    gated: bool
    citation: str
    sources: tuple[str, ...] = ()

    def weights_file(self, own_folder: Path | None = None) -> WeightsFile:
        """Return the file that is needed; `own_folder` is that of a user's own card, whose name claims nothing."""
        gate = ", gated: request access there first" if self.gated else ""
        place = f"https://huggingface.co/{self.hub}" if self.hub else f"{self.title}'s publisher"
        return WeightsFile(
            encoder=self.name if own_folder is None else f"card:{self.name}",
            file=self.files[0],
            source=f"{place}{gate}",
            licence=self.licence,
            size=self.size,
            sha256=self.sha256,
            hub=self.hub or "",
            others=self.files[1:],
            companions=("config.json",) if self.network.library == "transformers" else (),
            own_folder=own_folder,
            claims=own_folder is None,
            **({} if own_folder is not None else _fetched(self.name)),
        )


@cache
def shipped_card(name: str) -> EncoderCard:
    """Return a card that is shipped with the package; its weights are those of the card of published weights.

    >>> shipped_card("uni").dimension
    1024
    """
    text = (files("metrics.encoders") / "cards" / f"{name}.yaml").read_text(encoding="utf-8")
    weights = weight_card(name)
    first, *_ = weights.files
    published = {
        "title": weights.title,
        "hub": weights.hub,
        "files": [first.name, *(file.name for file in weights.files if file.other)],
        "sha256": first.sha256,
        "size": weights.size,
        "licence": weights.licence,
        "gated": weights.access == "gated",
        "citation": weights.citation,
    }
    return _card(text, f"card {name!r}", published)


def shipped_names() -> tuple[str, ...]:
    """Return the names of the cards that are shipped with the package.

    >>> len(shipped_names())
    8
    """
    folder = files("metrics.encoders") / "cards"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def read_card(path: Path) -> EncoderCard:
    """Return a user's own card.

    Raises:
        ConfigError: there is no such file, or it is not a card.

    >>> try:
    ...     read_card(Path("my-encoder.yaml"))
    ... except ConfigError as error:
    ...     print(error.message)
    Cannot read an encoder card at my-encoder.yaml
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"Cannot read an encoder card at {path}", got=type(error).__name__, fix="use card:/path/to/card.yaml"
        ) from error
    return _card(text, f"encoder card {path}")


def _fetched(name: str) -> dict[str, Any]:
    """Return what only the card of published weights knows: how they are fetched, and hashes of their other forms."""
    file = WeightsFile.of_card(name)
    return {"other_sha256": file.other_sha256, "card": file.card, "gate": file.gate}


def _card(text: str, title: str, published: Mapping[str, Any] | None = None) -> EncoderCard:
    try:
        values = yaml.safe_load(text)
        return EncoderCard.model_validate({**values, **published} if published else values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the card"
        raise ConfigError(
            f"The {title} does not describe an encoder",
            got=f"{place}: {first['msg']}",
            fix="it needs what the cards in metrics/encoders/cards have, "
            "and title, files, size, licence, gated and citation",
        ) from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # also a date such as 2024-13-45
        got = (str(error).splitlines() or [""])[0] or type(error).__name__
        raise ConfigError(
            f"The {title} is not YAML", got=got, fix="write it as the cards in metrics/encoders/cards"
        ) from error


def _network_words(network: Any) -> str:
    if isinstance(network, CoCaNetwork):
        return f"coca {network.prefix}, {network.heads} heads, on {_network_words(network.trunk)}"
    options = network.options if isinstance(network, TimmNetwork) else {}
    listed = ", ".join(f"{key}={value}" for key, value in sorted(options.items()))
    return f"{network.library} {network.name}" + (f" ({listed})" if listed else "")

"""Cards of published weights, `configs/weights/<name>.yaml`: the one place of addresses, hashes, sizes and licences.

This module is on the ground floor, so that encoders, methods and networks can refer to the cards.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

HUB = "https://huggingface.co"
CARDS = Path(__file__).resolve().parent.parent / "configs" / "weights"
"""Our own configuration is next to the package `bench`; an import could find another folder of the same name."""

Access = Literal["public", "gated", "by-hand"]
_Sha256 = Annotated[str, Field(pattern=r"^([0-9a-f]{8,64})?$")]
_Name = Annotated[str, Field(pattern=r"^\w[\w.+-]*$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PublishedFile(_Strict):
    """One published file.

    `addresses` are tried in order; a file of a hub repository needs none. `sha256` may be as many of its first digits
    as were published; it is empty where no source states it, and then the hash of the first download is recorded.
    `other` marks another published form of the same weights, which is found but not fetched. `unpack` marks an archive.
    """

    name: _Name
    addresses: tuple[str, ...] = ()
    sha256: _Sha256 = ""
    md5: Annotated[str, Field(pattern=r"^([0-9a-f]{32})?$")] = ""
    size: str
    other: bool = False
    unpack: bool = False


class WeightCard(_Strict):
    """Published weights: what they are, where they are, who may have them, and what uses them.

    `files` are of the repository `hub` unless they have addresses. Without files, the whole repository is meant, or
    what matches `patterns` in it; `cached` says that it belongs into the hub's own cache, where its user looks for it.
    `access` is `gated` where terms must be accepted on the page first, and `by-hand` where a person must download the
    file. `needs` are the cards of other links of the chain. `setting` is what points to the file if it is not found in
    the folder of weights by itself.
    """

    name: str
    title: str
    what: str
    files: tuple[PublishedFile, ...] = ()
    hub: Annotated[str, Field(pattern=r"^([\w.-]+/[\w.-]+)?$")] = ""
    revision: str | None = None
    patterns: tuple[str, ...] = ()
    cached: bool = False
    access: Access = "public"
    page: str
    size: str
    licence: str
    citation: str
    used_by: Annotated[tuple[str, ...], Field(min_length=1)]
    setting: str = ""
    needs: tuple[str, ...] = ()

    @property
    def fetched(self) -> tuple[PublishedFile, ...]:
        """The files that are fetched: all but other forms of the same weights."""
        return tuple(file for file in self.files if not file.other)

    @property
    def source(self) -> str:
        """Where the weights are, in words: an address or a page, and whether terms must be accepted there."""
        first = next((address for file in self.fetched for address in file.addresses), self.page)
        return f"{first}, gated: request access there first" if self.access == "gated" else first

    def place(self, file: PublishedFile) -> str:
        """Return the path of a file below the folder of weights: a file of the hub is in a folder of its repository."""
        return file.name if file.addresses or not self.hub else f"{self.hub}/{file.name}"

    @model_validator(mode="after")
    def _can_be_got(self) -> Self:
        if self.access != "by-hand" and not self.hub and not all(file.addresses for file in self.fetched):
            raise ValueError("a file needs addresses, or its card a repository of the hub")
        if not self.files and not self.hub:
            raise ValueError("name files, or a repository of the hub")
        return self


@cache
def _read(path: Path) -> WeightCard:
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return WeightCard.model_validate({"name": path.stem, **values})


def weight_card(name: str) -> WeightCard:
    """Return a card by its name.

    Raises:
        KeyError: there is no card of this name.

    >>> weight_card("clip-vit-b-32").files[0].name
    'ViT-B-32.pt'
    """
    path = CARDS / f"{name}.yaml"
    if name not in weight_card_names():
        raise KeyError(name)
    return _read(path)


def weight_card_names() -> tuple[str, ...]:
    """Return the names of all cards, sorted.

    >>> "inception" in weight_card_names()
    True
    """
    return tuple(sorted(path.stem for path in CARDS.glob("*.yaml")))


def chain(name: str) -> tuple[WeightCard, ...]:
    """Return a card and the cards that it needs, directly or indirectly, itself first.

    >>> [card.name for card in chain("pixcell-256")]
    ['pixcell-256', 'pixcell-pipeline', 'sd3.5-vae', 'uni2-h']
    """
    found: dict[str, WeightCard] = {}
    waiting = [name]
    while waiting:
        card = weight_card(waiting.pop(0))
        if card.name not in found:
            found[card.name] = card
            waiting.extend(card.needs)
    return tuple(found.values())

"""Sources that draw images instead of reading them: `phantom` (nuclei) and `phantom-tissue` (nine tissue classes)."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import Field

from bench.config.validate import build
from bench.contract import Sample, Settings
from bench.datasets.card import DatasetCard
from bench.datasets.phantom.config import PhantomConfig
from bench.datasets.tile_source import TileSource
from bench.digest import digest_file

POOL = "pool"
"""The split whose images have neither label nor caption."""


class SlidePlan(Settings):
    """The number of slides of a split, and of tiles per slide (on the tissue task, per slide and label)."""

    slides: int = Field(gt=0)
    tiles: int = Field(gt=0)


class PhantomPlan(Settings):
    """The `extra` section of a phantom's card: what is drawn, and how large tiles are in pixels.

    `field` is the side in micrometres of what a tissue patch shows; tiles of nuclei are drawn at the card's resolution.
    """

    size: int = Field(gt=0)
    field: float = Field(default=84.0, gt=0)
    splits: Mapping[str, SlidePlan]
    config: PhantomConfig = PhantomConfig()


class Place(NamedTuple):
    """The place of a tile: id, slide, number in the slide (and label), label; `shown` if its sample has the label."""

    id: str
    group: str
    seed: int
    label: int | None
    shown: bool = True


class _Drawn(TileSource):
    def __init__(self, card: DatasetCard, root: Path | None) -> None:
        super().__init__(card, root)
        self.plan = build(PhantomPlan, card.extra, f"`extra` of the card {card.name!r}")

    def locate(self) -> Path:
        """Return the folder of the code that draws; there are no data files."""
        return Path(__file__).parent

    def fingerprint(self) -> dict[str, Any]:
        """Return what is drawn, and a hash of each file of the drawing code."""
        code = {path.name: digest_file(path) for path in sorted(self.locate().glob("*.py")) if path != Path(__file__)}
        return {"plan": self.plan.model_dump(mode="json"), "code": code}

    def ids(self, split: str) -> Sequence[str]:
        """List the ids of a split's tiles."""
        self.require_split(split)
        return [place.id for place in self._places[split]]

    def read(self, split: str, index: int) -> Sample:
        """Draw one tile."""
        self.require_split(split)
        return self.draw(self._places[split][index])

    @abstractmethod
    def draw(self, place: Place) -> Sample:
        """Draw the tile at a place."""

    @cached_property
    def _places(self) -> dict[str, list[Place]]:
        # slides are numbered on through all splits, so that no two splits share one
        places: dict[str, list[Place]] = {}
        first = 1
        for split in self.card.splits:
            plan = self.plan.splits[split]
            slides = range(first, first + plan.slides)
            drawn = [place for slide in slides for place in self._slide(f"slide-{slide:02d}", plan.tiles)]
            places[split] = _unlabelled(drawn) if split == POOL else drawn
            first += plan.slides
        return places

    def _slide(self, group: str, tiles: int) -> list[Place]:
        if not self.card.labels:
            return [Place(f"{group}-tile-{seed}", group, seed, None) for seed in range(tiles)]
        return [
            Place(f"{group}-{name.lower()}-{seed}", group, seed, label)
            for label, name in enumerate(self.card.labels)
            for seed in range(tiles)
        ]


def _unlabelled(places: Sequence[Place]) -> list[Place]:
    """Return places whose ids and samples do not reveal their labels."""
    seen: Counter[str] = Counter()
    unlabelled = []
    for place in places:
        number = seen[place.group]
        seen[place.group] += 1
        unlabelled.append(place._replace(id=f"{place.group}-patch-{number:02d}", shown=False))
    return unlabelled


class Phantom(_Drawn):
    """Tiles with nuclei of four classes and captions."""

    def draw(self, place: Place) -> Sample:
        """Draw the tile at a place."""
        # imported here: drawing needs OpenCV, a finished run does not
        from bench.datasets.phantom.draw import draw_tile

        tile = draw_tile(place.seed, place.group, self.plan.size, config=self.plan.config)
        return Sample(
            id=place.id,
            image=tile.image,
            group=place.group,
            mpp=self.card.mpp,
            instances=tile.instances,
            types=tile.types,
            caption=tile.caption,
            tissue=self.card.organ,
        )


class PhantomTissue(_Drawn):
    """Patches of nine tissue classes with captions; every slide shows all of them; the pool hides its labels."""

    def draw(self, place: Place) -> Sample:
        """Draw the patch at a place."""
        from bench.datasets.phantom.tissue import draw_tissue

        assert place.label is not None, "the tissue card has labels"
        plan = self.plan
        image, caption = draw_tissue(
            place.seed, place.group, place.label, plan.size, config=plan.config, field=plan.field
        )
        if not place.shown:
            return Sample(place.id, image, place.group, self.card.mpp)
        name = self.card.labels[place.label]
        return Sample(place.id, image, place.group, self.card.mpp, label=place.label, caption=caption, tissue=name)

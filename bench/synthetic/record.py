"""The lines of a synthetic set's metadata: what is known about each sample without decoding its image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from bench.contract import Condition, Sample, Settings
from bench.digest import digest, digest_arrays

METADATA = "metadata.jsonl"
# What a set may be used for: training, or only evaluation, because it was made from test masks.
TRAINING, EVALUATION = "training", "evaluation"
# The role of the source that contains a sample's window, in the order in which roles are searched.
TILE_ROLES = {TRAINING: "train", EVALUATION: "test"}

_Side = Annotated[int, Field(ge=1, lt=2**31)]
_Class = Annotated[int, Field(ge=0, le=255)]


def tile_role(use: str) -> str:
    """Return the role of the sources that contain a set's windows: "train", or "test" for test masks."""
    return TILE_ROLES.get(use, "train")


def tile_of(sources: Mapping[str, str]) -> str | None:
    """Return the id of the training (or test) sample that contains a window; None if it derives from none."""
    return next((sources[role] for role in TILE_ROLES.values() if role in sources), None)


def image_name(sample: str) -> str:
    """Return the name of a sample's image in its set, the only one that its `file_name` may be."""
    return f"images/{sample}.png"


def instances_name(sample: str) -> str:
    """Return the name of a sample's instance map in its set."""
    return f"instances/{sample}.png"


class SyntheticRecord(Settings):
    """One line of `metadata.jsonl`: what is known about a sample of a set without decoding its image.

    `sources`, `crop`, `kind`, `recipe` and `seed` are those of its `bench.contract.Condition`; in a set that was made
    from test masks, the source that contains the window has the role "test". `instances` says whether there is an
    instance map, `sha256` is :func:`sample_digest`. `height` and `width` are None in sets of schema 1.
    """

    file_name: str
    group: str
    sha256: str
    kind: str
    seed: int = 0
    sources: Mapping[str, str] = {}
    crop: tuple[int, int] | None = None
    recipe: dict[str, Any] = Field(default_factory=dict)
    height: _Side | None = None
    width: _Side | None = None
    label: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    caption: str | None = None
    tissue: str | None = None
    types: tuple[_Class, ...] | None = None
    instances: bool = False

    @property
    def id(self) -> str:
        """The id of the sample: the name of its file."""
        return Path(self.file_name).stem

    @property
    def tile(self) -> str | None:
        """The id of the training (or test) sample that contains its window; None if it derives from none."""
        return tile_of(self.sources)

    def condition(self, sample: Sample, **changes: Any) -> Condition:
        """Return the condition of a sample of this record, with the sample's present labels and with `changes`."""
        values: dict[str, Any] = {
            "id": sample.id,
            "kind": self.kind,
            "seed": self.seed,
            "instances": sample.instances,
            "types": sample.types,
            "label": sample.label,
            "caption": sample.caption,
            "tissue": sample.tissue,
            "sources": self.sources,
            "crop": self.crop,
            "recipe": self.recipe,
        }
        return Condition(**{**values, **changes})


def sample_digest(sample: Sample) -> str:
    """Return the hash of one sample: of its decoded pixels, instance map, types, label and caption."""
    return digest([digest_arrays(sample.image, sample.instances, sample.types), sample.label, sample.caption])


def upgraded(line: dict[str, Any], use: str) -> dict[str, Any]:
    """Return a line of schema 1, which has one source and may not mention instance maps, as a line of schema 2."""
    values = {"kind": "", "instances": line.get("types") is not None, **line}
    source = values.pop("source", None)
    return {**values, "sources": {} if source is None else {tile_role(use): source}}

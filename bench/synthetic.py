"""Synthetic sets: what a method made, sealed on disk with its provenance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydantic import Field

from bench.contract import Condition, DatasetInfo, Sample, SampleRecord, Settings, count_nuclei
from bench.digest import digest, digest_arrays, digest_file, write_json
from bench.errors import SealError
from bench.imageio import EncodingSurvey, image_size, read_instances, read_rgb, write_instances, write_png

SCHEMA_VERSION = 2
MANIFEST, METADATA = "manifest.json", "metadata.jsonl"
# What a set may be used for: training, or only evaluation, because it was made from test masks.
TRAINING, EVALUATION = "training", "evaluation"
# The role of the source that contains a sample's window, in the order in which roles are searched.
_TILE_ROLES = {TRAINING: "train", EVALUATION: "test"}


def tile_role(use: str) -> str:
    """Return the role of the sources that contain a set's windows: "train", or "test" for test masks."""
    return _TILE_ROLES.get(use, "train")


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
    height: int | None = None
    width: int | None = None
    label: int | None = None
    caption: str | None = None
    tissue: str | None = None
    types: tuple[int, ...] | None = None
    instances: bool = False

    @property
    def id(self) -> str:
        """The id of the sample: the name of its file."""
        return Path(self.file_name).stem

    @property
    def tile(self) -> str | None:
        """The id of the training (or test) sample that contains its window; None if it derives from none."""
        return _tile(self.sources)

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


class SyntheticSetWriter:
    """Writes samples one by one; several writers in turn may continue the same folder, and `seal` completes it."""

    def __init__(self, folder: Path, info: DatasetInfo, groups: Mapping[str, str]) -> None:
        """Write into `folder`; `groups` maps the id of every training sample to its group."""
        self._folder, self._info, self._groups = folder, info, groups
        for name in ("images", "instances", "records"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def has(self, index: int) -> bool:
        """Return whether sample `index` was written completely, by this process or by an earlier one."""
        return self._record(index).exists()

    def write(
        self, index: int, condition: Condition, image: UInt8[np.ndarray, "h w 3"], group: str | None = None
    ) -> None:
        """Write sample `index`; its record is written last, so that a sample with a record is complete.

        Its group is that of its source; without a source, it is `group`, or else the sample's own id.
        """
        sample = self._sample(condition, image, group)
        write_png(self._folder / "images" / f"{condition.id}.png", image)
        if sample.instances is not None:
            write_instances(self._folder / "instances" / f"{condition.id}.png", sample.instances)
        height, width = image.shape[:2]
        record = SyntheticRecord(
            file_name=f"images/{condition.id}.png",
            group=sample.group,
            sha256=sample_digest(sample),
            kind=condition.kind,
            seed=condition.seed,
            sources=condition.sources,
            crop=condition.crop,
            recipe=condition.recipe,
            height=height,
            width=width,
            label=condition.label,
            caption=condition.caption,
            tissue=condition.tissue,
            types=None if sample.types is None else tuple(sample.types.tolist()),
            instances=sample.instances is not None,
        )
        write_json(self._record(index), record)

    def seal(self, n: int, manifest: Mapping[str, Any]) -> str:
        """Check provenance, collect the records, write the manifest and return the set's digest.

        Raises:
            SealError: a source is not a training sample, or two samples share an id.
        """
        records = [SyntheticRecord.model_validate_json(self._record(index).read_bytes()) for index in range(n)]
        files = {record.file_name for record in records}
        if len(files) != n:
            raise SealError("Some synthetic samples share an id", got=f"{len(files)} ids for {n} samples")
        self._check_sources(records, str(manifest.get("use", TRAINING)))
        lines = (json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n" for record in records)
        (self._folder / METADATA).write_text("".join(lines), encoding="utf-8")
        total = digest([record.sha256 for record in records])
        if "encoding" not in manifest:
            manifest = {**manifest, "encoding": self._encoding(records)}
        content = {
            "schema_version": SCHEMA_VERSION,
            "n": n,
            "digest": total,
            "metadata_sha256": digest_file(self._folder / METADATA),
            "mpp": self._info.mpp,
            "info": {name: value for name, value in vars(self._info).items() if name != "use"} | {"split": "synthetic"},
        }
        write_json(self._folder / MANIFEST, {**content, **manifest})
        for index in range(n):
            self._record(index).unlink()
        (self._folder / "records").rmdir()
        return total

    def _encoding(self, records: Sequence[SyntheticRecord]) -> dict[str, Any]:
        """Return how the images are written, and which traces of JPEG they have."""
        survey = EncodingSurvey(len(records))
        for index, record in enumerate(records):
            if survey.wants(index):
                path = self._folder / record.file_name
                survey.add(index, read_rgb(path), path)
        return survey.summary()

    def _check_sources(self, records: Sequence[SyntheticRecord], use: str) -> None:
        """Refuse samples that derive from a sample that a set of this use may not derive from."""
        allowed = tile_role(use)
        for record in records:
            for role in _TILE_ROLES.values():
                source = record.sources.get(role)
                if source is None or (role == allowed and source in self._groups):
                    continue
                kind = "test" if use == EVALUATION else "training"
                raise SealError(
                    f"A source is not a {kind} sample",
                    got=f"{source!r} in {record.file_name}",
                    fix="derive sets from the training split only, and sets for evaluation from the test split only",
                )

    def _record(self, index: int) -> Path:
        return self._folder / "records" / f"{index:06d}.json"

    def _sample(self, condition: Condition, image: UInt8[np.ndarray, "h w 3"], group: str | None) -> Sample:
        tile = _tile(condition.sources)
        return Sample(
            id=condition.id,
            image=image,
            group=(group or condition.id) if tile is None else self._groups.get(tile, tile),
            mpp=self._info.mpp,
            instances=condition.instances,
            types=condition.types,
            label=condition.label,
            caption=condition.caption,
            tissue=condition.tissue,
        )


class SyntheticSet:
    """A sealed set, read lazily; a `bench.contract.Dataset`."""

    def __init__(self, folder: Path) -> None:
        """Open the set in `folder`.

        Raises:
            SealError: the folder contains no manifest, or one of a newer schema.
        """
        self.folder = folder
        path = folder / MANIFEST
        if not path.exists():
            raise SealError(f"There is no sealed synthetic set in {folder}", got=f"no {MANIFEST}")
        self.manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = self.manifest.get("schema_version")
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise SealError(
                f"The manifest in {folder} is not of schema {SCHEMA_VERSION} or older",
                got=f"schema {version}",
                fix="upgrade augbench",
            )

    @cached_property
    def metadata(self) -> list[SyntheticRecord]:
        """The records in `metadata.jsonl`, one per sample, in order.

        Raises:
            SealError: a line is not the record of a sample.
        """
        old = self.manifest["schema_version"] < SCHEMA_VERSION
        # not str.splitlines, which also splits captions at Unicode's line separators
        with (self.folder / METADATA).open(encoding="utf-8", newline="\n") as lines:
            try:
                if old:
                    return [SyntheticRecord.model_validate(_upgraded(json.loads(line), self.use)) for line in lines]
                return [SyntheticRecord.model_validate_json(line) for line in lines]
            except (ValueError, AttributeError) as error:
                raise SealError(
                    f"A line of {self.folder / METADATA} is not the record of a sample",
                    got=str(error),
                    fix="make the set again; a sealed set is never edited",
                ) from error

    @cached_property
    def records(self) -> list[SampleRecord]:
        """What is known about each sample without decoding its image, in order."""
        return [self._sample_record(record) for record in self.metadata]

    @cached_property
    def info(self) -> DatasetInfo:
        """What is known about the set as a whole."""
        values = {"tissues": (), **self.manifest["info"]}
        for name in ("classes", "labels", "rare", "tissues"):
            values[name] = tuple(values[name])
        return DatasetInfo(**{**values, "use": self.use})

    @property
    def digest(self) -> str:
        """The digest in the manifest."""
        return str(self.manifest["digest"])

    @property
    def use(self) -> str:
        """`training`, or `evaluation` for images of test masks, which are never trained on."""
        return str(self.manifest.get("use", TRAINING))

    @property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        return [record.id for record in self.metadata]

    @property
    def groups(self) -> Sequence[str]:
        """The group of each sample: that of its source."""
        return [record.group for record in self.metadata]

    def summary(self) -> Iterator[str]:
        """Yield what the samples come with, one line per kind."""
        n = len(self)
        outlined = [record for record in self.metadata if record.instances]
        if outlined:
            typed = [record.types for record in outlined if record.types is not None]
            nuclei = f", {sum(map(len, typed))} nuclei of a class" if typed else ""
            untyped = len(outlined) - len(typed)
            yield f"{len(outlined)} with instance maps{nuclei}" + (f", {untyped} without classes" if untyped else "")
        for kind in ("label", "caption", "tissue"):
            found = sum(getattr(record, kind) is not None for record in self.metadata)
            if found:
                yield f"{found} of {n} with a {kind}"
        derived = sum(bool(record.sources) for record in self.metadata)
        if derived:
            yield f"{derived} of {n} with a source"
        yield f"{len(set(self.groups))} groups; for {self.use}"

    def image(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """Return the image of a sample without decoding its labels."""
        return read_rgb(self.folder / self.metadata[index].file_name)

    def __len__(self) -> int:
        return int(self.manifest["n"])

    def __getitem__(self, index: int) -> Sample:
        record = self.metadata[index]
        place = self.folder / "instances" / f"{record.id}.png"
        return Sample(
            id=record.id,
            image=self.image(index),
            group=record.group,
            mpp=self.info.mpp,
            instances=read_instances(place) if record.instances else None,
            types=None if record.types is None else np.array(record.types, np.uint8),
            label=record.label,
            caption=record.caption,
            tissue=record.tissue,
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def _sample_record(self, record: SyntheticRecord) -> SampleRecord:
        if record.height is None or record.width is None:  # of schema 1
            height, width = image_size(self.folder / record.file_name)
        else:
            height, width = record.height, record.width
        types = None if record.types is None else np.array(record.types, np.uint8)
        nuclei = count_nuclei(types, len(self.info.classes))
        said = (record.label, record.caption, record.tissue)
        return SampleRecord(record.id, record.group, height, width, *said, nuclei)


def verify_set(folder: Path) -> SyntheticSet:
    """Recompute every digest of a set and return the set.

    Raises:
        SealError: a file is missing or changed (the first few are named), or the set's digest does not match.
    """
    opened = SyntheticSet(folder)
    changed: list[str] = []
    digests: list[str] = []
    for record, index in zip(opened.metadata, range(len(opened)), strict=True):
        digests.append(sample_digest(opened[index]))
        if digests[-1] != record.sha256:
            changed.append(record.file_name)
    # sets of schema 1 have no digest of their metadata
    said = opened.manifest.get("metadata_sha256")
    if not changed and said is not None and digest_file(folder / METADATA) != said:
        changed.append(METADATA)
    if changed:
        raise SealError(
            f"The set in {folder} was changed after it was sealed",
            got=f"{len(changed)} changed: {', '.join(changed[:5])}",
            fix="make the set again; a sealed set is never edited",
        )
    if digest(digests) != opened.digest:
        raise SealError(f"The digest of {folder} does not match its samples", got=opened.digest)
    return opened


def _tile(sources: Mapping[str, str]) -> str | None:
    return next((sources[role] for role in _TILE_ROLES.values() if role in sources), None)


def _upgraded(line: dict[str, Any], use: str) -> dict[str, Any]:
    """Return a line of schema 1, which has one source and may not mention instance maps, as a line of schema 2."""
    values = {"kind": "", "instances": line.get("types") is not None, **line}
    source = values.pop("source", None)
    return {**values, "sources": {} if source is None else {tile_role(use): source}}

"""Reading of sealed sets: nothing of a set is used that differs from its seal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from pydantic import ValidationError

from bench.contract import DatasetInfo, Sample, SampleRecord, count_nuclei
from bench.digest import digest, parse_json
from bench.errors import SealError
from bench.imageio import image_size, read_instances, read_rgb
from bench.synthetic.manifest import read_manifest
from bench.synthetic.record import METADATA, TRAINING, SyntheticRecord, instances_name, sample_digest, upgraded
from bench.synthetic.seal import FIX, MANIFEST, SCHEMA_VERSION, SEAL, check_files, check_metadata


class SyntheticSet:
    """A sealed set, read lazily; a `bench.contract.Dataset`."""

    def __init__(self, folder: Path) -> None:
        """Open the set in `folder`.

        Raises:
            SealError: the folder contains no manifest, or one of a newer schema, or one that was edited.
        """
        self.folder = folder
        self.manifest: dict[str, Any] = read_manifest(folder)
        self._checked: set[int] = set()

    @cached_property
    def metadata(self) -> list[SyntheticRecord]:
        """The records in `metadata.jsonl`, one per sample, in order.

        Raises:
            SealError: the file was edited, or a line is not the record of a sample.
        """
        check_metadata(self.folder, self.manifest)
        path = self.folder / METADATA
        # as bytes: lines of text would also end at Unicode's line separators in captions
        try:
            with path.open("rb") as lines:
                return [self._record(line, f"Line {number} of {path}") for number, line in enumerate(lines, 1)]
        except OSError as error:
            raise SealError(f"Cannot read {path}", got=error.strerror or str(error), fix=FIX) from error

    def _record(self, line: bytes, where: str) -> SyntheticRecord:
        try:
            if SEAL in self.manifest:  # its bytes are those that were written
                return SyntheticRecord.model_validate_json(line)
            values = parse_json(line)
            if self.manifest["schema_version"] == 1 and isinstance(values, dict):
                values = upgraded(values, self.use)
            return SyntheticRecord.model_validate(values)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False)[0]
            field = ".".join(map(str, first["loc"])) or "the line"
            got = f"{field}: {first['msg'].lower()}, but it is {repr(first['input'])[:60]}"
            raise SealError(f"{where} is not the record of a sample", got=got, fix=FIX) from error
        except ValueError as error:
            raise SealError(f"{where} is not the record of a sample", got=str(error), fix=FIX) from error

    @property
    def covered(self) -> str:
        """What the seal of the set covers that is less than everything, in words; empty for sets of this schema."""
        if self.manifest["schema_version"] == SCHEMA_VERSION:
            return ""
        return (
            "pixels and labels only" if "metadata_sha256" not in self.manifest else "pixels, labels and metadata only"
        )

    @property
    def seal(self) -> str:
        """The hash over everything that was sealed; empty for sets of older schemas."""
        return str(self.manifest.get(SEAL, {}).get("sha256", ""))

    @cached_property
    def files(self) -> int:
        """The number of files of images and instance maps, after a check that they are exactly those of the metadata.

        Raises:
            SealError: there is no seal, or a file is missing, not listed, or a link.
        """
        if SEAL not in self.manifest and self.manifest["schema_version"] == SCHEMA_VERSION:
            raise SealError(f"The seal is missing in {self.folder / MANIFEST}", got=f"no {SEAL}", fix=FIX)
        if len(self.metadata) != len(self):
            got = f"{len(self.metadata)} lines for {len(self)} samples"
            raise SealError(f"{self.folder / METADATA} does not have a line for each sample", got=got, fix=FIX)
        check_files(self.folder, self.metadata, self.manifest)
        return len(self) + sum(record.instances for record in self.metadata)

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
        """Return the image of a sample without decoding its labels.

        Raises:
            SealError: the set differs from its seal in anything but the pixels of this image.
        """
        _ = self.files
        return read_rgb(self.folder / self.metadata[index].file_name)

    def __len__(self) -> int:
        return int(self.manifest["n"])

    def __getitem__(self, index: int) -> Sample:
        """Return a sample, which is checked against its seal when it is read for the first time."""
        sample, record = self.unchecked(index), self.metadata[index]
        if index not in self._checked:
            if sample_digest(sample) != record.sha256:
                raise SealError(
                    f"The set in {self.folder} was changed after it was sealed",
                    got=f"pixels or labels of {record.file_name} changed",
                    fix=FIX,
                )
            self._checked.add(index)
        return sample

    def unchecked(self, index: int) -> Sample:
        """Return a sample as it is, which may differ from its seal."""
        record, image = self.metadata[index], self.image(index)
        place = self.folder / instances_name(record.id)
        instances = read_instances(place) if record.instances else None
        if instances is not None and instances.shape != image.shape[:2]:
            got = f"{instances.shape} for an image of {image.shape[:2]}"
            raise SealError(f"The instance map {place} was changed after it was sealed", got=got, fix=FIX)
        return Sample(
            id=record.id,
            image=image,
            group=record.group,
            mpp=self.info.mpp,
            instances=instances,
            types=None if record.types is None else np.array(record.types, np.uint8),
            label=record.label,
            caption=record.caption,
            tissue=record.tissue,
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))

    def _sample_record(self, record: SyntheticRecord) -> SampleRecord:
        if record.height is None or record.width is None:  # of schema 1
            _ = self.files
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
    _ = opened.files
    digests = [sample_digest(opened.unchecked(index)) for index in range(len(opened))]
    changed = [record.file_name for record, own in zip(opened.metadata, digests, strict=True) if own != record.sha256]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        raise SealError(
            f"The set in {folder} was changed after it was sealed",
            got=f"pixels or labels of {len(changed)} changed: {', '.join(changed[:5])}{more}",
            fix=FIX,
        )
    if digest(digests) != opened.digest:
        raise SealError(
            f"The digest of {folder} does not match its samples",
            got=f"{opened.digest[:12]}, but the samples have {digest(digests)[:12]}",
            fix=FIX,
        )
    return opened

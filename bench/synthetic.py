"""Synthetic sets: what a method made, sealed on disk with its provenance."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, DatasetInfo, Sample
from bench.digest import digest, digest_arrays, write_json
from bench.errors import SealError
from bench.imageio import read_instances, read_rgb, write_instances, write_png

SCHEMA_VERSION = 1
MANIFEST, METADATA = "manifest.json", "metadata.jsonl"
# What a set may be used for: to train on, or to be looked at alone, because it was made of test masks.
TRAINING, EVALUATION = "training", "evaluation"


def sample_digest(sample: Sample) -> str:
    """Hash one sample: decoded pixels, instance map, types, label and caption."""
    return digest([digest_arrays(sample.image, sample.instances, sample.types), sample.label, sample.caption])


class SyntheticSetWriter:
    """Writes samples one by one, any number of times over the same folder; `seal` ends it."""

    def __init__(self, folder: Path, info: DatasetInfo, groups: Mapping[str, str]) -> None:
        """Write into `folder`; `groups` maps the id of every training sample to its group."""
        self._folder, self._info, self._groups = folder, info, groups
        for name in ("images", "instances", "records"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def has(self, index: int) -> bool:
        """Say whether sample `index` was written whole, by this process or by one before it."""
        return self._record(index).exists()

    def write(
        self, index: int, condition: Condition, image: UInt8[np.ndarray, "h w 3"], group: str | None = None
    ) -> None:
        """Write sample `index`; its record comes last, so that a sample with a record is whole.

        Its group is that of its source, else `group`, else its own id.
        """
        sample = self._sample(condition, image, group)
        write_png(self._folder / "images" / f"{condition.id}.png", image)
        if sample.instances is not None:
            write_instances(self._folder / "instances" / f"{condition.id}.png", sample.instances)
        line = {
            "file_name": f"images/{condition.id}.png",
            "source": condition.source,
            "crop": condition.crop,
            "kind": condition.kind,
            "recipe": condition.recipe,
            "seed": condition.seed,
            "group": sample.group,
            "label": condition.label,
            "caption": condition.caption,
            "types": None if sample.types is None else sample.types.tolist(),
            "instances": sample.instances is not None,
            "sha256": sample_digest(sample),
        }
        write_json(self._record(index), line)

    def seal(self, n: int, manifest: Mapping[str, Any]) -> str:
        """Check provenance, gather the records and write the manifest; returns the set's digest.

        Raises:
            SealError: a source is not a training sample, or two samples share an id.
        """
        lines = [json.loads(self._record(index).read_text()) for index in range(n)]
        files = {line["file_name"] for line in lines}
        if len(files) != n:
            raise SealError("expected every synthetic sample to have an id of its own", got=f"{len(files)} ids for {n}")
        for line in lines:
            if line["source"] is not None and line["source"] not in self._groups:
                kind = "training" if manifest.get("use", TRAINING) == TRAINING else "test"
                raise SealError(
                    f"expected every source to be a {kind} sample",
                    got=f"{line['source']!r} in {line['file_name']}",
                    fix="a set derives from the training split only, one for evaluation alone from the test split",
                )
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        (self._folder / METADATA).write_text(text, encoding="utf-8")
        total = digest([line["sha256"] for line in lines])
        info = {name: value for name, value in vars(self._info).items() if name != "use"} | {"split": "synthetic"}
        write_json(
            self._folder / MANIFEST,
            {"schema_version": SCHEMA_VERSION, "n": n, "digest": total, "info": info, **manifest},
        )
        for index in range(n):
            self._record(index).unlink()
        (self._folder / "records").rmdir()
        return total

    def _record(self, index: int) -> Path:
        return self._folder / "records" / f"{index:06d}.json"

    def _sample(self, condition: Condition, image: UInt8[np.ndarray, "h w 3"], group: str | None) -> Sample:
        if condition.source is None:
            group = group or condition.id
        else:
            group = self._groups.get(condition.source, condition.source)
        return Sample(
            condition.id,
            image,
            group,
            self._info.mpp,
            condition.instances,
            condition.types,
            condition.label,
            condition.caption,
        )


class SyntheticSet:
    """A sealed set, read lazily; a `bench.contract.Dataset`."""

    def __init__(self, folder: Path) -> None:
        """Open the set in `folder`.

        Raises:
            SealError: the folder holds no manifest, or one of a newer schema.
        """
        self.folder = folder
        path = folder / MANIFEST
        if not path.exists():
            raise SealError(f"expected a sealed synthetic set in {folder}", got=f"no {MANIFEST}")
        self.manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        version = self.manifest.get("schema_version")
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise SealError(
                f"expected a manifest of schema {SCHEMA_VERSION} or older in {folder}",
                got=f"schema {version}",
                fix="upgrade augbench",
            )

    @cached_property
    def metadata(self) -> list[dict[str, Any]]:
        """One record a sample, in order."""
        # not str.splitlines, which cuts captions at Unicode's separators, too
        with (self.folder / METADATA).open(encoding="utf-8", newline="\n") as lines:
            return [json.loads(line) for line in lines]

    @cached_property
    def info(self) -> DatasetInfo:
        """What is known of the set as a whole."""
        values = dict(self.manifest["info"])
        for name in ("classes", "labels", "rare"):
            values[name] = tuple(values[name])
        return DatasetInfo(**{**values, "use": self.use})

    @property
    def digest(self) -> str:
        """The digest in the manifest."""
        return str(self.manifest["digest"])

    @property
    def use(self) -> str:
        """`training`, or `evaluation` for images of test masks, which no training mix accepts."""
        return str(self.manifest.get("use", TRAINING))

    @property
    def ids(self) -> Sequence[str]:
        """Sample ids, in order."""
        return [Path(line["file_name"]).stem for line in self.metadata]

    @property
    def groups(self) -> Sequence[str]:
        """The group of each sample: that of its source."""
        return [line["group"] for line in self.metadata]

    def summary(self) -> Iterator[str]:
        """Say what the samples come with, one line a kind."""
        n = len(self)
        outlined = [line for line in self.metadata if line.get("instances", line["types"] is not None)]
        if outlined:
            typed = [line for line in outlined if line["types"] is not None]
            nuclei = f", {sum(len(line['types']) for line in typed)} nuclei of a class" if typed else ""
            untyped = len(outlined) - len(typed)
            yield f"{len(outlined)} with instance maps{nuclei}" + (f", {untyped} without classes" if untyped else "")
        for kind in ("label", "caption", "source"):
            found = sum(line[kind] is not None for line in self.metadata)
            if found:
                yield f"{found} of {n} with a {kind}"
        yield f"{len(set(self.groups))} groups; for {self.use}"

    def image(self, index: int) -> UInt8[np.ndarray, "h w 3"]:
        """Decode the image of a sample, and no more."""
        return read_rgb(self.folder / self.metadata[index]["file_name"])

    def __len__(self) -> int:
        return int(self.manifest["n"])

    def __getitem__(self, index: int) -> Sample:
        line = self.metadata[index]
        image = self.image(index)
        name = Path(line["file_name"]).stem
        types = None if line["types"] is None else np.array(line["types"], np.uint8)
        # sets that were sealed before untyped instances were known say nothing of them
        outlined = line.get("instances", types is not None)
        instances = read_instances(self.folder / "instances" / f"{name}.png") if outlined else None
        return Sample(name, image, line["group"], self.info.mpp, instances, types, line["label"], line["caption"])

    def __iter__(self) -> Iterator[Sample]:
        return (self[index] for index in range(len(self)))


def verify_set(folder: Path) -> SyntheticSet:
    """Recompute every digest of a set.

    Raises:
        SealError: a file is missing or changed (the first few are named), or the set's digest does not follow.
    """
    opened = SyntheticSet(folder)
    changed: list[str] = []
    digests: list[str] = []
    for line, index in zip(opened.metadata, range(len(opened)), strict=True):
        digests.append(sample_digest(opened[index]))
        if digests[-1] != line["sha256"]:
            changed.append(line["file_name"])
    if changed:
        raise SealError(
            f"expected the samples of {folder} to be as they were sealed",
            got=f"{len(changed)} changed: {', '.join(changed[:5])}",
            fix="make the set again; a sealed set is never edited",
        )
    if digest(digests) != opened.digest:
        raise SealError(f"expected the digest of {folder} to follow from its samples", got=opened.digest)
    return opened

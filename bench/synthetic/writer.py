"""Writing of synthetic sets: samples one by one, then the seal."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bench.contract import Condition, DatasetInfo, Sample
from bench.digest import canonical_json, digest, digest_file, write_json
from bench.errors import SealError
from bench.imageio import EncodingSurvey, read_rgb, write_instances, write_png
from bench.synthetic.record import (
    EVALUATION,
    METADATA,
    TILE_ROLES,
    TRAINING,
    SyntheticRecord,
    image_name,
    instances_name,
    sample_digest,
    tile_of,
    tile_role,
)
from bench.synthetic.seal import MANIFEST, SCHEMA_VERSION, sealed


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
        write_png(self._folder / image_name(condition.id), image)
        if sample.instances is not None:
            write_instances(self._folder / instances_name(condition.id), sample.instances)
        height, width = image.shape[:2]
        record = SyntheticRecord(
            file_name=image_name(condition.id),
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
        lines = [(json.dumps(record.model_dump(mode="json"), ensure_ascii=False) + "\n").encode() for record in records]
        (self._folder / METADATA).write_bytes(b"".join(lines))
        total = digest([record.sha256 for record in records])
        if "encoding" not in manifest:
            manifest = {**manifest, "encoding": self._encoding(records)}
        content = {
            "schema_version": SCHEMA_VERSION,
            "n": n,
            "digest": total,
            "metadata_sha256": digest_file(self._folder / METADATA),
            "mpp": self._info.mpp,
            "use": TRAINING,
            "info": {name: value for name, value in vars(self._info).items() if name != "use"} | {"split": "synthetic"},
        }
        self._sweep(records)
        plain = json.loads(canonical_json({**content, **manifest}))
        write_json(self._folder / MANIFEST, sealed(plain, lines, self._folder))
        for index in range(n):
            self._record(index).unlink()
        (self._folder / "records").rmdir()
        return total

    def _sweep(self, records: Sequence[SyntheticRecord]) -> None:
        """Remove what killed attempts left next to the files of the set."""
        listed = {image_name(record.id) for record in records}
        listed |= {instances_name(record.id) for record in records if record.instances}
        for name in ("images", "instances"):
            for path in (self._folder / name).iterdir():
                if f"{name}/{path.name}" not in listed:
                    path.unlink()

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
            for role in TILE_ROLES.values():
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
        tile = tile_of(condition.sources)
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

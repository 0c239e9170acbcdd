"""Writing a split in canonical form at the working resolution: a folder that `PreparedDataset` opens."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from bench.contract import DatasetInfo, Progress, Sample
from bench.datasets.checks.look_alikes import look
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.prepared.journal import Entry, Journal
from bench.datasets.prepared.read import DTYPES, INFO_FILE, LOOKS_FILE, SAMPLES_FILE, SCHEMA, dataset_digest
from bench.datasets.prepared.resample import fit_square, resample
from bench.datasets.source import DatasetSource
from bench.digest import digest, digest_arrays
from bench.errors import DataError
from bench.formats.labels.plausible import Survey, refuse, survey
from bench.imageio import EncodingSurvey


class StartProgress(Protocol):
    """A display of the progress of a stage, such as `bench.contract.RunContext.progress`."""

    def __call__(
        self, stage: str, total: int, /, *, done: int = 0, unit: str = "step"
    ) -> AbstractContextManager[Progress]:
        """Start showing a stage of `total` units, of which `done` are already done."""
        ...


def prepare(
    source: DatasetSource,
    split: str,
    mpp: float | None,
    out: Path,
    progress: StartProgress,
    *,
    square: int | None = None,
    limit: int | None = None,
) -> list[str]:
    """Write one split into the folder `out`; return what is doubtful about its labels.

    A folder that a killed preparation of the same split left is continued: the files are the same in the end.

    The folder holds one flat file per kind of array (`images.u8`, `instances.i32`, `ignore.u8`; C order,
    little-endian), `samples.jsonl` with one line per sample, `looks.json` with the look of each image, and `info.json`,
    written last. Its `encoding` says how the files are encoded, and which traces of JPEG their images have, as
    published; no key depends on it.

    Args:
        source: the dataset's source.
        split: name of the split.
        mpp: working resolution in micrometres per pixel; None for the dataset's own.
        out: a folder that is empty or of an earlier attempt, created if it does not exist.
        progress: display of the progress.
        square: side in pixels of squares to resize images to; None keeps their shape. The resolution is then that of
            the card divided by the scale of the images, and `mpp` is not used.
        limit: number of samples to keep, evenly spread over the split; None keeps all.

    Raises:
        DataError: a tile is unreadable or not in canonical form, the split has no tiles, or its labels cannot be
            nuclei.
    """
    card = source.card
    target = card.mpp if mpp is None or square is not None else mpp
    about = card.name, split, card.task, card.class_names, card.labels, target, card.rare
    info = DatasetInfo(*about, group_kind=source.group_kind)
    out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        n = len(source.ids(split))
        kept = range(n) if limit is None else [place * n // limit for place in range(limit)]
        encodings = EncodingSurvey(len(kept))
        writer = _Writer(out, info, encodings, stack)
        done = len(writer.digests)
        advance = stack.enter_context(progress(f"prepare {split}", len(kept), done=done, unit="tile")).advance
        rest = kept[done:]
        for number, (place, sample) in enumerate(zip(rest, source.samples(split, rest), strict=True), done):
            encodings.add(number, sample.image, source.image_file(split, place))
            writer.add(sample, target, square)
            advance()
    if not writer.digests:
        raise DataError(f"The {split} split of {card.name} has no samples", got="none")
    doubtful = refuse(writer.surveys, card.mpp)
    content = {
        "schema": SCHEMA,
        "info": asdict(replace(info, tissues=writer.tissues())),
        "digest": dataset_digest(info, writer.digests),
        "notes": source.notes(),
        "native_mpp": card.mpp,
        "encoding": encodings.summary(),
        "counts": writer.counts(),
    }
    (out / LOOKS_FILE).write_text(json.dumps(writer.looks()), encoding="utf-8")
    (out / INFO_FILE).write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    writer.journal.path.unlink(missing_ok=True)
    return doubtful


class _Writer:
    """Appends samples to the files of a prepared split, after those of an earlier attempt."""

    def __init__(self, out: Path, info: DatasetInfo, encodings: EncodingSurvey, stack: ExitStack) -> None:
        self.info = info
        self.journal = Journal(out)
        self._encodings = encodings
        self.digests: list[str] = []
        self.surveys: dict[str, Survey] = {}
        self._ids: set[str] = set()
        self._nuclei: Counter[int] = Counter()
        self._labels: Counter[int] = Counter()
        self._tissues: set[str] = set()
        self._vanished = 0
        self._looks: list[list[Any] | None] = []
        paths = {kind: out / name for kind, (name, _) in DTYPES.items()}
        earlier = self.journal.read({kind: path.stat().st_size for kind, path in paths.items() if path.exists()})
        for kind, path in paths.items():
            with path.open("ab") as handle:
                handle.truncate(0 if earlier is None else earlier.sizes[kind])
        self._files: dict[str, BinaryIO] = {kind: stack.enter_context(path.open("ab")) for kind, path in paths.items()}
        self._lines = stack.enter_context((out / SAMPLES_FILE).open("w", encoding="utf-8"))
        if earlier is not None:
            encodings.restore(earlier.encodings)
            for entry in earlier.entries:
                self._take(entry)

    def add(self, native: Sample, mpp: float, square: int | None) -> None:
        """Validate, resample and append one sample."""
        validate_sample(native, self.info)
        sample = resample(native, mpp) if square is None else fit_square(native, square)
        if sample.id in self._ids:
            raise DataError(f"{self.info.name} has two samples with the same id", got=f"{sample.id!r} twice")
        vanished = 0
        if native.instances is not None and sample.instances is not None:
            vanished = int(native.instances.max()) - int(sample.instances.max())
        types = None if sample.types is None else sample.types.tolist()
        record: dict[str, Any] = {
            "id": sample.id,
            "group": sample.group,
            "shape": list(sample.image.shape[:2]),
            "types": types,
            "label": sample.label,
            "caption": sample.caption,
            "tissue": sample.tissue,
            "mpp": sample.mpp,
        }
        arrays = {"image": sample.image, "instances": sample.instances, "ignore": sample.ignore}
        pixels = digest_arrays(sample.image, sample.instances, sample.types, sample.ignore)
        record["digest"] = digest({**record, "pixels": pixels})
        record["offsets"] = {kind: self._append(kind, array) for kind, array in arrays.items()}
        seen = None if native.instances is None else survey(native.instances)
        found = look(native.image)
        entry = Entry(record, seen, vanished, None if found is None else list(found))
        self._take(entry)
        self.journal.add(entry)
        if self.journal.due:
            self._mark()

    def _take(self, entry: Entry) -> None:
        """Take up a sample whose arrays are written, and write its record."""
        record = entry.record
        self._ids.add(record["id"])
        if entry.survey is not None:
            self.surveys[record["id"]] = entry.survey
        self._vanished += entry.vanished
        self._nuclei.update(record["types"] or [])
        self._labels.update([] if record["label"] is None else [record["label"]])
        self._tissues.update([] if record["tissue"] is None else [record["tissue"]])
        self._looks.append(entry.look)
        self.digests.append(record["digest"])
        self._lines.write(json.dumps(record, ensure_ascii=False) + "\n")

    def _mark(self) -> None:
        """Mark in the journal that everything so far is written."""
        for handle in self._files.values():
            handle.flush()
        sizes = {kind: handle.tell() for kind, handle in self._files.items()}
        self.journal.mark(sizes, self._encodings.state())

    def looks(self) -> list[list[Any] | None]:
        """Return what each image looks like at its own resolution, as JSON values."""
        return self._looks

    def counts(self) -> dict[str, Any]:
        """Return the numbers of tiles, nuclei by class, images by label, and nuclei lost in resampling."""
        return {
            "tiles": len(self.digests),
            "nuclei": {name: self._nuclei[index] for index, name in enumerate(self.info.classes, 1)},
            "labels": {name: self._labels[index] for index, name in enumerate(self.info.labels)},
            "vanished": self._vanished,
        }

    def tissues(self) -> tuple[str, ...]:
        """Return the tissues of the samples, sorted."""
        return tuple(sorted(self._tissues))

    def _append(self, kind: str, array: np.ndarray | None) -> int | None:
        """Append an array's pixels; return the position of their first byte."""
        if array is None:
            return None
        handle = self._files[kind]
        offset = handle.tell()
        handle.write(np.ascontiguousarray(array, DTYPES[kind][1]).tobytes())
        return offset

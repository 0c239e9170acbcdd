"""The whole export: every split in its place, with tables and a README, written completely or not at all."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import yaml

from bench.contract import Dataset, Progress, Sample
from bench.datasets.prepared.canonical import validate_sample
from bench.datasets.prepared.write import StartProgress
from bench.errors import ConfigError, DataError
from bench.export.layouts import CellViT, CoNSeP, HoVerNet, ImageFolder, Layout, write_csv
from bench.export.parts import Part, part_of
from bench.export.readme import readme
from bench.export.stems import Stems

FORMATS: Mapping[str, type[Layout]] = {
    "hovernet": HoVerNet,
    "consep": CoNSeP,
    "cellvit": CellViT,
    "imagefolder": ImageFolder,
}


@dataclass(frozen=True)
class Exported:
    """The result of an export: the folder and number of samples of each split, and what the format cannot hold."""

    folder: Path
    splits: Mapping[str, tuple[str, int]]
    lost: tuple[str, ...]


class _Row(NamedTuple):
    stem: str
    file_name: str
    group: str
    label: str
    caption: str


def export_samples(samples: Dataset, out: Path, format: str) -> Exported:
    """Write one dataset in a format; see `export_parts`."""
    return export_parts([part_of(samples)], out, format)


def export_parts(parts: Sequence[Part], out: Path, format: str, progress: StartProgress | None = None) -> Exported:
    """Write splits in a format that an official repository reads, into a folder that is new or empty.

    In every format, `groups.csv` (`stem,group,file_name`, the latter from the top) names the slide or
    patient of every image, and `metadata.csv` in the folder of each split (`file_name,group,label,caption`, the first
    from its folder of images) is a table that `bench import --table` reads. The folder appears when all is written.

    Args:
        parts: the splits; for a single one, formats without folders per split use the folder itself.
        out: where to write.
        format: one of `FORMATS`.
        progress: display of the progress.

    Raises:
        ConfigError: the format is unknown, or the folder is not empty.
        DataError: a sample cannot be read, or the format cannot hold it.
    """
    if format not in FORMATS:
        raise ConfigError("The export format is unknown", got=repr(format), fix=f"use one of: {', '.join(FORMATS)}")
    with _published(out) as folder:
        stems, lost = Stems(), Counter[str]()
        splits: dict[str, tuple[str, int]] = {}
        layouts, groups = [], list[tuple[str, str, str]]()
        for index, part in enumerate(parts):
            split = part.info.split
            place = FORMATS[format].place(split, index, len(parts) == 1)
            (folder / place).mkdir(exist_ok=True)
            layout = FORMATS[format](folder / place, part.info)
            rows = _write(part, layout, stems, lost, progress or _silent)
            if not rows:
                raise DataError(f"The {split} split of {part.info.name} has no images", got="none")
            splits[split] = (place, len(rows))
            layouts.append(layout)
            inside = PurePosixPath(place, layout.images)
            groups += [(stem, group, str(inside / name)) for stem, name, group, *_ in rows]
            write_csv(layout.folder / "metadata.csv", ("file_name", "group", "label", "caption"), [r[1:] for r in rows])
        write_csv(folder / "groups.csv", ("stem", "group", "file_name"), groups)
        _configure(folder, layouts)
        exported = Exported(out, splits, tuple(f"{n} {what}" for what, n in lost.items()))
        text = readme(format, [part.info for part in parts], splits, exported.lost)
        (folder / "README.txt").write_text(text, encoding="utf-8")
    return exported


def _write(part: Part, layout: Layout, stems: Stems, lost: Counter[str], progress: StartProgress) -> list[_Row]:
    rows = []
    with progress(f"export {part.info.split}", part.n, unit="image") as running:
        for sample in part.samples():
            running.advance()
            validate_sample(sample, part.info)
            if sample.image.size == 0:
                lost["captions whose image is absent were left out"] += 1
                continue
            stem = stems.give(sample.id)
            name = layout.add(stem, sample)
            label = "" if sample.label is None else part.info.labels[sample.label]
            rows.append(_Row(stem, name, sample.group, label, sample.caption or ""))
            _count_lost(sample, layout, lost)
    layout.close()
    return rows


def _count_lost(sample: Sample, layout: Layout, lost: Counter[str]) -> None:
    if sample.ignore is not None and np.any(sample.ignore):
        lost["images have regions that no metric may count; the format cannot hold them"] += 1
    if sample.instances is not None and not layout.nuclei:
        lost["images have nuclei; the format cannot hold them"] += 1


def _configure(folder: Path, layouts: Sequence[Layout]) -> None:
    """Write CellViT's two configuration files: ids of tissues and classes, and images of each tissue in fold 0."""
    folds = [layout for layout in layouts if isinstance(layout, CellViT)]
    if not folds:
        return
    tissues = sorted({tissue for fold in folds for tissue in fold.tissues})
    nuclei = {"Background": 0, **{name: index for index, name in enumerate(folds[0].info.classes, 1)}}
    config = {"tissue_types": {name: index for index, name in enumerate(tissues)}, "nuclei_types": nuclei}
    for name, content in (("dataset_config", config), ("weight_config", {"tissue": dict(folds[0].tissues)})):
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@contextmanager
def _published(out: Path) -> Iterator[Path]:
    """Yield a folder next to `out` that is renamed to `out` at the end; after an error nothing is left of it."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        got = "a folder that is not empty" if out.is_dir() else "a file"
        raise ConfigError(f"{out} is not a new or empty folder", got=got, fix="choose another folder with --out")
    partial = out.absolute().with_name(f".{out.absolute().name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        os.replace(partial, out)
    except OSError as error:
        raise DataError(f"Cannot write {out}", got=str(error), fix="choose another place with --out") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _silent(stage: str, total: int, /, *, done: int = 0, unit: str = "step") -> AbstractContextManager[Progress]:
    return nullcontext(_Uncounted())


class _Uncounted:
    def advance(self, n: int = 1, **values: float) -> None:
        """Show nothing."""

"""A sealed set that is exported in a format and imported again has the same digest of pixels and labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.engine.reporter import Reporter
from bench.export import export_parts
from bench.export.parts import open_parts
from bench.importing.command import import_set
from bench.synthetic import SyntheticSet
from tests.bench.importing.folders import import_request, write_images, write_typed

# where each format keeps images and labels below the folder of its only split
LAYOUTS = {
    "hovernet": ("", None),
    "consep": ("*/Images", "*/Labels"),
    "cellvit": ("*/images", "*/labels"),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SyntheticSet:
    root = tmp_path_factory.mktemp("made")
    write_typed(root / "npy")
    return import_set(import_request(root / "npy", root / "store"), Reporter(quiet=True))


@pytest.mark.parametrize("format", LAYOUTS)
def test_nuclei(made: SyntheticSet, tmp_path: Path, format: str) -> None:
    out = tmp_path / "out"
    export_parts(open_parts(str(made.folder), "all", None), out, format)
    images, labels = (None if pattern is None else _only(out, pattern) for pattern in LAYOUTS[format])
    table = next(out.rglob("metadata.csv"), None)
    fields = {"folder": images, "labels": labels, "table": table}
    again = import_set(import_request(store=tmp_path / "store", **fields), Reporter(quiet=True))
    assert again.digest == made.digest
    assert [sample.group for sample in again] == [sample.group for sample in made]


def test_images_by_class(tmp_path: Path) -> None:
    for name in ("TUM", "STR"):
        write_images(tmp_path / name, 2, prefix=f"{name}-")
        (tmp_path / "sorted" / name).mkdir(parents=True)
        for path in (tmp_path / name / "img").iterdir():
            path.rename(tmp_path / "sorted" / name / path.name)
    quiet = Reporter(quiet=True)
    first = import_set(import_request(tmp_path / "sorted", tmp_path / "a", dataset="phantom-tissue"), quiet)
    out = tmp_path / "out"
    export_parts(open_parts(str(first.folder), "all", None), out, "imagefolder")
    folder = next(path.parent.parent for path in out.rglob("*.png"))
    again = import_set(import_request(folder, tmp_path / "b", dataset="phantom-tissue"), quiet)
    assert sorted(line.sha256 for line in again.metadata) == sorted(line.sha256 for line in first.metadata)


def _only(out: Path, pattern: str) -> Path:
    return next(out.glob(pattern)) if pattern else out

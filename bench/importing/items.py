"""The items of a folder of synthetic images: files are matched before any of them is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.datasets.card import DatasetCard
from bench.digest import digest
from bench.errors import DataError
from bench.formats.csv_tables import Table, read_table, some
from bench.formats.folders import IMAGE_SUFFIXES, inside, walk
from bench.formats.labels import label_files

COLUMNS = ("file_name", "group", "label", "caption", "tissue", "source", "y", "x")
# A sample's id names its files, and most file systems allow names of 255 bytes.
_LONGEST_ID = 120


@dataclass(frozen=True)
class Item:
    """One image to import and its properties; `crop` is (y, x) of its window in the source, in native pixels."""

    id: str
    image: Path
    labels: Path | None
    label: int | None
    caption: str | None
    tissue: str | None
    group: str
    source: str | None
    crop: tuple[int, int] | None


def find_items(folder: Path, labels: Path | None, table: Path | None, card: DatasetCard) -> list[Item]:
    """Return the images of a folder and its subfolders, in order of path.

    Args:
        folder: images (or `.npy` files of image and labels together). If all of them are in subfolders named as the
            dataset's image-level classes, these are their classes.
        labels: a folder of label maps or outlines, paired with the images by stem, or a COCO file of many images; None
            for none.
        table: a CSV file with `file_name` and any of `group`, `label` (a class name), `caption`, `tissue`, `source`
            (the id of the sample that an image derives from) and `y`, `x`; None for none.
        card: of the dataset whose classes the images have.

    Raises:
        DataError: there are no images, images and labels do not pair up, two images have the same id, a path leaves
            the folder, or the table is not valid.
    """
    paths = walk(folder, (*IMAGE_SUFFIXES, ".npy"))
    if not paths:
        present = [path.name for path in sorted(folder.iterdir())]
        got = some(present) if present else "an empty folder"
        raise DataError(
            f"There are no images ({' '.join(IMAGE_SUFFIXES)}) in {folder}",
            got=got,
            fix="give the folder that holds images",
        )
    said = _told(folder, table)
    maps = {} if labels is None else _paired(paths, labels)
    classes = _classes_by_folder(folder, paths, card)
    ids = _ids(folder, paths)
    items = []
    for path in paths:
        row = said.get(path.relative_to(folder).as_posix(), {})
        label = _label(row["label"], card, path) if row.get("label") else classes.get(path)
        caption, tissue = row.get("caption") or None, row.get("tissue") or None
        group = row.get("group") or path.stem
        source = row.get("source") or None
        items.append(Item(ids[path], path, maps.get(path), label, caption, tissue, group, source, _crop(row, path)))
    return items


def _told(folder: Path, table: Path | None) -> Mapping[str, dict[str, str]]:
    """Return the rows of a table by the path of their file in the folder."""
    if table is None:
        return {}
    read: Table = read_table(table, "file_name")
    if odd := [name for name in read.columns if name not in COLUMNS]:
        fix = f"the columns may be {', '.join(COLUMNS)}"
        raise DataError(f"{table} has unknown columns", got=", ".join(odd), fix=fix)
    rows = {}
    for name, row in read.rows.items():
        rows[inside(folder, name).relative_to(folder).as_posix()] = row
    return rows


def _paired(paths: Sequence[Path], labels: Path) -> dict[Path, Path]:
    found = label_files(labels, "labels")
    by_image: dict[str, Path] = {}
    for path in paths:
        if path.stem in by_image:
            got = f"{by_image[path.stem]} and {path}"
            raise DataError("Two images have the same stem, by which labels are paired", got=got, fix="rename one")
        by_image[path.stem] = path
    unpaired = [
        f"{len(stems)} {what}: {some(stems)}"
        for what, stems in (
            ("images without labels", sorted(by_image.keys() - found.keys())),
            ("labels without an image", sorted(found.keys() - by_image.keys())),
        )
        if stems
    ]
    if unpaired:
        raise DataError(
            "Images and labels do not pair up by stem",
            got="\n".join(unpaired),
            fix="add or remove these files, or import images without labels as a separate set, without --labels",
        )
    return {path: found[stem] for stem, path in by_image.items()}


def _classes_by_folder(folder: Path, paths: Sequence[Path], card: DatasetCard) -> dict[Path, int]:
    """Return the class of each image if all are in folders named as classes; else an empty mapping."""
    numbers = {name.casefold(): index for index, name in enumerate(card.labels)}
    named = {path: path.relative_to(folder).parts[0].casefold() for path in paths if path.parent != folder}
    if not numbers or not named:
        return {}
    odd = sorted(set(named.values()) - set(numbers))
    if odd or len(named) != len(paths):
        got = f"the folders {some(odd)}" if odd else f"{len(paths) - len(named)} images outside of folders"
        raise DataError(
            f"The folders in {folder} are not those of the classes {', '.join(card.labels)}",
            got=got,
            fix="sort all images into folders of these names, or give their classes in a --table",
        )
    return {path: numbers[name] for path, name in named.items()}


def _label(name: str, card: DatasetCard, path: Path) -> int:
    if name not in card.labels:
        known = ", ".join(card.labels) or "none: it is a dataset of nuclei"
        raise DataError(f"The label of {path} is not an image-level class of {card.name}", got=name, fix=known)
    return card.labels.index(name)


def _crop(row: Mapping[str, str], path: Path) -> tuple[int, int] | None:
    place = row.get("y", ""), row.get("x", "")
    if not any(place):
        return None
    if not all(value.isdecimal() and len(value) < 10 for value in place) or not row.get("source"):
        got = f"y={place[0][:20]!r}, x={place[1][:20]!r}, source={row.get('source', '')!r}"
        raise DataError(f"y and x of {path} are not whole pixels of a source", got=got, fix="correct the table")
    return int(place[0]), int(place[1])


def _ids(folder: Path, paths: Sequence[Path]) -> dict[Path, str]:
    """Return an id for each image: its path in the folder without suffix and separators, and not too long."""
    ids: dict[Path, str] = {}
    taken: dict[str, Path] = {}
    for path in paths:
        name = "_".join(path.relative_to(folder).with_suffix("").parts)
        if len(name.encode()) > _LONGEST_ID:
            name = f"{name.encode()[: _LONGEST_ID - 20].decode(errors='ignore')}-{digest(name)[:16]}"
        if name in taken:
            raise DataError("Two images have the same name", got=f"{taken[name]} and {path}", fix="rename one")
        ids[path], taken[name] = name, path
    return ids

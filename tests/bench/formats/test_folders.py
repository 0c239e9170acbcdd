"""Files of people's folders: accents in two forms pair, and links are followed as far as they may lead."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from bench.datasets.readers.nuclei_folder import NucleiFolder
from bench.errors import DataError
from bench.formats.csv_tables import read_groups
from bench.formats.folders import by_stem, inside, walk
from bench.importing.items import find_items
from bench.scoring.class_tables import load_predictions
from bench.scoring.pairing import pair_labels
from tests.bench.datasets.layouts import write_image
from tests.bench.datasets.readers.test_nuclei_folder import card
from tests.toy import tile

NFC, NFD = (unicodedata.normalize(form, "tumeur é ö") for form in ("NFC", "NFD"))


def labels(folder: Path, stem: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / f"{stem}.npy", tile(0, 48)[1])
    return folder


@pytest.mark.parametrize(("one", "other"), [(NFC, NFD), (NFD, NFC), (NFD, NFD)])
def test_one_stem_in_two_forms_of_unicode_is_a_pair(tmp_path: Path, one: str, other: str) -> None:
    assert NFC != NFD
    (pair,) = pair_labels(labels(tmp_path / "true", one), labels(tmp_path / "pred", other))
    assert pair.stem == NFC
    (tmp_path / "groups.csv").write_text(f"stem,group\n{other},slide\n", encoding="utf-8")
    assert read_groups(tmp_path / "groups.csv", [pair.stem]) == ["slide"]
    write_image(tmp_path / "mine" / "images" / f"{one}.png", tile(0, 48)[0])
    labels(tmp_path / "mine" / "labels", other)
    mine = card(classes={}, extra={"typed": False}, divide=None, splits=("train",))
    source = NucleiFolder(mine, tmp_path)
    assert (source.ids("train"), source.layout_findings("train")) == ([NFC], [])
    assert source.read("train", 0).instances.max() > 0
    (item,) = find_items(tmp_path / "mine" / "images", tmp_path / "mine" / "labels", None, mine)
    assert item.labels is not None


def test_two_files_of_one_stem_in_two_forms_are_refused(tmp_path: Path) -> None:
    labels(tmp_path, NFC)
    labels(tmp_path, NFD)
    if len(list(tmp_path.iterdir())) < 2:
        pytest.skip("this file system keeps one form only")
    with pytest.raises(DataError, match="Two files in .* have the same stem"):
        by_stem(tmp_path, (".npy",), "labels")


def test_names_in_tables_pair_in_either_form(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(f"id,label\n{NFC},a\nx,b\n", encoding="utf-8")
    (tmp_path / "p.csv").write_text(f"id,label\n{NFD},a\nx,b\n", encoding="utf-8")
    assert load_predictions(tmp_path / "t.csv", tmp_path / "p.csv").pred.tolist() == [0, 1]
    labels(tmp_path, NFD)
    assert inside(tmp_path, f"{NFC}.npy").is_file()
    (tmp_path / "p.csv").write_text(f"id,label\n{NFD},a\n{NFC},b\n", encoding="utf-8")
    with pytest.raises(DataError, match="does not have each id once"):
        load_predictions(tmp_path / "t.csv", tmp_path / "p.csv")


@pytest.mark.parametrize(
    "read", [lambda f, root: by_stem(f, (".npy",), "labels", root), lambda f, r: walk(f, [".npy"], r)]
)
def test_links_inside_the_root_are_followed_and_others_refused_in_these_words(tmp_path: Path, read) -> None:
    root = tmp_path / "data"
    labels(root / "store", "kept")
    labels(tmp_path / "elsewhere", "secret")
    folder = root / "mine" / "labels"
    folder.mkdir(parents=True)
    (folder / "a.npy").symlink_to(root / "store" / "kept.npy")
    assert len(read(folder, root)) == 1
    with pytest.raises(
        DataError, match=r"The link .*a\.npy leads out of .*labels, and only links inside it are followed"
    ):
        read(folder, None)
    (folder / "b.npy").symlink_to(tmp_path / "elsewhere" / "secret.npy")
    with pytest.raises(
        DataError, match=r"b\.npy leads out of .*data, .*got: a link to .*secret\.npy; fix: replace the link"
    ):
        read(folder, root)


def test_images_of_a_dataset_may_be_links_inside_the_data_root(tmp_path: Path) -> None:
    image, _, _ = tile(0, 48)
    write_image(tmp_path / "store" / "x.png", image)
    labels(tmp_path / "mine" / "labels", "a")
    (tmp_path / "mine" / "images").mkdir()
    (tmp_path / "mine" / "images" / "a.png").symlink_to(tmp_path / "store" / "x.png")
    mine = card(classes={}, extra={"typed": False}, divide=None, splits=("train",))
    np.testing.assert_array_equal(NucleiFolder(mine, tmp_path).read("train", 0).image, image)
    (said,) = NucleiFolder(mine, tmp_path / "mine").layout_findings("train")
    assert "only links inside it are followed" in said.message


def test_tiles_of_published_datasets_are_links_inside_the_data_root_only(tmp_path: Path) -> None:
    from bench.datasets.readers.mat_tiles import _files

    labels(tmp_path / "root" / "set", "a")
    (tmp_path / "root" / "set" / "b.npy").symlink_to(tmp_path / "root" / "kept.npy")
    labels(tmp_path / "root", "kept")
    assert [path.name for path in _files(tmp_path / "root" / "set", tmp_path / "root")] == ["a.npy", "b.npy"]
    with pytest.raises(DataError, match="only links inside it are followed"):
        _files(tmp_path / "root" / "set", tmp_path / "root" / "set")

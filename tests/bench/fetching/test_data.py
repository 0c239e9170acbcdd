"""Datasets by one command: public archives are fetched and unpacked, others say where to put them."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from PIL import Image

from bench.datasets.source import open_source
from bench.engine.reporter import Reporter
from bench.errors import MissingError
from bench.fetching.data import get_data
from bench.fetching.file import Fetcher
from bench.fetching.transfer import Patience
from tests.bench.fetching.server import Server, serving

QUICK = Patience(connect=2, stall=2, tries=2, pause=0.01)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


def archive(names: list[str]) -> bytes:
    made, picture = io.BytesIO(), io.BytesIO()
    Image.new("RGB", (32, 32), "pink").save(picture, "png")
    with zipfile.ZipFile(made, "w") as zipped:
        for name in names:
            zipped.writestr(name, picture.getvalue())
    return made.getvalue()


@pytest.fixture
def card(server: Server, tmp_path: Path) -> Path:
    """The card of a set of images in two archives."""
    archives = {
        "train.zip": archive(["train/a/1.png", "train/b/2.png"]),
        "test.zip": archive(["test/a/3.png", "test/b/4.png"]),
    }
    server.files |= {f"/{name}": content for name, content in archives.items()}
    values = {
        "source": "image-folder",
        "extends": "image-folder",
        "generic": False,
        "title": "Small",
        "folders": ["small"],
        "labels": ["a", "b"],
        "groups": "patch",
        "divide": None,
        "extra": {"splits": {"train": "train", "test": "test"}},
        "default_downstream": "vit",
        "download": [
            {
                "name": name,
                "addresses": [f"{server.url}/{name}"],
                "sha256": hashlib.sha256(content).hexdigest(),
                "size": "1 kB",
            }
            for name, content in archives.items()
        ],
    }
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(values), encoding="utf-8")
    return path


def fetch(name: object, root: Path, mirror: str = "") -> list[tuple[Path, bool]]:
    made = Fetcher(root, Reporter(quiet=True), QUICK)
    return [(got.path, got.new) for got in get_data(str(name), made, mirror)]


def test_archives_are_fetched_and_unpacked_and_found(server: Server, card: Path, tmp_path: Path) -> None:
    root = tmp_path / "data"
    assert fetch(card, root) == [(root / "small", True)] * 2
    assert (root / "small/test/b/4.png").is_file()
    assert open_source(str(card), root).locate() == root / "small"
    assert fetch(card, root) == [(root / "small", False)] * 2
    assert len(server.asked) == 2


def test_a_set_that_is_half_there_is_completed(server: Server, card: Path, tmp_path: Path) -> None:
    server.faults["/test.zip"] = [404]
    root = tmp_path / "data"
    with pytest.raises(MissingError, match=r"test\.zip cannot be fetched") as caught:
        fetch(card, root)
    assert "or by hand" in caught.value.fix
    assert fetch(card, root) == [(root / "small", False), (root / "small", True)]


def test_a_set_that_a_person_put_there_is_left(server: Server, card: Path, tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png"):
        path = tmp_path / "data/small" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32)).save(path)
    assert fetch(card, tmp_path / "data") == [(tmp_path / "data/small", False)]
    assert server.asked == []


def test_a_mirror_has_archives_below_the_folder_of_the_set(server: Server, card: Path, tmp_path: Path) -> None:
    server.files["/mirror/small/train.zip"] = server.files["/train.zip"]
    fetch(card, tmp_path / "data", f"{server.url}/mirror")
    assert [path for _, path, _ in server.asked] == [
        "/mirror/small/train.zip",
        "/mirror/small/test.zip",
        "/test.zip",
    ]


def test_a_set_behind_a_login_says_where_to_put_it(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="cannot be fetched by a command") as caught:
        fetch("consep", tmp_path)
    assert f"put it at {tmp_path}/consep/" in caught.value.fix
    assert "warwick.ac.uk" in caught.value.fix
    assert "meanwhile" not in caught.value.fix

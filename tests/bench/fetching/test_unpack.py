"""Archives: what is unpacked, and every trick that is refused with nothing written."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from bench.errors import DataError, MissingError
from bench.fetching import unpack as module
from bench.fetching.unpack import unpack, unpacked


def zipped(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        for name, target in (links or {}).items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(entry, target)
    return path


def tarred(path: Path, files: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return path


MADE = {"a.zip": zipped, "a.tar.gz": tarred}


def visible(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and ".fetching" not in path.parts
    )


@pytest.mark.parametrize("name", MADE)
def test_an_archive_is_unpacked_marked_and_removed(name: str, tmp_path: Path) -> None:
    home = tmp_path / "data"
    (home / "Fold 1").mkdir(parents=True)
    (home / "Fold 1/kept.txt").write_bytes(b"kept")
    archive = MADE[name](tmp_path / name, {"Fold 1/images.npy": b"1", "b/c/d.txt": b"2", "__MACOSX/x": b"3"})
    assert not unpacked(home, name)
    unpack(archive, home)
    assert visible(home) == ["Fold 1/images.npy", "Fold 1/kept.txt", "b/c/d.txt"]
    assert unpacked(home, name)
    assert not archive.exists()


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("member", ["../out.txt", "/tmp/out.txt", "a/../../out.txt", "..\\out.txt", "C:/out.txt"])
def test_names_outside_the_folder_are_refused(name: str, member: str, tmp_path: Path) -> None:
    archive = MADE[name](tmp_path / name, {"good.txt": b"1", member: b"2"})
    with pytest.raises(DataError, match="a name outside its folder"):
        unpack(archive, tmp_path / "data")
    assert visible(tmp_path / "data") == []
    assert not unpacked(tmp_path / "data", name)
    assert not (tmp_path / "out.txt").exists()


@pytest.mark.parametrize("name", MADE)
def test_links_are_refused(name: str, tmp_path: Path) -> None:
    archive = MADE[name](tmp_path / name, {"good.txt": b"1"}, {"link": "/etc/passwd"})
    with pytest.raises(DataError, match="'link' is a link or a device"):
        unpack(archive, tmp_path / "data")
    assert visible(tmp_path / "data") == []


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SMALL", 1000)
    archive = zipped(tmp_path / "a.zip", {"zeros": bytes(10_000_000)})
    with pytest.raises(DataError, match="far larger than it can be"):
        unpack(archive, tmp_path / "data")
    assert visible(tmp_path / "data") == []


def test_an_archive_that_states_a_wrong_size_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"zeros": bytes(5000)})
    content = archive.read_bytes()
    archive.write_bytes(content.replace((5000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    with pytest.raises(DataError):
        unpack(archive, tmp_path / "data")
    assert visible(tmp_path / "data") == []


@pytest.mark.parametrize("name", MADE)
def test_a_damaged_archive_is_named(name: str, tmp_path: Path) -> None:
    archive = MADE[name](tmp_path / name, {"a": bytes(range(256)) * 100})
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="is damaged"):
        unpack(archive, tmp_path / "data")
    assert archive.exists()


def test_a_disk_without_room_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(tmp_path / "a.zip", {"a": bytes(5000)})
    usage = module.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: usage._replace(free=100))
    with pytest.raises(MissingError, match="no space"):
        unpack(archive, tmp_path / "data")
    assert visible(tmp_path / "data") == []
    assert archive.exists()

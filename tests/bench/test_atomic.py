"""Files and folders appear as a whole, and writers of the same one do not meet."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bench.atomic import is_temporary, own_name, replacing, replacing_folder, sweep, write_text


def fill(path: Path) -> None:
    path.write_text("half")
    raise OSError("full")


def test_an_error_leaves_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_text(path, "old")
    for sole in (False, True):
        with pytest.raises(OSError, match="full"), replacing(path, sole=sole) as temporary:
            fill(temporary)
    assert [one.name for one in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == "old"


def test_writers_of_one_file_have_names_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    texts = [str(number) * 100_000 for number in range(8)]
    together = threading.Barrier(8)

    def write(text: str) -> None:
        together.wait()
        for _ in range(20):
            write_text(path, text)

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert len(list(tmp_path.iterdir())) == 1
    assert own_name(path) != own_name(path)
    with replacing(path, sole=True) as temporary:
        assert temporary.name == "a.json.tmp"
        temporary.touch()


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "run"
    for names in (["a", "b"], ["b", "c"]):
        with replacing_folder(path) as folder:
            for name in names:
                (folder / name).write_text(name)
            assert folder != path
        assert sorted(one.name for one in path.iterdir()) == names
    with pytest.raises(OSError, match="full"), replacing_folder(path) as folder:
        fill(folder / "d")
    assert sorted(one.name for one in path.iterdir()) == ["b", "c"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in ("run", "run.json", "other"):
        left = own_name(tmp_path / name)
        assert is_temporary(left)
        left.mkdir() if name == "run" else left.touch()
        (tmp_path / name).touch()
    sweep(tmp_path, "run")
    left = [path.name for path in tmp_path.iterdir() if is_temporary(path)]
    assert len(left) == 1
    assert left[0].startswith(".other.")
    assert {"run", "run.json", "other"} <= {path.name for path in tmp_path.iterdir()}


def test_long_names_have_temporary_names_that_are_possible(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120)
    write_text(path, "x")
    assert path.read_text() == "x"

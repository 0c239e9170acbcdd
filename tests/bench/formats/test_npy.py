"""`.npy` files: arrays come back; pickles are never opened."""

from __future__ import annotations

import pickle
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bench.errors import DataError
from bench.formats.npy import npy_shape, read_npy, read_npz


def test_an_array_comes_back(tmp_path) -> None:
    array = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    found = read_npy(tmp_path / "a.npy")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, array)


class Bomb:
    """Unpickling it would raise, so that a test sees whether it was."""

    def __reduce__(self):
        return exec, ("raise RuntimeError('unpickled')",)


def test_pickled_content_is_not_run(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.array([Bomb()], dtype=object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DataError, match="pickled"):
        read_npy(tmp_path / "a.npy")
    with pytest.raises(DataError, match="another format"):
        read_npy(tmp_path / "b.npy")


def test_absent_truncated_and_zipped_files_are_named(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1000))
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:300])
    np.savez(tmp_path / "b.npz", a=np.arange(3))
    for name, said in (("a.npy", "Cannot read"), ("b.npz", "another format"), ("c.npy", "no such file")):
        with pytest.raises(DataError, match=said) as caught:
            read_npy(tmp_path / name)
        assert name in str(caught.value)


def test_headers_are_parsed_by_one_thread_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", np.arange(6))
    inside, most, load = [], [0], np.load

    def watched(*arguments: object, **options: object) -> object:
        inside.append(1)
        most[0] = max(most[0], len(inside))
        time.sleep(0.01)
        try:
            return load(*arguments, **options)
        finally:
            inside.pop()

    monkeypatch.setattr(np, "load", watched)
    with ThreadPoolExecutor(4) as threads:
        read = list(threads.map(lambda _: read_npy(tmp_path / "a.npy"), range(8)))
    assert most[0] == 1
    assert all((array == np.arange(6)).all() for array in read)


@pytest.mark.filterwarnings("ignore")  # of NumPy, about old names of types that a damaged header may have
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_every_byte_of_a_header_may_be_damaged(tmp_path: Path, name: str) -> None:
    path, array = tmp_path / name, np.arange(6)
    if name == "a.npy":
        np.save(path, array)
    else:
        np.savez(path, x=array)
    read = read_npy if name == "a.npy" else read_npz
    whole, refused = path.read_bytes(), 0
    for place in range(len(whole)):
        for bits in (0x01, 0x08, 0x80):
            damaged = bytearray(whole)
            damaged[place] ^= bits
            path.write_bytes(damaged)
            npy_shape(path)
            try:
                read(path)
            except DataError:
                refused += 1
    assert refused > len(whole) / 2

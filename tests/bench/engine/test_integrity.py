"""Damaged entries of a store are never used: each is named, set aside and made again."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench.engine.step import Place
from bench.engine.store import Store
from bench.engine.store.partial import flaw
from bench.engine.store.survey import verify
from bench.errors import JobError
from tests.bench.engine.toy_steps import Toy

NAMES = ("a.npy", "a.npz", "a.parquet", "a.json", "images/a.png", "a.safetensors", "a.pt")


def make(seed: int = 3) -> Toy:
    return Toy(place=Place(), seed=seed)


def fill(folder: Path) -> None:
    (folder / "images").mkdir(exist_ok=True)
    values = np.arange(60.0)
    np.save(folder / "a.npy", values)
    np.savez(folder / "a.npz", values=values)
    pd.DataFrame({"x": values}).to_parquet(folder / "a.parquet")
    (folder / "a.json").write_text(json.dumps({"x": 12345678}))
    Image.new("RGB", (9, 9), "red").save(folder / "images" / "a.png")
    (folder / "a.safetensors").write_bytes(bytes(range(100)))
    (folder / "a.pt").write_bytes(bytes(range(100, 200)))


def zero(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def lose(path: Path) -> None:
    path.unlink()


def add(path: Path) -> None:
    path.with_name("b" + path.suffix).write_bytes(path.read_bytes())


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("damage", [zero, cut, flip, lose, add])
@pytest.mark.parametrize("name", [*NAMES, "job.json"])
def test_a_damaged_entry_is_named_set_aside_and_made_again(
    tmp_path: Path, name: str, damage: Callable[[Path], None], fresh: bool
) -> None:
    store = Store(tmp_path)
    path = store.run(make(), fill).path
    damage(path / name)
    if fresh:
        store = Store(tmp_path)
    assert store.find(make()) is None
    said: list[str] = []
    done = store.run(make(), fill, warn=said.append)
    assert not done.reused
    (text,) = said
    (aside,) = (tmp_path / "broken" / "fit").iterdir()
    assert str(path) in text
    assert str(aside) in text
    assert store.find(make()) is not None
    assert Store(tmp_path).find(make()) is not None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"key": 1}', "\x00" * 40, "[" * 100_000])
def test_a_garbled_record_is_no_record(tmp_path: Path, text: str) -> None:
    store = Store(tmp_path)
    path = store.run(make(), fill).path
    (path / "job.json").write_text(text)
    assert store.find(make()) is None
    assert not store.run(make(), fill, warn=lambda text: None).reused


@pytest.mark.parametrize("field", ["key", "stage", "seed", "cost", "files", "seal"])
def test_a_record_with_another_value_is_no_record(tmp_path: Path, field: str) -> None:
    store = Store(tmp_path)
    path = store.run(make(), fill).path
    record = json.loads((path / "job.json").read_text())
    for value in (None, 7, "x", {}, {"../x": [1, "y"]}):
        (path / "job.json").write_text(json.dumps({**record, field: value}))
        assert Store(tmp_path).find(make()) is None, value
    (path / "job.json").write_text(json.dumps({name: record[name] for name in record if name != field}))
    assert Store(tmp_path).find(make()) is None


@pytest.mark.parametrize("value", ["NaN", '"\\ud800"', "[" * 600 + "]" * 600])
def test_a_record_with_values_that_have_no_digest_is_no_record(tmp_path: Path, value: str) -> None:
    path = Store(tmp_path).run(make(), fill).path
    text = (path / "job.json").read_text()
    (path / "job.json").write_text(f'{text[:-1]},"zzz":{value}}}')
    assert Store(tmp_path).find(make()) is None
    assert [bool(verdict.reason) for verdict in verify(tmp_path)] == [True]


def test_an_entry_of_another_step_is_not_this_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = store.run(make(4), fill).path
    other.rename(store.path(make()))
    assert store.find(make()) is None


def test_an_entry_of_an_older_store_is_used(tmp_path: Path) -> None:
    store = Store(tmp_path)
    path = store.run(make(), fill).path
    record = json.loads((path / "job.json").read_text())
    older = {name: value for name, value in record.items() if name not in ("files", "seal")}
    (path / "job.json").write_text(json.dumps(older))
    assert Store(tmp_path).find(make()) is not None
    (path / "job.json").write_text(json.dumps({**older, "seed": 99}))
    assert Store(tmp_path).find(make()) is None


def test_an_entry_is_hashed_once_by_all_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = Store(tmp_path).run(make(), fill)
    hashed: list[Path] = []
    monkeypatch.setattr("bench.engine.store.entry.digest_file", lambda path: hashed.append(path) or "")
    assert Store(tmp_path).find(make()) is not None
    assert not hashed
    (done.path / "a.npy").touch()
    assert Store(tmp_path).find(make()) is None
    assert hashed


@pytest.mark.parametrize("content", ["", '{"sec', "[1]", '{"seconds": "x"}', '{"usage": 3}'])
def test_a_cut_off_cost_does_not_stop_a_step(tmp_path: Path, content: str) -> None:
    partial = Store(tmp_path).path(make()).with_suffix(".partial")
    partial.mkdir(parents=True)
    (partial / "cost.json").write_text(content)
    assert Store(tmp_path).run(make(), fill).cost["seconds"] > 0


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"\x80\x02 garbage \x00"])
def test_a_broken_checkpoint_is_set_aside(tmp_path: Path, content: bytes) -> None:
    store, said = Store(tmp_path), list[str]()
    partial = store.path(make()).with_suffix(".partial")
    partial.mkdir(parents=True)
    (partial / "checkpoint.pt").write_bytes(content)

    def work(folder: Path) -> None:
        assert not (folder / "checkpoint.pt").exists()
        fill(folder)

    store.run(make(), work, warn=said.append)
    assert "checkpoint.pt was cut off" in said[0]


def test_a_whole_checkpoint_of_torch_has_no_flaw(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    torch.save({"x": torch.arange(100)}, tmp_path / "checkpoint.pt")
    assert flaw(tmp_path) == ""
    flip(tmp_path / "checkpoint.pt")
    assert flaw(tmp_path) != ""


def test_every_byte_of_a_checkpoint_s_directory_may_be_damaged(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "checkpoint.pt"
    torch.save({"weights": torch.zeros(20)}, path)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.start_dir
    flaws = set()
    for place in range(start, len(whole)):
        for bits in (0x01, 0x08, 0x80, 0xFF):
            damaged = bytearray(whole)
            damaged[place] ^= bits
            path.write_bytes(damaged)
            flaws.add(flaw(tmp_path))
    assert flaws == {"", "checkpoint.pt was cut off or damaged"}


def test_a_small_step_costs_milliseconds(tmp_path: Path) -> None:
    store, n = Store(tmp_path), 200
    begin = time.perf_counter()
    for seed in range(n):
        store.run(make(seed), lambda folder: (folder / "x").write_text("42") and None)
    published = (time.perf_counter() - begin) / n
    store = Store(tmp_path)
    begin = time.perf_counter()
    assert all(store.find(make(seed)) for seed in range(n))
    found = (time.perf_counter() - begin) / n
    print(f"publish {1000 * published:.2f} ms, find {1000 * found:.2f} ms")
    assert found < 0.03
    assert published < 0.1


def test_a_full_disk_is_one_error_with_path_and_space(tmp_path: Path) -> None:
    def work(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("PytorchStreamWriter failed writing file data/0: file write failed")

    with pytest.raises(JobError, match="The disk is full") as caught:
        Store(tmp_path).run(make(), work)
    assert "free" in caught.value.got
    assert str(tmp_path) in caught.value.message
    assert caught.value.exit_code == 1
    assert Store(tmp_path).find(make()) is None

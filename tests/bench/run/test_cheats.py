"""Sets that are imported and run from the command line: what shows the test split is marked, honest sets are not."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from bench import cli
from bench.datasets.prepared.read import PreparedDataset
from bench.results.leaks import leaking
from bench.results.table import ResultsStore
from bench.run.outcome import Outcome
from tests.cheats import CHEATS, HONEST, crops, turned_over
from tests.toy import tile

pytestmark = pytest.mark.slow

SIZE, N = 32, 12
MPP = "0.5"  # of preset tiny


@pytest.fixture(scope="module")
def store(tiny: Outcome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which the phantom is prepared, and networks of real images are trained."""
    folder = tmp_path_factory.mktemp("cheats") / "store"
    shutil.copytree(tiny.store, folder)
    return folder


@pytest.fixture(scope="module")
def tiles(store: Path) -> Mapping[str, Sequence[np.ndarray]]:
    splits = [PreparedDataset(folder.parent) for folder in (store / "jobs" / "prepare").glob("*/info.json")]
    return {data.info.split: [data[index].image for index in range(len(data))] for data in splits}


def bench(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["bench", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code in (0, None)


def method_name(name: str) -> str:
    return "mine-" + name.lower().replace(" ", "-").replace(",", "")


def rows_of(
    patch: pytest.MonkeyPatch, store: Path, folder: Path, name: str, images: Sequence[np.ndarray], *more: str
) -> pd.DataFrame:
    folder.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{index:03d}.png")
    method = method_name(name)
    common = ("--dataset", "phantom", "--store", str(store))
    bench(patch, "import", str(folder), *common, "--method-name", method, "--mpp", MPP, *more)
    asked = ("--synthetic", method, "--preset", "tiny", "--threads", "1", "--no-tracking", "--controls", "")
    bench(patch, "run", *asked, *common)
    results = ResultsStore(store)
    rows = results.rows(results.runs()[-1])
    return rows[rows["method"] == method]


def marked(rows: pd.DataFrame) -> bool:
    return any(leaking(row) for row in rows.to_dict("records"))


def lines_of(
    patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], store: Path, style: str, method: str
) -> list[str]:
    """Return the lines of a method on the board of a store."""
    capsys.readouterr()
    bench(patch, "leaderboard", "--dataset", "phantom", "--store", str(store), "--format", style)
    starts = (f"| {method} ", f"{method},", f"{method} ")
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith(starts)]


def copies(rows: pd.DataFrame) -> float:
    (value,) = rows[rows["metric"] == "test_copies"]["value"]
    return float(value)


PART = "a sixth of training copies"


@pytest.mark.parametrize("name", CHEATS)
def test_a_cheat_is_marked(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store: Path,
    tmp_path: Path,
    tiles: Mapping[str, Sequence[np.ndarray]],
    name: str,
) -> None:
    images = CHEATS[name](tiles["test"], tiles["train"], N, SIZE, np.random.default_rng(0))
    rows = rows_of(monkeypatch, store, tmp_path / "images", name, images)
    assert copies(rows) == pytest.approx(1 / 6 if name == PART else 1.0)
    assert marked(rows)
    for style in ("markdown", "csv"):
        lines = lines_of(monkeypatch, capsys, store, style, method_name(name))
        assert lines
        assert all("contains test images" in line and "▲" not in line and "**" not in line for line in lines), lines


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_set_is_not_marked(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store: Path,
    tmp_path: Path,
    tiles: Mapping[str, Sequence[np.ndarray]],
    name: str,
) -> None:
    other = [tile(seed, 128)[0] for seed in range(8)]  # of another kind of tissue
    images = HONEST[name](tiles["train"], other, N, SIZE, np.random.default_rng(0))
    rows = rows_of(monkeypatch, store, tmp_path / "images", name, images)
    assert copies(rows) == 0.0
    assert not marked(rows)
    lines = lines_of(monkeypatch, capsys, store, "markdown", method_name(name))
    assert lines
    assert not any("⚠" in line for line in lines)


def test_a_replaced_set_is_another_row(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    store: Path,
    tmp_path: Path,
    tiles: Mapping[str, Sequence[np.ndarray]],
) -> None:
    for attempt, more in enumerate([(), ("--replace",)]):
        images = crops(tiles["train"], N, SIZE, np.random.default_rng(attempt))
        rows_of(monkeypatch, store, tmp_path / str(attempt), "attempt", images, *more)
    lines = lines_of(monkeypatch, capsys, store, "markdown", method_name("attempt"))
    assert len(lines) == 2
    assert all("set " in line for line in lines)


def test_copies_of_training_crops_are_not_authentic_wherever_they_come_from(
    monkeypatch: pytest.MonkeyPatch, store: Path, tmp_path: Path, tiles: Mapping[str, Sequence[np.ndarray]]
) -> None:
    rng = np.random.default_rng(0)
    images = [turned_over(image, rng) for image in crops(tiles["train"], 7, SIZE, rng)]
    rows = rows_of(monkeypatch, store, tmp_path / "images", "training-crops-twice", [*images, *images[:3]])
    assert copies(rows) == 0.0
    of_memory = rows[rows["metric"].isin(["auth_pct@random-convnet", "copy_rate@random-convnet"])]
    found = of_memory.set_index("metric")
    assert found["value"].to_dict() == {"auth_pct@random-convnet": 0.0, "copy_rate@random-convnet": 1.0}
    assert found["n"].tolist() == [7, 7]

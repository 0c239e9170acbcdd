"""Whole runs with tiny pipelines, and the page that describes the settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.errors import MissingError
from bench.results.table import ResultsStore
from bench.run.pipeline import run_request
from bench.synthetic import SyntheticSet
from methods.diffusers_folder import DiffusersFolderConfig
from methods.diffusers_folder.config import ComponentSettings, MaskSettings
from tests.bench.conftest import request
from tests.methods.diffusers_folder.pipelines import mask_pipeline, plain_pipeline, text_pipeline

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "diffusers.md").read_text(encoding="utf-8")


def run(store: Path, *settings: str) -> tuple[Any, SyntheticSet]:
    """Run the method on the phantom and return its rows and its set."""
    common = ("method.steps=2", "method.image_size=32", "max_samples=6")
    outcome = run_request(
        request(store, method="diffusers-folder", controls=(), overrides=(*common, *settings), tracking=False)
    )
    rows = ResultsStore(outcome.store).rows(outcome.run)
    (folder,) = {path.parent for path in (store / "jobs" / "synthesize").glob("*/manifest.json")}
    return rows[rows["method"] == "diffusers-folder"], SyntheticSet(folder)


@pytest.mark.slow
def test_run_of_a_mask_pipeline(tmp_path: Path) -> None:
    rows, made = run(
        tmp_path,
        f"method.pipeline={mask_pipeline()}",
        "method.conditions=[mask]",
        "method.mask.colours.*=[255,255,255]",
    )
    measured = set(rows[rows["value"].notna()]["metric"])
    assert {"fs1/image", "fd@random-convnet", "pq/image"} <= measured
    assert all(record.instances and record.caption is None for record in made.metadata)
    assert str(mask_pipeline()) not in (made.folder / "manifest.json").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pipeline", "settings"),
    [(text_pipeline, ()), (plain_pipeline, ("method.conditions=[]", "method.image_size=16"))],
)
def test_run_of_a_pipeline_without_masks_trains_no_network(
    pipeline: Callable[[], Path], settings: tuple[str, ...], tmp_path: Path
) -> None:
    rows, made = run(tmp_path, f"method.pipeline={pipeline()}", *settings)
    measured = set(rows[rows["value"].notna()]["metric"])
    assert "fd@random-convnet" in measured
    assert not {"fs1/image", "pq/image"} & measured
    (reason,) = set(rows[rows["metric"] == "pq/image"]["reason"])
    assert reason == "not trained on: not every image comes with an instance map"
    assert not any(record.instances for record in made.metadata)
    assert all((record.caption is None) == bool(settings) for record in made.metadata)


@pytest.mark.parametrize("name", ["pixcell-256", "mupad-256"])
def test_published_model_that_is_absent_stops_the_run_before_any_work(name: str, tmp_path: Path) -> None:
    with pytest.raises(MissingError) as caught:
        run_request(request(tmp_path / "store", method=name, controls=()))
    assert caught.value.exit_code == 2
    assert "hf download" in caught.value.fix
    assert not (tmp_path / "store" / "jobs").exists()


def test_page_names_every_setting() -> None:
    rows = "\n".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    mask = {f"mask.{name}" for name in MaskSettings.model_fields}
    for setting in (set(DiffusersFolderConfig.model_fields) - {"mask"}) | mask | set(ComponentSettings.model_fields):
        assert re.search(rf"`{re.escape(setting)}[`.]", rows), setting

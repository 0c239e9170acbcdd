"""Runs of sets that were made elsewhere: every stage that their labels allow, the others as rows with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.contract import Sample
from bench.datasets.source import open_source
from bench.engine.reporter import Reporter
from bench.errors import ConfigError, SealError
from bench.importing.command import import_set
from bench.results.table import ResultsStore
from bench.run.pipeline import run_request
from bench.stages.adapt import _window
from bench.synthetic import EVALUATION, SyntheticSet
from tests.bench.conftest import request
from tests.bench.importing.folders import import_request, write_images, write_typed
from tests.toy import tile


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with four imported sets, each run at `tiny`: untyped, typed, images alone, renderings of test masks."""
    root = tmp_path_factory.mktemp("ready")
    write_images(root / "untyped")
    write_typed(root / "typed")
    store, quiet = root / "store", Reporter(quiet=True)
    masks = root / "masks"
    masks.mkdir()
    source = open_source("phantom", None)
    write_images(root / "drawn", 2, size=128)
    told = ["file_name,source,y,x"]
    told += [f"ä tile {i}.png,{source.ids('test')[i]},32,64" for i in range(2)]
    (root / "masks.csv").write_text("\n".join(told) + "\n")
    named = {
        "untyped": {"folder": root / "untyped" / "img", "labels": root / "untyped" / "lab"},
        "typed": {"folder": root / "typed"},
        "images": {"folder": root / "untyped" / "img"},
        "drawn": {"folder": root / "drawn" / "img", "table": root / "masks.csv", "rendered_from": "test"},
    }
    for name, fields in named.items():
        folder = Path(str(fields.pop("folder")))
        import_set(import_request(folder, store, method_name=f"{name}-set", **fields), quiet)
        run_request(request(store, method=None, synthetic=f"{name}-set", controls=()))
    return store


def rows(store: Path, method: str):
    table = ResultsStore(store).table()
    return table[(table["method"] == method) & (table["kind"] != "cost")]


@pytest.mark.parametrize("name", ["untyped-set", "typed-set"])
def test_labelled_sets_are_scored_by_every_stage(store: Path, name: str) -> None:
    found = rows(store, name)
    pq = found[(found["metric"] == "pq/image") & (found["kind"] == "score")]
    assert pq["value"].notna().all()
    assert found[found["metric"] == "fd@random-convnet"]["value"].notna().all()
    reasons = found[found["metric"] == "fs1/image"]["reason"]
    assert all("--rendered-from test" in reason for reason in reasons)


def test_images_alone_have_distances_and_reasons(store: Path) -> None:
    found = rows(store, "images-set")
    assert found[found["metric"] == "fd@random-convnet"]["value"].notna().all()
    pq = found[found["metric"] == "pq/image"]
    assert pq["value"].isna().all()
    assert set(pq["reason"]) == {"not trained on: not every image comes with an instance map"}


def test_renderings_of_test_masks_are_scored_for_faithfulness_alone(store: Path) -> None:
    found = rows(store, "drawn-set")
    assert found[found["metric"] == "fs1/image"]["value"].notna().all()
    (distance,) = found[found["metric"].str.startswith("fd@")].to_dict("records")
    assert distance["split"] == "test masks"
    assert distance["reason"].startswith("only 2 images of test masks; 64 are needed: import more")
    assert set(found[found["metric"] == "pq/image"]["reason"]) == {"not trained on: these images show test masks"}


def test_sets_are_brought_to_the_preset(store: Path) -> None:
    adapted = [SyntheticSet(path) for path in (store / "jobs" / "adapt").iterdir()]
    for made in adapted:
        assert made.info.mpp == 0.5
        size = made[0].image.shape[:2]
        if made.use == EVALUATION:
            assert size == (64, 64)  # 128 px at 0.25 um
            assert made.metadata[0].crop == (16, 32)
        else:
            assert size == (32, 32)  # 80 px at 0.25 um are 40: cut in the middle
            assert made.metadata[0].recipe["offset"] == [4, 4]


def test_a_sealed_set_of_ours_is_run_by_its_folder_under_a_name_of_its_own(store: Path) -> None:
    run_request(request(store, method="copy", controls=()))
    (folder,) = (store / "jobs" / "synthesize").iterdir()
    outcome = run_request(request(store, method=None, synthetic=str(folder), controls=()))
    found = rows(store, "copy-set")
    assert set(found["variant"]) == {f"set={SyntheticSet(folder).digest[:8]}"}
    assert outcome.dataset == "phantom"


def test_a_set_of_other_classes_and_an_unknown_name_are_refused(store: Path, tmp_path: Path) -> None:
    write_images(tmp_path, 1)
    import_set(import_request(tmp_path / "img", store, dataset="phantom-tissue"), Reporter(quiet=True))
    other = store / "jobs" / "import"
    folder = next(p for p in other.iterdir() if SyntheticSet(p).info.task == "tissue")
    with pytest.raises(SealError, match="classes of phantom"):
        run_request(request(store, method=None, synthetic=str(folder), controls=()))
    with pytest.raises(ConfigError, match="no sealed set of this folder or name") as raised:
        run_request(request(store, method=None, synthetic="nope"))
    assert "typed-set" in raised.value.fix


def test_small_images_are_mirrored_and_what_a_mirror_shows_is_a_nucleus_of_its_own() -> None:
    image, instances, types = tile(0, 20, density=0.02)
    window = _window(Sample("a", image, "a", 0.5, instances, types), -6, -6, 32)
    assert window.image.shape == (32, 32, 3)
    np.testing.assert_array_equal(window.image, np.pad(image, ((6, 6), (6, 6), (0, 0)), "symmetric"))
    assert window.instances is not None
    assert window.types is not None
    padded = np.pad(np.concatenate([[0], types])[instances], 6, "symmetric")
    np.testing.assert_array_equal(np.concatenate([[0], window.types])[window.instances], padded)
    assert len(window.types) == window.instances.max() > len(types)
    inner = window.instances[6:26, 6:26]
    assert len(np.unique(inner)) == len(np.unique(instances))

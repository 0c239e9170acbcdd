"""A card of nuclei without classes: the run segments, and every metric of classes has a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.errors import MissingError
from bench.evaluation.nuclei import NO_CLASSES
from bench.results.table import ResultsStore
from bench.run.pipeline import run_request
from tests.bench.conftest import request
from tests.bench.datasets.layouts import write_image
from tests.toy import tile

EXAMPLE = Path(__file__).parents[3] / "examples" / "cards" / "my-nuclei.yaml"
OF_CLASSES = {
    *("acc", "f_type", "f_type_paper", "precision_type", "recall_type", "pq_class/pooled", "count_r2"),
    *("mpq_plus", "mpq/image", "mpq/tissue", "fs1_class/image", "fs2_class/image", "fs_real_class/image"),
}


def card_of(folder: Path, classes: str, typed: str) -> Path:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith(("classes", "rare", "  groups"))]
    place = next(at for at, line in enumerate(kept) if line.startswith("extra:"))
    path = folder / "my-nuclei.yaml"
    path.write_text("\n".join([*kept[:place], classes, "extra:", typed, *kept[place + 1 :]]), encoding="utf-8")
    return path


def write(folder: Path, *, typed: bool) -> None:
    (folder / "labels").mkdir(parents=True)
    for number in range(8):
        image, instances, types = tile(number, 80, density=0.002)
        write_image(folder / "images" / f"{number}.png", image)
        of_pixels = np.concatenate([[0], types])[instances]
        np.save(folder / "labels" / f"{number}.npy", np.dstack([instances, of_pixels]) if typed else instances)


@pytest.mark.slow
def test_a_run_without_classes_scores_segmentation(tmp_path: Path) -> None:
    write(tmp_path / "my-nuclei", typed=False)
    asked = request(
        *(tmp_path / "store",),
        method="noise",
        dataset=str(card_of(tmp_path, "", "  typed: false")),
        overrides=("budget.amount=2", "max_samples=null"),
        controls=("copy", "shuffled-labels"),
    )
    outcome = run_request(asked)
    rows = ResultsStore(outcome.store).rows(outcome.run)
    scores = rows[(rows["split"] == "test") & (rows["downstream"] == "hovernet") & (rows["kind"] == "score")]
    assert set(scores[scores["reason"] == NO_CLASSES]["metric"]) == OF_CLASSES
    plain = scores[scores["metric"].isin({"pq/pooled", "f_d", "dice/image", "bpq/image"})]
    assert set(plain["metric"]) == {"pq/pooled", "f_d", "dice/image", "bpq/image"}
    assert plain[plain["metric"] == "dice/image"]["value"].notna().all()
    assert scores["class"].fillna("").eq("").all()


def test_gradmix_without_rare_stops_before_any_work(tmp_path: Path) -> None:
    write(tmp_path / "my-nuclei", typed=True)
    path = card_of(tmp_path, "classes: {1: a, 2: b, 3: c, 4: d}", "  typed: true")
    with pytest.raises(MissingError, match="'gradmix' needs to know which classes are rare") as refused:
        run_request(request(tmp_path / "store", method="gradmix", dataset=str(path), controls=()))
    assert "add `rare: [ID, ...]`" in refused.value.fix

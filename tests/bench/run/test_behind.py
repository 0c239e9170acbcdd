"""What is behind rows: digests of data, and generators that are counted by what they are."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.engine.step import Finished
from bench.plan.arms import Arm
from bench.run.behind import behind_of, data_digest, group_counts
from tests import toy, toy_tissue
from tests.bench.conftest import finished


def part(folder: Path, weights: str) -> Finished:
    """Return a part with these weights, a document and curves of its own."""
    made = finished(folder, "fit")
    (folder / "weights").write_text(weights)
    (folder / "job.json").write_text(str(folder))
    (folder / "curves.jsonl").write_text(str(folder))
    return made


def fold(sets: list[Any], generators: list[dict[str, Finished]], **data: Any) -> Any:
    """Return a finished fold with one arm."""
    arm = Arm("painter", "", toy_tissue.Painter(toy_tissue.PainterConfig()))
    return SimpleNamespace(trials=[SimpleNamespace(arm=arm)], sets=[sets], generators=[generators], data=data)


def made(digest: str, n: int = 3) -> Any:
    class Sealed(list[int]):
        pass

    sealed = Sealed(range(n))
    sealed.digest = digest  # type: ignore[attr-defined]
    return SimpleNamespace(set=sealed)


def test_data_differ_if_an_own_split_of_any_fold_does() -> None:
    one, other = toy.NucleiDataset(1, 24), toy.NucleiDataset(1, 24, seed=1)
    both = data_digest([{"train": one, "test": other}])
    assert len(both) == 16
    assert data_digest([{"test": other, "train": one, "text": other}]) == both
    assert data_digest([{"train": other, "test": other}]) != both
    assert data_digest([{"train": one, "test": other, "validation": one}]) != both
    assert data_digest([{"train": one, "test": other}] * 2) != both


def test_generators_are_counted_by_their_files(tmp_path: Path) -> None:
    a, b, same = (part(tmp_path / name, weights) for name, weights in (("a", "1"), ("b", "2"), ("c", "1")))
    sets = [made("x"), made("y"), made("x")]
    found = behind_of([fold(sets, [{"net": a}, {"net": b}, {"net": same}])])["painter"]
    assert (found.size, found.digests, found.generators) == (3, ["x", "y", "x"], (1, 2))
    assert behind_of([fold(sets, [{"net": a}])])["painter"].generators == (1, 1)
    assert behind_of([fold(sets, [{}, {}, {}])])["painter"].generators == (0, 0)


def test_folds_add_up(tmp_path: Path) -> None:
    a, b = part(tmp_path / "a", "1"), part(tmp_path / "b", "2")
    folds = [fold([made("x")], [{"net": a}]), fold([made("y")], [{"net": b}])]
    found = behind_of(folds)["painter"]
    assert found.generators == (2, 2)
    assert len(found.digests) == 1
    assert found.digests[0] not in ("x", "y")
    assert behind_of([fold([None], [{}])])["painter"] == (0, [""], (0, 0))
    assert behind_of([fold([], [{}])])["painter"] == (0, [], (0, 0))


def test_groups_are_counted_over_folds() -> None:
    four = toy.NucleiDataset(4, 24)  # two tiles of a slide
    folds = [fold([], [], train=four, test=toy.NucleiDataset(n, 24, split="test")) for n in (2, 6)]
    assert group_counts(folds[:1]) == {"train": 2, "test": 1}
    assert group_counts(folds)["test"] == 3

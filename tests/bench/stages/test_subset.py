"""Subsets of one set: each contains the smaller ones, and all have the composition of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.config import load_preset
from bench.contract import Condition, Dataset, MethodBase
from bench.engine.session import Session, drive
from bench.errors import ConfigError
from bench.plan.arms import Arm
from bench.plan.imported import imported_arm
from bench.plan.ratios import expand
from bench.stages.subset import cumulative_order, first_of, stratified_order
from bench.stages.synthesize import Made, synthesize
from bench.stages.trial import Trial
from bench.synthetic import SyntheticRecord, SyntheticSet, SyntheticSetWriter, verify_set
from methods.diffmix import DiffMix, DiffMixConfig
from methods.patches import PatchSettings
from tests import toy
from tests.bench.evaluation.trials import bench_of

TRAIN = toy.NucleiDataset(n_tiles=3, size=64)


class Kinds(MethodBase):
    """Draws noise of two kinds, two thirds of them `balancing`, tile by tile as methods of masks do."""

    Config = PatchSettings
    ratio = 3.0

    def __init__(self) -> None:
        self.config = PatchSettings(patch_size=8)

    def plan(self, data: Mapping[str, Dataset], n: int, rng: np.random.Generator) -> Iterator[Condition]:
        kinds = ["balancing" if number % 3 else "enlarging" for number in range(n)]
        tiles = np.sort(np.arange(n) % len(data["train"]))
        for number in range(n):
            tile = data["train"].ids[int(tiles[number])]
            yield Condition(
                id=f"p{number}",
                kind=kinds[number],
                seed=number,
                instances=np.zeros((8, 8), np.int32),
                types=np.zeros(0, np.uint8),
                sources={"train": tile},
                crop=(0, 0),
            )

    def render(self, conditions: Any, data: Any, fitted: Any, run: Any) -> Iterator[np.ndarray]:
        for condition in conditions:
            yield np.random.default_rng(condition.seed).integers(0, 256, (8, 8, 3), np.uint8)


ARM = Arm("kinds", "", Kinds())


def whole(session: Session, n: int = 36) -> Made:
    return drive(synthesize(session, ARM, {"train": TRAIN}, {}, n, 0, "seed 0"))


def part(session: Session, made: Made, n: int, seed: int = 0) -> SyntheticSet:
    return drive(first_of(session, ARM, TRAIN, made, n, seed, "seed 0")).set


def content(made: SyntheticSet) -> list[str]:
    return [record.sha256 for record in made.metadata]


def test_a_larger_subset_contains_the_smaller_ones_in_the_order_of_the_set(session: Session) -> None:
    made = whole(session)
    previous: set[str] = set()
    for n in (5, 12, 18, 36):
        found = content(part(session, made, n))
        assert len(found) == len(set(found)) == n
        assert previous < set(found)
        assert found == [one for one in content(made.set) if one in set(found)]
        previous = set(found)


def test_the_largest_is_the_set_itself_and_makes_no_step(session: Session) -> None:
    made = whole(session)
    assert part(session, made, 36).folder == part(session, made, 99).folder == made.set.folder
    assert not (session.store.root / "jobs" / "subset").exists()


def test_a_subset_is_sealed_and_says_what_it_is_a_part_of(session: Session) -> None:
    made = whole(session)
    found = verify_set(part(session, made, 12).folder)
    assert found.manifest["subset"] == {"of": made.set.digest, "first": 12, "order_seed": 0}
    kept = ("method", "dataset_digest", "seed", "use", "config")
    assert {key: found.manifest[key] for key in kept} == {key: made.set.manifest[key] for key in kept}
    assert {record.recipe["pool"] for record in found.metadata} == {made.set.digest}
    assert sorted(record.recipe["rank"] for record in found.metadata) == list(range(12))
    assert all(record.sources for record in found.metadata)


@pytest.mark.parametrize("n", [6, 9, 12, 18])
def test_a_subset_has_the_kinds_and_tiles_of_the_set(session: Session, n: int) -> None:
    found = part(session, whole(session), n)
    kinds = Counter(record.kind for record in found.metadata)
    assert kinds["balancing"] == pytest.approx(2 * n / 3, abs=1)
    tiles = Counter(record.tile for record in found.metadata)
    assert max(tiles.values()) - min(tiles.values()) <= 2
    assert len(tiles) == 3


def test_another_seed_takes_other_images(session: Session) -> None:
    made = whole(session)
    assert set(content(part(session, made, 12))) != set(content(part(session, made, 12, seed=1)))


def test_diffmix_keeps_its_composition_at_every_ratio() -> None:
    config = DiffMixConfig(patch_size=32, ratio=3.0, balancing=0.5)
    planned = list(DiffMix(config).plan({"train": TRAIN}, 48, np.random.default_rng(0)))
    records = [
        SyntheticRecord(file_name=f"images/{one.id}.png", group="", sha256="", kind=one.kind, sources=one.sources)
        for one in planned
    ]
    order = cumulative_order(records, seed=3)
    assert sorted(order) == list(range(48))
    for n in (16, 24, 32, 40):
        first = [records[index] for index in order[:n]]
        assert Counter(record.kind for record in first) == {"balancing": n // 2, "enlarging": n // 2}
        for kind in ("balancing", "enlarging"):
            tiles = Counter(record.tile for record in first if record.kind == kind)
            assert max(tiles.values()) - min(tiles.values()) <= 1


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz")), min_size=1, max_size=40),
    st.integers(0, 2**32),
)
def test_every_beginning_has_the_share_of_each_of_two_kinds(kinds: list[tuple[str, str]], seed: int) -> None:
    order = stratified_order(kinds, np.random.default_rng(seed))
    assert sorted(order) == list(range(len(kinds)))
    share = sum(kind == "a" for kind, _ in kinds) / len(kinds)
    for n in range(len(kinds) + 1):
        assert abs(sum(kinds[index][0] == "a" for index in order[:n]) - share * n) <= 1


def test_a_set_made_elsewhere_has_parts_of_one_order(session: Session) -> None:
    made = whole(session)
    train = toy.NucleiDataset(n_tiles=9, size=64)
    preset = load_preset("tiny").model_copy(update={"patches_per_tile": 2, "patch": 8, "mpp": None})
    parts = []
    for arm in expand(imported_arm(made.set, {"ratio": 2.0}, ""), [0.5, 1.0, 2.0]):
        frame = bench_of(session, {"train": train, "test": train}, arm, preset=preset, seeds=2)
        first, second = drive(Trial(frame, arm).sets()).made
        assert first is not None
        assert second is not None
        assert first.finished.key == second.finished.key
        parts.append(set(content(first.set)))
    # 18 real patches, and 36 images in the set
    assert [len(one) for one in parts] == [9, 18, 36]
    assert parts[0] < parts[1] < parts[2]


def test_a_set_of_test_masks_has_no_ratio(tmp_path: Path) -> None:
    SyntheticSetWriter(tmp_path, TRAIN.info, {}).seal(0, {"method": "mine", "use": "evaluation"})
    with pytest.raises(ConfigError, match="no network is trained on"):
        expand(imported_arm(SyntheticSet(tmp_path), {}, ""), [1.0, 2.0])


def test_arms_of_ratios_share_the_set(session: Session, tmp_path: Path) -> None:
    arms = expand(ARM, [3.0, 1.0])
    assert [(arm.title, arm.ratio) for arm in arms] == [("kinds (1x)", 1.0), ("kinds (3x)", 3.0)]
    made = [drive(synthesize(session, arm, {"train": TRAIN}, {}, 9, 0, "seed 0")) for arm in arms]
    assert made[0].finished.key == made[1].finished.key

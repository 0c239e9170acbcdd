"""The smallest difference that a plan could find."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.config.files import folder, read_yaml
from bench.config.validate import build
from bench.datasets.card import GroupKind
from bench.plan.seeds import Replicates
from bench.run.resolve import resolve
from bench.suite.detectable import Spreads, detectable, of_design
from bench.suite.plan import plan
from tests.bench.conftest import request

NUCLEI = build(Spreads, read_yaml(folder() / "detectable.yaml")["nuclei"], "the assumptions")


def asked(tmp_path: Path, **changes: object):
    return resolve(request(tmp_path / "store", method="gradmix", **{"preset": "paper", "seeds": 3, **changes}))


def test_fourteen_tiles_and_three_seeds_find_three_hundredths(tmp_path: Path) -> None:
    consep = asked(tmp_path, dataset="consep")
    found = detectable(consep, plan(consep, None, tmp_path / "plan").n_groups)
    assert found is not None
    assert (found.dataset, found.metric, found.groups, found.kind) == ("consep", "pq/image", 14, "tile")
    assert found.value == pytest.approx(0.03, abs=0.002)
    assert "14 test groups: tile; 3 seeds" in str(found)


def test_more_groups_and_seeds_find_less() -> None:
    few = of_design(NUCLEI, 14, "tile", Replicates(3), 0)
    assert of_design(NUCLEI, 40, "tile", Replicates(3), 0) < few
    assert of_design(NUCLEI, 14, "tile", Replicates(10), 0) < few
    one, three = Replicates(3, 1), Replicates(3, 3, own_generators=True)
    assert of_design(NUCLEI, 14, "tile", three, 3) > of_design(NUCLEI, 14, "tile", one, 1) == few


def test_without_the_data_the_number_of_slides_is_not_known(tmp_path: Path) -> None:
    monusac = asked(tmp_path, dataset="monusac")
    found = detectable(monusac, plan(monusac, None, tmp_path / "plan").n_groups)
    assert found is not None
    assert (found.groups, found.value) == (None, None)
    assert "unknown" in str(found)


def test_the_phantom_has_slides(tmp_path: Path) -> None:
    phantom = asked(tmp_path, dataset="phantom", preset="tiny", seeds=1)
    found = detectable(phantom, plan(phantom, None, tmp_path / "plan").n_groups)
    assert found is not None
    assert (found.groups, found.kind) == (8, "slide")
    assert "fewer than three seeds" in str(found)


def test_every_kind_of_group_has_an_assumption() -> None:
    for name, assumed in read_yaml(folder() / "detectable.yaml").items():
        assert set(build(Spreads, assumed, name).groups) == set(GroupKind.__args__)

"""SDM as a method: plan and render."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bench.contract import MethodBase
from bench.errors import DataError
from methods.sdm import SDM, SDMConfig
from methods.sdm.method import file_safe
from tests import toy
from tests.methods.sdm_presets import tiny

DATA = {"train": toy.NucleiDataset(3, 48)}


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("sdm")
    method = SDM(SDMConfig.model_validate(tiny()))
    method.fit(method.parts()[0], DATA, {}, out, toy.Run())
    return {"sdm": out}


def test_imports_without_torch() -> None:
    code = "import sys, methods.sdm, methods.diffmix; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_is_a_method() -> None:
    method = SDM(SDMConfig())
    assert isinstance(method, MethodBase)
    assert (method.ratio, method.conditions, method.roles) == (1.0, {"mask"}, {"train"})
    assert pickle.loads(pickle.dumps(method.config)) == method.config
    (part,) = method.parts()
    assert (part.name, part.reads, part.needs) == ("sdm", {"train"}, ())


def test_the_part_holds_what_weights_depend_on_and_no_more() -> None:
    part = SDM(SDMConfig()).parts()[0].config
    assert set(part.model_dump()) == {"patch_size", "network", "diffusion", "training"}
    sampled = SDMConfig.model_validate({"guidance_scale": 3.0, "ratio": 0.5, "grid": 3})
    assert SDM(sampled).parts()[0].config == part


def test_patch_must_fit_the_levels() -> None:
    with pytest.raises(ValidationError, match="multiple of 2"):
        SDMConfig.model_validate(tiny(patch_size=33))


def test_plan_copies_windows_evenly() -> None:
    method = SDM(SDMConfig.model_validate(tiny()))
    conditions = list(method.plan(DATA, 10, np.random.default_rng(0)))
    again = list(method.plan(DATA, 10, np.random.default_rng(0)))
    assert len({condition.id for condition in conditions}) == len(conditions) == 10
    assert [c.id for c in conditions] == [c.id for c in again]
    assert [c.seed for c in conditions] == [c.seed for c in again]
    sources = [condition.sources["train"] for condition in conditions]
    assert sorted(sources.count(name) for name in DATA["train"].ids) == [3, 3, 4]
    for condition in conditions:
        assert condition.kind == "copy"
        assert "train" in condition.sources
        assert condition.crop is not None
        assert condition.instances is not None
        assert condition.types is not None
        tile = DATA["train"][DATA["train"].ids.index(condition.sources["train"])]
        y, x = condition.crop
        assert tile.instances is not None
        window = tile.instances[y : y + 32, x : x + 32]
        assert np.unique(condition.instances[condition.instances > 0]).tolist() == list(
            range(1, len(condition.types) + 1)
        )
        assert ((condition.instances > 0) <= (window > 0)).all()


def test_tile_of_patch_size_gives_its_one_crop() -> None:
    method = SDM(SDMConfig.model_validate(tiny()))
    crops = {c.crop for c in method.plan({"train": toy.NucleiDataset(2, 32)}, 4, np.random.default_rng(0))}
    assert crops == {(0, 0)}


def test_render_depends_on_seed_and_not_on_neighbours(fitted: dict[str, Path]) -> None:
    method = SDM(SDMConfig.model_validate(tiny()))
    conditions = list(method.plan(DATA, 3, np.random.default_rng(0)))
    images = list(method.render(conditions, DATA, fitted, toy.Run()))
    assert [image.shape for image in images] == [(32, 32, 3)] * 3
    assert all(image.dtype == np.uint8 for image in images)
    alone = next(iter(method.render(conditions[1:2], DATA, fitted, toy.Run(seed=5))))
    assert np.abs(alone.astype(int) - images[1]).max() <= 1
    other = next(iter(method.render([replace(conditions[1], seed=1)], DATA, fitted, toy.Run())))
    assert np.abs(other.astype(int) - images[1]).max() > 1


def test_render_reads_flags_from_the_weights(fitted: dict[str, Path]) -> None:
    conditions = list(SDM(SDMConfig.model_validate(tiny())).plan(DATA, 1, np.random.default_rng(0)))
    trained, misled = (
        next(iter(SDM(SDMConfig.model_validate(settings)).render(conditions, DATA, fitted, toy.Run())))
        for settings in (tiny(), tiny(diffusion={"prediction": "epsilon", "learned_variance": True}))
    )
    np.testing.assert_array_equal(trained, misled)


def test_missing_weights_and_maps_are_named(fitted: dict[str, Path], tmp_path: Path) -> None:
    method = SDM(SDMConfig.model_validate(tiny()))
    conditions = list(method.plan(DATA, 1, np.random.default_rng(0)))
    with pytest.raises(DataError, match="trained SDM"):
        list(method.render(conditions, DATA, {"sdm": tmp_path}, toy.Run()))
    with pytest.raises(DataError, match=conditions[0].id):
        list(method.render([replace(conditions[0], instances=None)], DATA, fitted, toy.Run()))


def test_file_safe_names() -> None:
    assert file_safe("a b/c:1.x") == "a-b-c-1.x"

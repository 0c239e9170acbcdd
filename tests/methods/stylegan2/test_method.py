"""StyleGAN2 as a method: plan, fit, render."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from bench.config.files import folder, read_yaml
from bench.contract import Condition, MethodBase, Settings
from bench.errors import DataError
from methods.stylegan2 import StyleGAN2, StyleGAN2Config
from methods.stylegan2.model import WEIGHTS
from tests import toy
from tests.methods.stylegan2_presets import tiny
from tests.toy_tissue import TissueDataset

DATA = {"train": TissueDataset(12, 16)}


def _method(**changes: object) -> StyleGAN2:
    return StyleGAN2(StyleGAN2Config.model_validate(tiny(**changes)))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out, method = tmp_path_factory.mktemp("stylegan2"), _method(training={"steps": 12})
    method.fit(method.parts()[0], DATA, {}, out, toy.Run())
    return {"stylegan2": out}


def _conditions(n: int, **changes: object) -> list[Condition]:
    return list(_method(**changes).plan(DATA, n, np.random.default_rng(0)))


def test_imports_without_torch() -> None:
    code = "import sys, methods.stylegan2; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_is_a_method() -> None:
    method = StyleGAN2(StyleGAN2Config())
    assert isinstance(method, MethodBase)
    assert (method.conditions, method.roles, method.ratio) == ({"class"}, {"train"}, 3.0)
    assert [arm.title for arm in method.selections] == [
        "random 50%",
        "centroid 50%",
        "centroid 100%",
        "centroid 200%",
        "centroid 300%",
    ]
    assert pickle.loads(pickle.dumps(method.config)) == method.config
    (part,) = method.parts()
    assert (part.name, part.reads, part.needs) == ("stylegan2", {"train"}, ())


def test_the_part_holds_what_weights_depend_on_and_no_more() -> None:
    part = StyleGAN2(StyleGAN2Config()).parts()[0].config
    assert set(part.model_dump()) == {"patch_size", "network", "training"}
    drawn = StyleGAN2Config.model_validate({"truncation": 0.7, "render_batch": 3, "selection": tiny()["selection"]})
    assert StyleGAN2(drawn).parts()[0].config == part


@pytest.mark.parametrize("preset", ["tiny", "smoke", "small", "paper"])
def test_presets_are_settings(preset: str) -> None:
    values = read_yaml(folder() / "methods" / "stylegan2.yaml")["presets"][preset]
    config: Settings = StyleGAN2Config.model_validate(values)
    assert (config == StyleGAN2Config()) == (preset == "paper")


def test_settings_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValidationError, match="power of two"):
        StyleGAN2Config.model_validate(tiny(patch_size=24))
    with pytest.raises(ValidationError, match="multiple of network.statistic_group"):
        StyleGAN2Config.model_validate(tiny(training={"batch_size": 6}))


def test_plan_goes_round_the_classes() -> None:
    conditions = _conditions(8)
    assert [condition.label for condition in conditions] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert len({condition.id for condition in conditions}) == len({condition.seed for condition in conditions}) == 8
    assert all(c.kind == "class" and not c.sources and c.instances is None for c in conditions)
    assert conditions == _conditions(8)
    with pytest.raises(DataError, match="image-level classes"):
        list(_method().plan({"train": toy.NucleiDataset(1, 16)}, 2, np.random.default_rng(0)))


def test_render_depends_on_seed_and_class_and_not_on_neighbours(fitted: dict[str, Path]) -> None:
    conditions = _conditions(5)
    images = list(_method().render(conditions, DATA, fitted, toy.Run()))
    assert [image.shape for image in images] == [(16, 16, 3)] * 5
    assert all(image.dtype == np.uint8 for image in images)
    in_pairs = list(_method(render_batch=2).render(conditions, DATA, fitted, toy.Run(seed=5)))
    assert all(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(images, in_pairs, strict=True))

    def other(**changes: int) -> int:
        image = next(iter(_method().render([replace(conditions[1], **changes)], DATA, fitted, toy.Run())))
        return int(np.abs(image.astype(int) - images[1]).max())

    assert other() <= 1
    assert other(seed=1) > 5
    assert other(label=2) > 5


def test_truncation_makes_images_alike(fitted: dict[str, Path]) -> None:
    conditions = [replace(condition, label=0) for condition in _conditions(12)]
    spreads = [
        np.std(list(_method(truncation=psi).render(conditions, DATA, fitted, toy.Run())), axis=0).mean()
        for psi in (1.0, 0.3)
    ]
    assert spreads[1] < 0.8 * spreads[0]


def test_render_reads_settings_from_the_weights(fitted: dict[str, Path]) -> None:
    conditions = _conditions(1)
    trained, misled = (
        next(iter(method.render(conditions, DATA, fitted, toy.Run())))
        for method in (_method(), _method(network={"latent": 32}))
    )
    np.testing.assert_array_equal(trained, misled)


def test_what_cannot_be_drawn_is_named(fitted: dict[str, Path], tmp_path: Path) -> None:
    conditions = _conditions(1)
    with pytest.raises(DataError, match="trained StyleGAN2"):
        list(_method().render(conditions, DATA, {"stylegan2": tmp_path}, toy.Run()))
    for label in (None, 3):
        with pytest.raises(DataError, match="a class from 0 to 2"):
            list(_method().render([replace(conditions[0], label=label)], DATA, fitted, toy.Run()))
    (tmp_path / "stylegan2.json").write_text((fitted["stylegan2"] / "stylegan2.json").read_text())
    (tmp_path / WEIGHTS).write_bytes(b"nothing")
    with pytest.raises(DataError, match="Cannot read the weights"):
        list(_method().render(conditions, DATA, {"stylegan2": tmp_path}, toy.Run()))
    with pytest.raises(DataError, match="'stylegan2'"):
        _method().fit(_method().parts()[0]._replace(name="other"), DATA, {}, tmp_path, toy.Run())

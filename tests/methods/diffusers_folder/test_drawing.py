"""What pipelines draw: it follows masks and captions, and does not depend on other images."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bench.contract import Condition
from bench.errors import ConfigError, DataError, JobError
from methods.diffusers_folder.loading import load_pipeline
from tests import toy
from tests.methods.diffusers_folder.pipelines import (
    MASK,
    PATCH,
    SIZE,
    Run,
    controlnet,
    draw,
    mask_pipeline,
    method,
    plain_pipeline,
    text_pipeline,
)

TRAIN = toy.NucleiDataset(3, 64)
DATA = {"train": TRAIN}


def planned(how: Any, n: int = 3) -> list[Condition]:
    """Plan conditions under one seed."""
    return list(how.plan(DATA, n, np.random.default_rng(0)))


def busiest(how: Any) -> Condition:
    """Return a condition with many nuclei."""
    return max(planned(how, 12), key=lambda condition: np.count_nonzero(condition.instances))


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean absolute difference of two images."""
    return float(np.abs(first.astype(float) - second.astype(float)).mean())


def test_image_follows_the_mask() -> None:
    how = method(mask_pipeline(), **MASK)
    condition = busiest(how)
    assert condition.instances is not None
    empty = replace(condition, instances=np.zeros_like(condition.instances), types=np.zeros(0, np.uint8))
    other_class = replace(condition, types=np.asarray(condition.types % 4 + 1, np.uint8))
    same, drawn, without, recoloured = draw(how, [condition, condition, empty, other_class], DATA)
    assert difference(same, drawn) <= 1
    assert difference(without, drawn) > 2
    assert difference(recoloured, drawn) > 2


def test_image_follows_the_caption() -> None:
    how = method(text_pipeline(), guidance_scale=7.5)
    (condition,) = planned(how, 1)
    assert condition.caption == "discs on pink"
    same, drawn, other = draw(how, [condition, condition, replace(condition, caption="quartz")], DATA)
    assert difference(same, drawn) <= 1
    assert difference(other, drawn) > 1


def test_constant_prompt_and_placeholders() -> None:
    plain = method(text_pipeline(), conditions=[], prompt="discs on pink", guidance_scale=7.5)
    (condition,) = planned(plain, 1)
    assert (condition.kind, condition.caption, condition.instances) == ("unconditional", None, None)
    captioned = method(text_pipeline(), prompt="discs on {caption}", guidance_scale=7.5)
    (constant,) = draw(plain, [condition], DATA)
    (filled,) = draw(captioned, [replace(condition, caption="pink")], DATA)
    assert difference(constant, filled) <= 1


@pytest.mark.parametrize(
    ("pipeline", "changes"), [(mask_pipeline, MASK), (text_pipeline, {}), (plain_pipeline, {"conditions": []})]
)
def test_image_does_not_depend_on_its_batch(pipeline: Callable[[], Path], changes: dict[str, Any]) -> None:
    how = method(pipeline(), batch_size=3, **changes)
    conditions = planned(how, 4)
    together = draw(how, conditions, DATA)
    alone = draw(method(pipeline(), batch_size=1, **changes), conditions[::-1], DATA)[::-1]
    assert all(difference(a, b) <= 1 for a, b in zip(together, alone, strict=True))
    assert difference(together[0], together[1]) > 2
    (other,) = draw(how, [replace(conditions[0], seed=conditions[0].seed + 1)], DATA)
    assert difference(other, together[0]) > 2


def test_separate_controlnet_equals_the_one_in_the_pipeline() -> None:
    conditions = planned(method(mask_pipeline(), **MASK))
    inside = draw(method(mask_pipeline(), **MASK), conditions, DATA)
    separate = draw(method(text_pipeline(), controlnet=str(controlnet()), **MASK), conditions, DATA)
    assert all(np.array_equal(a, b) for a, b in zip(inside, separate, strict=True))


def test_one_hot_masks() -> None:
    channels = {name: place for place, name in enumerate(toy.CLASSES)}
    how = method(text_pipeline(), controlnet=str(controlnet(4)), conditions=["mask"], mask={"channels": channels})
    condition = busiest(how)
    drawn, other = draw(how, [condition, replace(condition, types=np.asarray(condition.types % 4 + 1, np.uint8))], DATA)
    assert difference(drawn, other) > 2


def test_fit_records_what_the_pipeline_is(tmp_path: Path) -> None:
    how = method(text_pipeline(), controlnet=str(controlnet()), mpp=1.0, guidance_scale=3.0, image_size=32, **MASK)
    how.fit(how.parts()[0], DATA, {}, tmp_path, Run())
    record = json.loads((tmp_path / "pipeline.json").read_text())
    assert record["class"] == "StableDiffusionControlNetPipeline"
    assert record["cut"] == "the middle 8 of 32 pixels"
    assert record["resampled"] == "from 8 to 16 pixels"
    assert str(text_pipeline()) not in json.dumps(record)
    (condition,) = planned(how, 1)
    assert condition.recipe == {name: value for name, value in record.items() if name != "class"}
    (image,) = draw(how, [condition], DATA)
    assert image.shape == (PATCH, PATCH, 3)


@pytest.mark.parametrize(("name", "dtype"), [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_precision_of_the_run(name: str, dtype: torch.dtype) -> None:
    pipeline = load_pipeline(method(text_pipeline()).config, Run(precision=name))
    assert {pipeline.unet.dtype, pipeline.vae.dtype, pipeline.text_encoder.dtype} == {dtype}


def test_checker_of_photographs_is_never_loaded(tmp_path: Path) -> None:
    folder = copied(text_pipeline(), tmp_path)
    index = json.loads((folder / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (folder / "model_index.json").write_text(json.dumps({**index, "requires_safety_checker": True}))
    how = method(folder)
    assert all(needed.found for needed in how.weights())
    assert load_pipeline(how.config, Run()).safety_checker is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arguments": {"wibble": 1}}, "does not take the argument wibble"),
        ({"computed": {"latents": "wibble"}}, "has no method 'wibble'"),
        ({"pipeline_class": "WibblePipeline"}, "not a pipeline of diffusers"),
        ({"pipeline_class": "AutoencoderKL"}, "not a pipeline of diffusers"),
        ({"mask": {**MASK["mask"], "argument": "wibble"}, "conditions": ["mask"]}, "does not take the argument wibble"),
        (MASK, "control_image or controlnet_input or image"),
        ({"components": {"wibble": {"location": str(Path(__file__).parent)}}}, "no component 'wibble'"),
    ],
)
def test_what_the_pipeline_does_not_take_is_refused_before_it_draws(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    how = method(text_pipeline(), **changes)
    with pytest.raises(ConfigError, match=message):
        how.fit(how.parts()[0], DATA, {}, tmp_path, Run())


def test_unconditional_pipeline_takes_no_guidance(tmp_path: Path) -> None:
    how = method(plain_pipeline(), conditions=[], guidance_scale=2.0)
    with pytest.raises(ConfigError, match="guidance_scale"):
        how.fit(how.parts()[0], DATA, {}, tmp_path, Run())


def test_arguments_reach_the_call() -> None:
    conditions = planned(method(text_pipeline()))
    plain = draw(method(text_pipeline()), conditions, DATA)
    changed = draw(method(text_pipeline(), arguments={"negative_prompt": ["quartz"] * 3}), conditions, DATA)
    assert all(difference(a, b) > 0.2 for a, b in zip(plain, changed, strict=True))


def test_weights_that_do_not_fit_are_an_error(tmp_path: Path) -> None:
    folder = copied(text_pipeline(), tmp_path)
    next((folder / "unet").glob("*.safetensors")).write_bytes(b"nothing")
    with pytest.raises(DataError, match="do not fit StableDiffusionPipeline"):
        load_pipeline(method(folder).config, Run())


def test_image_of_another_size_is_an_error() -> None:
    how = method(plain_pipeline(), conditions=[], image_size=2 * SIZE)
    with pytest.raises(JobError, match="did not draw 1 RGB images of 32 x 32") as caught:
        draw(how, planned(how, 1), DATA)
    assert "method.image_size" in caught.value.fix


def copied(folder: Path, to: Path) -> Path:
    """Copy a pipeline."""
    import shutil

    return Path(shutil.copytree(folder, to / "copy"))

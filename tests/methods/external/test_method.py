"""The external method: what a program is given, what it must give back, and what is said where it does not."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.contract import MethodBase
from bench.errors import DataError, JobError
from bench.imageio import read_instances, read_rgb
from methods.external import exchange
from methods.patches import crop_labels
from tests import toy
from tests.methods.external.programs import PAINTER, SIZE, Run, Tissue, draw, external

TRAIN = toy.NucleiDataset(3, 64)
DATA = {"train": TRAIN}
HEAD = PAINTER.partition("if request")[0]
RENDERING = HEAD + 'for line in lines("conditions"):\n    path = out / (line["id"] + ".png")\n    '
FLAT = 'np.zeros((line["height"], line["width"], 3), np.uint8)'


def render_only(tmp_path: Path, body: str, **changes: Any) -> JobError:
    """Run a program that draws each condition by `body`, and return what is said of it."""
    method = external(tmp_path, RENDERING + body, fit=False, **changes)
    with pytest.raises(JobError) as caught:
        draw(method, DATA, tmp_path, 7)
    return caught.value


def test_fit_and_render(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with spaces & ünïcode"
    method = external(folder)
    assert isinstance(method, MethodBase)
    conditions, images = draw(method, DATA, folder)
    mean = np.mean([sample.image.mean((0, 1)) for sample in TRAIN.samples], axis=0).astype(np.uint8)
    for condition, image in zip(conditions, images, strict=True):
        assert condition.kind == "copy"
        sample = next(sample for sample in TRAIN.samples if sample.id == condition.sources["train"])
        np.testing.assert_array_equal(
            condition.instances, crop_labels(sample.instances, sample.types, *condition.crop, SIZE, min_area=3)[0]
        )
        expected = np.concatenate([[0], condition.types])[condition.instances] * 10
        inside = condition.instances > 0
        np.testing.assert_array_equal(image[inside], np.repeat(expected[inside][:, None], 3, axis=1))
        assert np.all(image[~inside] == mean)


def test_what_is_done_is_cleared_and_what_was_said_is_kept(tmp_path: Path) -> None:
    draw(external(tmp_path, PAINTER + "print('phase', request['phase'])"), DATA, tmp_path)
    assert "phase fit" in (tmp_path / "fit" / "logs" / "fit.log").read_text()
    (log,) = (tmp_path / "set" / "logs").iterdir()
    assert "phase render" in log.read_text()
    assert [path.name for path in (tmp_path / "fit" / "model").iterdir()] == ["colour.json"]
    for job in ("fit", "set"):
        assert list((tmp_path / job / "chunks").iterdir()) == []


def test_fit_is_given_its_own_folder_again_after_a_kill(tmp_path: Path) -> None:
    counting = HEAD + "count = len(list(out.iterdir()))\n(out / str(count)).touch()\nassert count"
    method = external(tmp_path, counting)
    with pytest.raises(JobError, match="exit code 0"):
        draw(method, DATA, tmp_path)
    method.fit(method.parts()[0], DATA, {}, tmp_path / "fit", Run(folder=tmp_path / "fit"))
    assert sorted(path.name for path in (tmp_path / "fit" / "model").iterdir()) == ["0", "1"]


def test_fit_that_leaves_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="leave files") as caught:
        draw(external(tmp_path, HEAD), DATA, tmp_path)
    assert "method.fit=false" in caught.value.fix


def test_requests_of_the_same_seed_are_equal(tmp_path: Path) -> None:
    program = HEAD + "(out / 'request.json').write_text(json.dumps(request))"
    method, seeds = external(tmp_path, program), []
    for seed in (0, 0, 1):
        out = tmp_path / f"{len(seeds)}"
        out.mkdir()
        method.fit(method.parts()[0], DATA, {}, out, Run(seed=seed, folder=out))
        request = json.loads((out / "model" / "request.json").read_text())
        assert {key: request[key] for key in ("schema", "phase", "n", "patch_size", "mpp", "device")} == {
            "schema": 1,
            "phase": "fit",
            "n": 3,
            "patch_size": SIZE,
            "mpp": 0.5,
            "device": "cpu",
        }
        assert (request["classes"], request["rare"], request["labels"]) == (list(toy.CLASSES), [1], [])
        seeds.append(request["seed"])
    assert seeds[0] == seeds[1] != seeds[2]
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_training_folder(tmp_path: Path) -> None:
    assert list(exchange.write_training(tmp_path / "training", TRAIN)) == [1, 2, 3]
    lines = [json.loads(line) for line in (tmp_path / "training" / "metadata.jsonl").read_text().splitlines()]
    for line, sample in zip(lines, TRAIN.samples, strict=True):
        assert (line["id"], line["group"], line["caption"]) == (sample.id, sample.group, sample.caption)
        assert line["types"] == sample.types.tolist()
        np.testing.assert_array_equal(read_rgb(tmp_path / "training" / line["file_name"]), sample.image)
        np.testing.assert_array_equal(read_instances(tmp_path / "training" / line["instances"]), sample.instances)


def test_source_images_are_training_windows_and_only_where_asked_for(tmp_path: Path) -> None:
    copying = 'import shutil; shutil.copy(pathlib.Path(request["conditions"], line["source"]), path)'
    conditions, images = draw(external(tmp_path, RENDERING + copying, fit=False, source_images=True), DATA, tmp_path)
    for condition, image in zip(conditions, images, strict=True):
        tile = TRAIN[TRAIN.ids.index(condition.sources["train"])].image
        y, x = condition.crop
        np.testing.assert_array_equal(image, tile[y : y + SIZE, x : x + SIZE])
    assert "KeyError" in render_only(tmp_path, copying).got


def test_a_test_mask_comes_without_any_image(tmp_path: Path) -> None:
    method = external(tmp_path, RENDERING + f"Image.fromarray({FLAT} + (line['source'] is None)).save(path)", fit=False)
    method = type(method)(method.config.model_copy(update={"source_images": True}))
    (own,) = method.plan(DATA, 1, np.random.default_rng(0))
    masked = replace(own, id="test-00000", sources={}, crop=None, kind="test-mask", seed=2**52 + 1)
    (image,) = method.render([masked], DATA, {}, Run(folder=tmp_path))
    assert np.all(image == 1)
    with pytest.raises(DataError, match="dataset toy"):
        list(method.render([replace(own, sources={"train": "test-7"})], DATA, {}, Run(folder=tmp_path)))


@pytest.mark.parametrize(
    ("body", "message", "got"),
    [
        (
            "pass",
            "one PNG per condition",
            "7 of 7 missing: copy-00000.png, .* 2 more; the folder contains: nothing",
        ),
        (f"Image.fromarray({FLAT}[:-1]).save(path)", "32 x 32 pixels", "31 x 32"),
        (f"Image.fromarray({FLAT}).convert('RGBA').save(path)", "8-bit RGB", "8-bit RGB with alpha"),
        (f"Image.fromarray({FLAT}[..., 0]).save(path)", "8-bit RGB", "8-bit grey"),
        (f"Image.fromarray({FLAT}[..., 0].astype(np.uint16)).save(path)", "8-bit RGB", "16-bit grey"),
        (f"Image.fromarray({FLAT}).save(path, format='JPEG')", "is not a PNG", "another"),
        ("path.write_bytes(b'')", "is not a PNG", "broken"),
        (f"Image.fromarray({FLAT}).save(out.parent / path.name); path.symlink_to(out.parent / path.name)", "", "link"),
    ],
)
def test_bad_images_are_named(tmp_path: Path, body: str, message: str, got: str) -> None:
    error = render_only(tmp_path, body)
    assert message in error.message
    assert re.search(got, error.got)
    assert error.fix
    (kept,) = (tmp_path / "set" / "chunks").iterdir()
    assert {path.name for path in kept.iterdir()} >= {"request.json", "conditions", "out"}


def test_a_truncated_png_is_refused(tmp_path: Path) -> None:
    body = f"Image.fromarray({FLAT}).save(path); path.write_bytes(path.read_bytes()[:60])"
    with pytest.raises(DataError, match="readable image"):
        draw(external(tmp_path, RENDERING + body, fit=False), DATA, tmp_path)


def test_other_files_do_not_count(tmp_path: Path) -> None:
    body = f"Image.fromarray({FLAT}).save(path); (out / 'notes.txt').touch(); (out / 'spare.png').touch()"
    conditions, images = draw(external(tmp_path, RENDERING + body, fit=False), DATA, tmp_path)
    assert len(conditions) == len(images) == 5


def test_no_conditions_call_nothing(tmp_path: Path) -> None:
    method = external(tmp_path, "raise SystemExit(3)", fit=False)
    assert list(method.render([], DATA, {}, Run(folder=tmp_path))) == []


def test_class_conditions(tmp_path: Path) -> None:
    body = 'Image.new("RGB", (line["width"], line["height"]), (line["label"],) * 3).save(path)'
    method = external(tmp_path, RENDERING + body, fit=False, plan="classes")
    assert method.conditions == {"class"}
    conditions, images = draw(method, {"train": Tissue()}, tmp_path)
    assert [condition.label for condition in conditions] == [0, 1, 0, 1, 0]
    assert [int(image[0, 0, 0]) for image in images] == [0, 1, 0, 1, 0]
    with pytest.raises(DataError, match="image-level classes"):
        list(method.plan(DATA, 1, np.random.default_rng(0)))


def test_a_tissue_set_is_written_out(tmp_path: Path) -> None:
    assert list(exchange.write_training(tmp_path / "training", Tissue())) == [1, 2]
    lines = [json.loads(line) for line in (tmp_path / "training" / "metadata.jsonl").read_text().splitlines()]
    assert [(line["label"], line["instances"], line["types"]) for line in lines] == [(0, None, None), (1, None, None)]


@pytest.mark.parametrize(
    ("plan", "kinds"),
    [("balancing", {"balancing"}), ("enlarging", {"enlarging"}), ("diffmix", {"balancing", "enlarging"})],
)
def test_changed_maps_are_those_of_diffmix(tmp_path: Path, plan: str, kinds: set[str]) -> None:
    from methods.diffmix import DiffMix

    method = external(tmp_path, fit=False, plan=plan)
    planned = list(method.plan(DATA, 8, np.random.default_rng(0)))
    share = {"balancing": 1.0, "enlarging": 0.0, "diffmix": 0.5}[plan]
    theirs = DiffMix(DiffMix.Config(patch_size=SIZE, grid=4, balancing=share))
    assert {condition.kind for condition in planned} == kinds
    for own, other in zip(planned, theirs.plan(DATA, 8, np.random.default_rng(0)), strict=True):
        np.testing.assert_array_equal(own.instances, other.instances)
        assert own.sources["train"] == other.sources["train"]
        assert not {"sampler", "start"} & set(own.recipe)


def test_pixels_come_back_as_they_were_written(tmp_path: Path) -> None:
    body = f"Image.fromarray({FLAT} + np.arange(32, dtype=np.uint8)[:, None]).save(path)"
    _, (image,) = draw(external(tmp_path, RENDERING + body, fit=False), DATA, tmp_path, 1)
    np.testing.assert_array_equal(image, np.broadcast_to(np.arange(32)[:, None], (32, 32, 3)))

"""Presets, overrides, cards and the errors for what does not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from pydantic import model_validator

from bench.config import BudgetSettings, RunRequest, load_preset, preset_names
from bench.config.files import folder, merge, read_yaml
from bench.config.lines import Lines
from bench.config.overrides import parse, placeless
from bench.config.request import Environment
from bench.config.validate import build
from bench.contract import Settings, Task
from bench.errors import ConfigError


class Network(Settings):
    width: int = 32
    depth: int = 2


class Outer(Settings):
    network: Network = Network()
    steps: int = 5


def test_presets_load_and_come_smallest_first() -> None:
    assert preset_names()[:4] == ("tiny", "smoke", "small", "paper")
    for name in preset_names():
        assert load_preset(name).name == name


def test_preset_overrides_are_typed() -> None:
    assert load_preset("tiny", {"budget": {"amount": 3}}).budget.amount == 3
    assert load_preset("tiny", {"budget": {"amount": 3}}).budget.unit == "steps"
    with pytest.raises(ConfigError, match="budget.amount"):
        load_preset("tiny", {"budget": {"amount": "many"}})


@pytest.mark.parametrize(("preset", "task", "amount"), [("smoke", "tissue", 300), ("paper", "tissue", 7200)])
def test_budgets_of_a_task_win(preset: str, task: Task, amount: int) -> None:
    assert load_preset(preset, task=task).budget.amount == amount
    assert load_preset(preset, task="nuclei").budget.amount != amount
    assert load_preset(preset, {"budget": {"amount": 3}}, task=task).budget.amount == 3


def test_a_task_that_no_dataset_has_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "presets").mkdir()
    text = (folder() / "presets" / "smoke.yaml").read_text(encoding="utf-8").replace("  tissue: ", "  tisue: ")
    (tmp_path / "presets" / "smoke.yaml").write_text(text, encoding="utf-8")
    for module in ("bench.config.preset", "bench.config.files"):
        monkeypatch.setattr(f"{module}.folder", lambda: tmp_path)
    with pytest.raises(ConfigError) as caught:
        load_preset("smoke", task="nuclei")
    assert "did you mean 'tissue'?" in caught.value.fix


@pytest.mark.parametrize(("name", "near"), [("smok", "smoke"), ("papper", "paper")])
def test_unknown_preset_suggests_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_preset(name)
    assert f"did you mean '{near}'?" in caught.value.fix


def test_unknown_key_suggests_the_nearest_at_its_depth() -> None:
    with pytest.raises(ConfigError) as caught:
        build(Outer, {"network": {"widht": 3}}, "method 'x'")
    assert caught.value.got == "'network.widht'"
    assert "did you mean 'network.width'?" in caught.value.fix
    with pytest.raises(ConfigError) as caught:
        build(Outer, {"step": 3}, "method 'x'")
    assert "did you mean 'steps'?" in caught.value.fix


def test_wrong_type_names_key_value_and_reason() -> None:
    with pytest.raises(ConfigError) as caught:
        build(Outer, {"steps": "ten"}, "method 'x'")
    assert "steps" in caught.value.message
    assert caught.value.got == "'ten'"
    assert "integer" in caught.value.fix


class Pair(Settings):
    low: int = 0
    high: int = 1

    @model_validator(mode="after")
    def _ordered(self) -> Pair:
        if self.low > self.high:
            raise ValueError(f"low {self.low} must not exceed high {self.high}")
        return self


def test_settings_that_do_not_fit_each_other_are_told_in_short() -> None:
    with pytest.raises(ConfigError) as caught:
        build(Pair, {"low": 3}, "method 'x'")
    assert caught.value.got == "settings that do not fit each other"
    assert caught.value.fix == "low 3 must not exceed high 1"


def test_everything_that_is_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "outer.yaml"
    path.write_text("steps: ten\nnetwork:\n  widht: 3\n  # a comment\nstep: 4\n")
    with pytest.raises(ConfigError) as caught:
        build(Outer, read_yaml(path), "the file", Lines(path))
    error = caught.value
    assert error.message == "3 things are wrong in the file"
    got, fix = error.got.splitlines(), error.fix.splitlines()
    assert len(got) == len(fix) == 3
    assert any("'ten' (line 1, column 1)" in line and "steps" in line for line in got)
    assert any("'network.widht' (line 3, column 3)" in line for line in got)
    assert any("'step' (line 5, column 1)" in line for line in got)
    assert any("did you mean 'network.width'?" in line for line in fix)


def test_a_value_that_is_missing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "pair.yaml"
    path.write_text("one:\n  unit: steps\n")
    with pytest.raises(ConfigError) as caught:
        build(BudgetSettings, read_yaml(path)["one"], "`one`", Lines(path, ("one",)))
    assert caught.value.got == "no amount (line 1, column 1)"
    assert caught.value.fix == "add `amount`"


def refused(folder: Path, text: str) -> ConfigError:
    """Return the error about a YAML file of a text."""
    (folder / "wrong.yaml").write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_yaml(folder / "wrong.yaml")
    return caught.value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: [1, 2\nc: 3\n", "line 3, column 2"),
        ("a: 1\n  b: 2\n", "line 2, column 4"),
        ("a: 'x\n", "line 2, column 1"),
    ],
)
def test_a_file_that_is_not_yaml_says_where(tmp_path: Path, text: str, place: str) -> None:
    error = refused(tmp_path, text)
    assert error.got.startswith(place + ": ")
    assert "indentation" in error.fix


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3, column 1: the key 'a' is also in line 1"),
        ("runs:\n  - {a: 1, b: {c: 1, 'c': 2}}\n", "line 2, column 22: the key 'c' is also in line 2"),
    ],
)
def test_a_key_that_is_there_twice_is_refused_with_both_places(tmp_path: Path, text: str, got: str) -> None:
    error = refused(tmp_path, text)
    assert error.got == got
    assert error.fix == "keep one of the two lines"


@pytest.mark.parametrize(
    ("text", "got"), [("", "an empty file"), ("# only this\n", "an empty file"), ("- a\n", "a list")]
)
def test_a_file_that_is_not_a_mapping_says_what_it_is(tmp_path: Path, text: str, got: str) -> None:
    error = refused(tmp_path, text)
    assert error.got.startswith(got)
    assert "configs" in error.fix


def test_a_value_of_several_types_is_one_problem() -> None:
    class Either(Settings):
        names: str | tuple[str, ...]

    with pytest.raises(ConfigError) as caught:
        build(Either, {"names": 3}, "the file")
    assert caught.value.got == "3"
    assert "string" in caught.value.fix
    assert "tuple" in caught.value.fix


def test_overrides_are_sorted_by_what_they_change() -> None:
    found = parse(["method.guidance_scale=2.0", "method.sdm.steps=10", "downstream.width=8", "encoders=[a, b]"])
    assert found.method == {"guidance_scale": 2.0, "sdm": {"steps": 10}}
    assert found.downstream == {"width": 8}
    assert found.preset == {"encoders": ["a", "b"]}
    assert found.method_text == "guidance_scale=2.0 sdm.steps=10"
    assert found.protocol_text == "downstream.width=8 encoders=[a, b]"


def test_tables_tell_no_paths_of_this_machine(tmp_path: Path) -> None:
    (tmp_path / "model.ckpt").write_bytes(b"weights")
    found = parse([f"method.released={tmp_path / 'model.ckpt'}", f"downstream.vit.weights={tmp_path}", "name=a/b"])
    assert found.method["released"] == str(tmp_path / "model.ckpt")
    assert found.method_text == f"released=model.ckpt@{hashlib.sha256(b'weights').hexdigest()[:8]}"
    assert found.protocol_text == f"downstream.vit.weights={tmp_path.name} name=a/b"


def test_documents_keep_files_by_name_and_hash(tmp_path: Path) -> None:
    one, other = tmp_path / "one" / "model.ckpt", tmp_path / "other" / "model.ckpt"
    for path in (one, other):
        path.parent.mkdir()
        path.write_bytes(b"weights")
    told = [placeless(["method.ratio=2", f"downstream.pretrained={path}"]) for path in (one, other)]
    hashed = hashlib.sha256(b"weights").hexdigest()[:8]
    assert told[0] == told[1] == ["method.ratio=2", f"downstream.pretrained=model.ckpt@{hashed}"]


@pytest.mark.parametrize("item", ["method.a", "=3", "method=3", "a..b=1"])
def test_malformed_override_is_an_error(item: str) -> None:
    with pytest.raises(ConfigError):
        parse([item])


def test_merge_goes_key_by_key_and_leaves_its_arguments() -> None:
    base = {"a": {"x": 1, "y": 2}, "b": 1}
    assert merge(base, {"a": {"y": 3}, "b": {"z": 1}}) == {"a": {"x": 1, "y": 3}, "b": {"z": 1}}
    assert base == {"a": {"x": 1, "y": 2}, "b": 1}


def test_environment_is_read_in_one_place() -> None:
    read = Environment.read({"BENCH_STORE": "/s", "BENCH_TRACKING_URI": ""})
    assert str(read.store) == "/s"
    assert read.tracking_uri is None
    assert read.data_root is None


def test_request_refuses_no_seeds() -> None:
    with pytest.raises(ConfigError, match="seeds"):
        build(RunRequest, {"method": "m", "dataset": "d", "seeds": 0}, "the request")


@pytest.mark.parametrize("other", [{"jobs": 2}, {"gpus": ("0", "1")}, {"executor": "local"}, {"executor": "slurm"}])
def test_devices_that_share_a_training_do_not_go_with_other_processes(other: dict[str, object]) -> None:
    fields = {"method": "sdm", "dataset": "phantom", "devices": 2}
    assert RunRequest.model_validate(fields).devices == 2
    with pytest.raises(ConfigError, match="--devices 2 ") as caught:
        RunRequest.model_validate({**fields, **other})
    ((option, _),) = other.items()
    assert f"--{option} " in caught.value.got

"""From lines to requests: products, defaults, and what the command line overrides."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.config.overrides import parse
from bench.errors import ConfigError
from bench.suite.expand import choose, expand
from tests.bench.suite.suites import TINY, runs_of, suite

STEPS = ("budget.unit=steps", "budget.amount=2")


def test_defaults_are_filled_in_and_settings_merged(tmp_path: Path) -> None:
    defaults = {**TINY, "seeds": 3, "downstream": ["hovernet"], "set": {"method.ratio": 0.5, "method.grid": 2}}
    (run,) = runs_of(tmp_path, {"method": "copy", "set": {"method.ratio": 1.5}}, defaults=defaults)
    assert run.label == "copy"
    request = run.request
    assert (request.dataset, request.preset, request.seeds, request.controls) == ("phantom", "tiny", 3, ())
    assert request.downstream == ("hovernet",)
    assert request.overrides == (*STEPS, "method.ratio=1.5", "method.grid=2")
    assert request.threads == 1


def test_lists_expand_to_their_product_in_order(tmp_path: Path) -> None:
    line = {
        "label": "both",
        "method": ["copy", "noise"],
        "grid": {"method.ratio": [0.5, 1], "seeds": [2]},
        "budget": [{"unit": "steps", "amount": 2}, {"unit": "epochs", "amount": 1}],
    }
    runs = runs_of(tmp_path, line)
    assert [run.label for run in runs] == [
        f"both, {method}, ratio={ratio}, {budget}"
        for method in ("copy", "noise")
        for ratio in (0.5, 1)
        for budget in ("2 steps", "1 epoch")
    ]
    last = runs[-1].request
    assert (last.method, last.seeds) == ("noise", 2)
    assert last.overrides == ("budget.unit=epochs", "budget.amount=1", "method.ratio=1")
    assert len({run.request.model_dump_json() for run in runs}) == 8


def test_ratios_are_arms_of_one_run_and_generation_seeds_may_vary(tmp_path: Path) -> None:
    defaults = {**TINY, "ratios": [0.5, 1], "generation_seeds": 2}
    runs = runs_of(
        tmp_path,
        {"method": "copy"},
        {"method": "noise", "ratios": [2], "grid": {"generation_seeds": [1, 3]}},
        defaults=defaults,
    )
    assert [(run.label, run.request.ratios, run.request.generation_seeds) for run in runs] == [
        ("copy", (0.5, 1.0), 2),
        ("noise, generation_seeds=1", (2.0,), 1),
        ("noise, generation_seeds=3", (2.0,), 3),
    ]
    with pytest.raises(ConfigError, match="cannot vary") as refused:
        runs_of(tmp_path, {"method": "copy", "grid": {"ratios": [1, 2]}})
    assert "`ratios:` itself" in refused.value.fix


def test_generator_seeds_replace_the_number_of_sets(tmp_path: Path) -> None:
    defaults = {**TINY, "generation_seeds": 2}
    lines = ({"method": "copy"}, {"method": "noise", "generator_seeds": 3}, {"grid": {"generator_seeds": [1, 4]}})
    runs = runs_of(tmp_path, *lines[:2], {"method": "gradmix", **lines[2]}, defaults=defaults)
    assert [(run.request.generation_seeds, run.request.generator_seeds) for run in runs] == [
        (2, None),
        (None, 3),
        (None, 1),
        (None, 4),
    ]
    with pytest.raises(ConfigError, match="numbers differ"):
        runs_of(tmp_path, {"method": "noise", "generation_seeds": 2, "generator_seeds": 3})


def test_folds_are_a_run_each_or_one_of_them(tmp_path: Path) -> None:
    defaults = {**TINY, "folds": 3}
    runs = runs_of(tmp_path, {"method": "copy"}, {"method": "noise", "fold": "2/5"}, defaults=defaults)
    assert [(run.label, run.request.fold) for run in runs] == [
        ("copy, fold 1/3", (1, 3)),
        ("copy, fold 2/3", (2, 3)),
        ("copy, fold 3/3", (3, 3)),
        ("noise", (2, 5)),
    ]
    varied = runs_of(tmp_path, {"method": "copy", "grid": {"fold": ["1/2", "2/2"]}}, defaults=defaults)
    assert [run.request.fold for run in varied] == [(1, 2), (2, 2)]


def test_a_protocol_is_one_run_over_its_folds(tmp_path: Path) -> None:
    defaults = {**TINY, "protocol": "2fold"}
    lines = (
        {"method": "copy"},
        {"method": "noise", "protocol": "folds/ours.csv"},
        {"method": "gradmix", "fold": "1/2"},
    )
    runs = runs_of(tmp_path, *lines, defaults=defaults)
    own = str(tmp_path / "folds" / "ours.csv")  # a file is beside the suite
    asked = [(run.label, run.request.protocol, run.request.fold) for run in runs]
    assert asked == [("copy", "2fold", None), ("noise", own, None), ("gradmix", None, (1, 2))]
    varied = runs_of(tmp_path, {"method": "copy", "grid": {"protocol": ["2fold", "sonnet-4fold"]}}, defaults=defaults)
    assert [(run.label, run.request.protocol) for run in varied] == [
        ("copy, 2fold", "2fold"),
        ("copy, sonnet-4fold", "sonnet-4fold"),
    ]


@pytest.mark.parametrize("value", [1e-6, True, None, "a: b", [1, 2], {"a": [1.5, "x"]}, "1e-6", "yes", "5"])
def test_settings_survive_as_they_were_written(tmp_path: Path, value: object) -> None:
    (run,) = runs_of(tmp_path, {"method": "copy", "set": {"method.thing.part": value}})
    assert parse(run.request.overrides).method == {"thing": {"part": value}}


def test_a_list_below_set_is_a_value(tmp_path: Path) -> None:
    arms = [{"rule": "random", "ratio": 0.5}]
    (run,) = runs_of(tmp_path, {"method": "copy", "set": {"method.selection": arms}})
    assert parse(run.request.overrides).method == {"selection": arms}


def test_the_command_line_overrides_the_file(tmp_path: Path) -> None:
    line = {"method": "copy", "set": {"method.ratio": 0.5}}
    budgets = [{"unit": "steps", "amount": 2}, {"unit": "epochs", "amount": 1}]
    defaults = {**TINY, "seeds": 3, "budget": budgets, "encoders": ["inception"]}
    found = suite(tmp_path, line, defaults=defaults)
    (run,) = expand(found, {}, preset="smoke", seeds=1, overrides=["method.ratio=2"])
    assert (run.label, run.request.preset, run.request.seeds) == ("copy", "smoke", 1)
    # a budget and encoders belong to the preset that they were written for
    assert run.request.overrides == ("method.ratio=0.5", "method.ratio=2")
    assert parse(run.request.overrides).method == {"ratio": 2}
    same = expand(found, {}, preset="tiny")
    assert [run.label for run in same] == ["copy, 2 steps", "copy, 1 epoch"]
    assert same[0].request.overrides[0] == "encoders=[inception]"


def test_a_budget_that_is_the_presets_own_changes_no_label(tmp_path: Path) -> None:
    own = {"unit": "steps", "amount": 8}
    (run,) = runs_of(tmp_path, {"method": "copy", "budget": own})
    assert run.request.overrides == ()


def test_cards_lie_beside_the_suite(tmp_path: Path) -> None:
    line = {"method": "copy", "dataset": "cards/a.yaml", "pool_dataset": "/far/b.yaml", "text_dataset": "pathcap"}
    (run,) = runs_of(tmp_path, line)
    assert run.request.dataset == str(tmp_path / "cards/a.yaml")
    assert run.request.data == {"pool": "/far/b.yaml", "text": "pathcap"}


def test_roles_are_merged_and_may_vary(tmp_path: Path) -> None:
    line = {"method": "copy", "grid": {"pool_dataset": ["a", "b"], "data.text": ["c"]}, "set": {"patch": 96}}
    defaults = {"dataset": "phantom", "data": {"text": "pathcap", "atlas": "mine"}}
    runs = runs_of(tmp_path, line, defaults={**TINY, **defaults})
    assert [run.request.data for run in runs] == [{"text": "c", "atlas": "mine", "pool": name} for name in "ab"]
    assert all(run.request.overrides == (*STEPS, "patch=96") for run in runs)


def test_a_role_has_one_dataset(tmp_path: Path) -> None:
    line = {"method": "copy", "dataset": "phantom", "data": {"text": "a"}, "text_dataset": "b"}
    with pytest.raises(ConfigError, match="Two datasets are given for the role 'text'") as caught:
        runs_of(tmp_path, line)
    assert caught.value.got == "a and b"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([{"method": "copy"}, {"method": "copy"}], "'copy' 2 times"),
        ([{"method": "copy", "grid": {"controls": [1]}}], "controls"),
        ([{"method": "copy", "grid": {"budget": [1]}}], "budget"),
        ([{"method": "copy", "grid": {"seeds": [0]}}], "0"),
    ],
)
def test_what_cannot_be_told_apart_or_does_not_fit_is_refused(tmp_path: Path, lines, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        runs_of(tmp_path, *lines)
    assert said in raised.value.got


def test_a_run_needs_a_dataset(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="dataset for run 1"):
        runs_of(tmp_path, {"method": "copy"}, defaults={})


def test_runs_are_chosen_by_their_labels(tmp_path: Path) -> None:
    runs = runs_of(tmp_path, {"method": ["copy", "noise", "classic"]})

    def labels(only: tuple[str, ...], skip: tuple[str, ...]) -> list[str]:
        return [run.label for run in choose(runs, only, skip)]

    assert labels((), ()) == ["copy", "noise", "classic"]
    assert labels(("c*",), ()) == ["copy", "classic"]
    assert labels(("c*", "noise"), ("copy",)) == ["noise", "classic"]
    with pytest.raises(ConfigError) as raised:
        labels(("sdm*",), ())
    assert "copy; noise; classic" in raised.value.fix
    with pytest.raises(ConfigError, match="leave no run"):
        labels(("copy",), ("c*",))


def test_yaml_reads_folds_as_text() -> None:
    assert yaml.safe_load("fold: 1/5") == {"fold": "1/5"}

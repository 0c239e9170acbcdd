"""The expansion of a suite into requests."""

from __future__ import annotations

import fnmatch
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from bench.config import BudgetSettings, RunRequest, load_preset
from bench.config.request import SHARED_ROLES
from bench.config.validate import build
from bench.datasets.card import is_path, load_card
from bench.datasets.splits.id_division import is_division_file
from bench.errors import ConfigError
from bench.suite.file import Entry, Suite, Values

# Keys with a single value per line of `runs`, so that `grid` may vary them.
_SINGLE = ("dataset", "preset", "seeds", "generation_seeds", "generator_seeds", "fold", "protocol")
# Other names of a role of data.
_ROLES = {f"{role}_dataset": f"data.{role}" for role in SHARED_ROLES}
# Of keys that are alike, a line of `runs` that gives one replaces all of the defaults'.
_ALIKE = (("fold", "folds", "protocol"), ("generation_seeds", "generator_seeds"))
_FROM_DEFAULTS = (*_SINGLE, "folds", "ratios", "budget", "controls", "downstream", "encoders", "evaluations")


class SuiteRun(NamedTuple):
    """One run of a suite."""

    label: str
    request: RunRequest


class _Point(NamedTuple):
    """One point of a line's product: what differs from the line, and the words that distinguish its label."""

    method: str | None
    fold: str | None
    budget: BudgetSettings | None
    varied: Mapping[str, Any]
    words: Sequence[str]


def expand(
    suite: Suite,
    given: Mapping[str, Any],
    *,
    preset: str | None = None,
    seeds: int | None = None,
    overrides: Sequence[str] = (),
) -> list[SuiteRun]:
    """Return a suite's runs in the order of the file; the last key of a line's product varies fastest.

    A file's budgets and encoders belong to its preset: another `preset` uses its own instead.

    Args:
        suite: what to expand.
        given: fields of every request that are not in the file: store, device, threads, ...
        preset: the preset of every run, instead of the file's.
        seeds: the number of replicates of every run, instead of the file's.
        overrides: more `--set` items for every run, which win over the file's.

    Raises:
        ConfigError: a value is not valid, a run has no dataset, or two runs have the same label.
    """
    runs = []
    for number, line in enumerate(suite.file.runs, 1):
        where = f"run {number} of {suite.path}"
        entry = _completed(line, suite.file.defaults)
        for point in _points(entry, where, preset):
            fields = {**given, **_fields(entry, point, suite.path.parent), "method": point.method}
            fields |= {} if preset is None else {"preset": preset}
            fields |= {} if seeds is None else {"seeds": seeds}
            fields = {name: value for name, value in fields.items() if value is not None}
            if "dataset" not in fields:
                fix = "add `dataset: phantom` to the run, or to the suite's `defaults`"
                raise ConfigError(f"There is no dataset for {where}", got="no `dataset`", fix=fix)
            keeps = preset is None or preset == (point.varied.get("preset") or entry.preset)
            fields["overrides"] = (*_settings(entry, point, keeps, _own_budget(fields)), *overrides)
            label = ", ".join([entry.label or point.method or str(entry.synthetic), *point.words])
            runs.append(SuiteRun(label, build(RunRequest, fields, where)))
    _check_labels(runs, suite.path)
    return runs


def choose(runs: Sequence[SuiteRun], only: Sequence[str], skip: Sequence[str]) -> list[SuiteRun]:
    """Return the runs whose label matches a pattern of `only` (all runs if there are none) and no pattern of `skip`.

    Raises:
        ConfigError: a pattern matches no label, or no run is left.
    """
    labels = [run.label for run in runs]
    for pattern in (*only, *skip):
        if not fnmatch.filter(labels, pattern):
            fix = f"use * for any text; the labels are: {'; '.join(labels)}"
            raise ConfigError("A pattern matches no label of a run", got=repr(pattern), fix=fix)

    def fits(label: str, patterns: Sequence[str]) -> bool:
        return any(fnmatch.fnmatch(label, pattern) for pattern in patterns)

    left = [run for run in runs if (not only or fits(run.label, only)) and not fits(run.label, skip)]
    if not left:
        raise ConfigError(
            "--only and --skip leave no run", got=f"none of {len(runs)} runs", fix="leave out --only or --skip"
        )
    return left


def _completed(entry: Entry, defaults: Values) -> Entry:
    """Return a line completed with the file's defaults; settings are merged key by key."""
    filled = {name: getattr(defaults, name) for name in _FROM_DEFAULTS if getattr(entry, name) is None}
    for alike in _ALIKE:
        if any(getattr(entry, name) is not None or name in entry.grid for name in alike):
            filled = {name: value for name, value in filled.items() if name not in alike}
    merged = {"set": {**defaults.set, **entry.set}, "data": {**defaults.data, **entry.data}}
    return entry.model_copy(update={**filled, **merged})


def _points(entry: Entry, where: str, preset: str | None) -> Iterator[_Point]:
    """Yield the product of methods, folds, budgets and the grid."""
    keeps = preset is None or preset == entry.preset
    folds = [None] if entry.folds is None else [f"{k}/{entry.folds}" for k in range(1, entry.folds + 1)]
    budgets: Sequence[BudgetSettings | None] = (entry.budgets if keeps else ()) or (None,)
    for key in entry.grid:
        if key in (*Entry.model_fields, *Values.model_fields) and key not in _SINGLE:
            fix = (
                f"write the list as `{key}:` itself"
                if key in ("method", "budget", "ratios")
                else f"use {', '.join(_SINGLE)}"
            )
            raise ConfigError(f"`grid` in {where} has a key that it cannot vary", got=key, fix=fix)
    for method in entry.methods:
        for values in itertools.product(*entry.grid.values()):
            for fold, budget in itertools.product(folds, budgets):
                varied = dict(zip(entry.grid, values, strict=True))
                words = [method] if entry.label and method and len(entry.methods) > 1 else []
                words += [_word(key, value) for key, value in varied.items() if len(entry.grid[key]) > 1]
                words += [] if fold is None else [f"fold {fold}"]
                words += [_length(budget)] if budget is not None and len(budgets) > 1 else []
                yield _Point(method, fold, budget, varied, words)


def _fields(entry: Entry, point: _Point, folder: Path) -> dict[str, Any]:
    """Return the fields of a request except settings; relative paths of cards start from the suite's folder."""
    values = {name: point.varied.get(name, getattr(entry, name)) for name in _SINGLE}
    varied = {role.removeprefix("data."): name for role, name in _roles(point.varied).items()}
    values["dataset"] = _beside(values["dataset"], folder)
    values["protocol"] = _file_beside(values["protocol"], folder)
    values["data"] = {role: _beside(name, folder) for role, name in {**entry.data, **varied}.items()}
    fold = point.fold or values["fold"]
    values["fold"] = None if fold is None else tuple(str(fold).split("/"))
    values |= {"synthetic": entry.synthetic, "controls": entry.controls, "downstream": entry.downstream}
    return {**values, "ratios": entry.ratios}


def _roles(varied: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a grid that name the dataset of a role, as `data.<role>`."""
    named = {_ROLES.get(key, key): value for key, value in varied.items()}
    return {key: value for key, value in named.items() if key.startswith("data.")}


def _beside(name: Any, folder: Path) -> Any:
    """Return a dataset's name; the path of a card is relative to the suite's folder."""
    return str(folder / Path(name).expanduser()) if isinstance(name, str) and is_path(name) else name


def _file_beside(name: Any, folder: Path) -> Any:
    """Return a protocol's name; the path of a division is relative to the suite's folder."""
    return str(folder / Path(name).expanduser()) if isinstance(name, str) and is_division_file(name) else name


def _settings(entry: Entry, point: _Point, keeps: bool, own: BudgetSettings | None) -> tuple[str, ...]:
    """Return the `--set` items of a run; the preset's own budget is left out."""
    settings: dict[str, Any] = {}
    if entry.encoders is not None and keeps:
        settings["encoders"] = list(entry.encoders)
    if entry.evaluations is not None:
        settings["evaluations"] = list(entry.evaluations)
    if point.budget is not None and point.budget != own:
        settings |= {"budget.unit": point.budget.unit, "budget.amount": point.budget.amount}
    settings |= entry.set
    roles = [key for key in point.varied if _ROLES.get(key, key).startswith("data.")]
    settings |= {key: value for key, value in point.varied.items() if key not in (*_SINGLE, *roles)}
    return tuple(f"{key}={_text(value)}" for key, value in settings.items())


def _own_budget(fields: Mapping[str, Any]) -> BudgetSettings | None:
    """Return the budget of a run's preset, or None if it has no preset or one that is not valid (reported later)."""
    try:
        task = load_card(fields["dataset"]).task
        return load_preset(fields["preset"], task=task).budget if fields.get("preset") else None
    except ConfigError:
        return None


def _text(value: Any) -> str:
    """Return a value as one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _word(key: str, value: Any) -> str:
    return str(value) if key in ("dataset", "preset", "protocol") else f"{key.removeprefix('method.')}={_text(value)}"


def _length(budget: BudgetSettings) -> str:
    return f"{budget.amount} {budget.unit if budget.amount > 1 else budget.unit.removesuffix('s')}"


def _check_labels(runs: Sequence[SuiteRun], path: Path) -> None:
    label, n = Counter(run.label for run in runs).most_common(1)[0]
    if n > 1:
        fix = "give each run its own `label`"
        raise ConfigError(f"Two runs in {path} have the same label", got=f"{label!r} {n} times", fix=fix)

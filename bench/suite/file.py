"""Suite files: their contents, and where they are found."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from pydantic import Field, model_validator

from bench.config import BudgetSettings, RunRequest
from bench.config.files import folder, read_yaml
from bench.config.lines import Lines
from bench.config.request import gather_roles
from bench.config.validate import build, join_errors
from bench.contract import Settings
from bench.errors import ConfigError
from bench.paths import is_file
from bench.registry import unknown
from bench.suite.published import check_stand_ins, find_published

if TYPE_CHECKING:
    from reports.published.layout import PublishedTable

Made = TypeVar("Made", bound=Settings)


class Published(Settings):
    """The published table that a suite repeats, and the datasets and metrics that stand for the paper's, by its names.

    A metric is named as in the layout's `metrics`, e.g. `clip_fid: fd@random-convnet`.
    """

    layout: str
    stand_in: Mapping[str, str] = {}


class Values(Settings):
    """The settings of a run except its method; a run's own values win over the file's `defaults`.

    `folds: K` makes K runs, one per fold; `fold: k/K` is one of them. `protocol` is one run over all of its folds.
    Each budget makes a run; `ratios` are arms of one run, whose sets are parts of one set. `data` names the datasets of
    other roles; `text_dataset` and `pool_dataset` stand for its roles "text" and "pool". `set` holds what `--set`
    takes: `method.<key>`, `downstream.<key>`, or a key of the preset.
    """

    dataset: str | None = None
    data: Mapping[str, str] = {}
    preset: str | None = None
    seeds: int | None = Field(default=None, ge=1)
    generation_seeds: int | None = Field(default=None, ge=1)
    generator_seeds: int | None = Field(default=None, ge=1)
    ratios: tuple[float, ...] | None = None
    fold: str | None = Field(default=None, pattern=r"^[1-9][0-9]*/[1-9][0-9]*$")
    folds: int | None = Field(default=None, ge=2)
    protocol: str | None = None
    budget: tuple[BudgetSettings, ...] | BudgetSettings | None = None
    controls: tuple[str, ...] | None = None
    downstream: tuple[str, ...] | None = None
    encoders: tuple[str, ...] | None = None
    evaluations: tuple[str, ...] | None = None
    set: Mapping[str, Any] = {}

    @property
    def budgets(self) -> tuple[BudgetSettings, ...]:
        """The budgets; empty for the preset's."""
        if self.budget is None:
            return ()
        return (self.budget,) if isinstance(self.budget, BudgetSettings) else self.budget

    @model_validator(mode="before")
    @classmethod
    def _one_way(cls, values: Any) -> Any:
        return gather_roles(values)

    @model_validator(mode="after")
    def _one_kind_of_fold(self) -> Self:
        if self.fold is not None and self.folds is not None:
            raise ValueError("give `fold: k/K` for one fold or `folds: K` for all of them")
        if self.protocol is not None and (self.fold is not None or self.folds is not None):
            raise ValueError("give `protocol`, which has all of its folds, or `fold` or `folds`")
        return self


class Entry(Values):
    """One line of `runs`: a run, or a grid of them.

    Several methods, and every list below `grid`, expand to their product. A key of `grid` is one of the values above
    that has a single value (`dataset`, `fold`, `seeds`, ...) or a setting, as in `set`.
    """

    label: str | None = None
    method: str | tuple[str, ...] | None = None
    synthetic: str | None = None
    grid: Mapping[str, tuple[Any, ...]] = {}

    @property
    def methods(self) -> tuple[str | None, ...]:
        """The methods; None for a synthetic set that exists."""
        return self.method if isinstance(self.method, tuple) else (self.method,)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.method is None) == (self.synthetic is None) or self.method == ():
            raise ValueError("give exactly one of `method` and `synthetic`")
        if empty := [key for key, values in self.grid.items() if not values]:
            raise ValueError(f"`grid` needs at least one value of {empty[0]!r}")
        return self


class SuiteFile(Settings):
    """A suite: its runs, and what they share."""

    name: str
    title: str
    published: Published | None = None
    defaults: Values = Values()
    runs: tuple[Entry, ...] = Field(min_length=1)


class Suite(NamedTuple):
    """A suite and the path of its file."""

    file: SuiteFile
    path: Path


def suite_names() -> tuple[str, ...]:
    """Return the names of the suites that ship, sorted."""
    return tuple(sorted(path.stem for path in (folder() / "suites").glob("*.yaml")))


def find_suite(name: str) -> Suite:
    """Return a suite: one that ships, by its name, or any file, by its path.

    Raises:
        ConfigError: there is no such suite (the nearest name is suggested), or its file is not valid.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name or "\\" in name:
        path = Path(name).expanduser()
        if not is_file(path):
            fix = f"give the path of a suite file or one of these names: {', '.join(suite_names())}"
            raise ConfigError("The suite file does not exist", got=f"no file at {path}", fix=fix)
        return read_suite(path)
    if name not in suite_names():
        raise unknown("suite", name, suite_names())
    return read_suite(folder() / "suites" / f"{name}.yaml")


def read_suite(path: Path) -> Suite:
    """Return the suite of a file; `name` defaults to the file's stem.

    Raises:
        ConfigError: the file cannot be read, or a key or value is not valid.
    """
    values = {"name": path.stem, **read_yaml(path)}
    listed = values.get("runs")
    if not isinstance(listed, list) or not listed:
        what = f"{path} has no list `runs`"
        raise ConfigError(what, got=repr(listed), fix="for example `runs: [{method: copy}]`")
    wrong: list[ConfigError] = []

    def made(model: type[Made], of: Any, where: str, *below: str | int) -> Made | None:
        try:
            return build(model, _mapping(of, path), where, Lines(path, below))
        except ConfigError as error:
            wrong.append(error)
            return None

    parts: dict[str, Any] = {
        "defaults": made(Values, values.get("defaults") or {}, f"`defaults` of {path}", "defaults"),
        "runs": [made(Entry, one, f"run {n} of {path}", "runs", n - 1) for n, one in enumerate(listed, 1)],
    }
    # what is wrong with the parts is known: nothing stands for those that are
    stands = {"defaults": parts["defaults"] or Values(), "runs": [one or Entry(method="copy") for one in parts["runs"]]}
    file = made(SuiteFile, {**values, **stands}, f"the suite {path}")
    if wrong or file is None:
        raise join_errors(wrong, f"the suite {path}")
    suite = Suite(file, path)
    published_table(suite)
    return suite


def suite_of(request: RunRequest) -> Suite:
    """Return the suite of one run."""
    entry = Entry(method=request.method, synthetic=request.synthetic)
    name = str(request.method or request.synthetic)
    return Suite(SuiteFile(name=name, title=f"{name} on {request.dataset}", runs=(entry,)), Path())


def published_table(suite: Suite) -> PublishedTable | None:
    """Return the published table that a suite repeats, next to the suite or in `configs/published`; None if none.

    Raises:
        ConfigError: there is no such table, or a dataset stands for one that it does not have.
    """
    if suite.file.published is None:
        return None
    table = find_published(suite.file.published.layout, suite.path.parent)
    check_stand_ins(table, suite.file.published.stand_in)
    return table


def _mapping(value: Any, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"`defaults` or an entry of `runs` in {path} is not a mapping", got=repr(value))
    return value

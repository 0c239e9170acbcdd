"""The pages on which MLflow opens an experiment: which columns its lists have, and which charts compare runs.

MLflow keeps a view under a tag of the experiment, `mlflow.sharedViewState.<id>`, and opens it by `viewStateShareKey` in
the address. The tags of other views are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

RUNS, COMPARE, ARMS = "bench-runs", "bench-compare", "bench-arms"
TAG = "mlflow.sharedViewState."
_TITLES = {RUNS: "Runs", COMPARE: "Compare runs", ARMS: "Arms of all runs, with controls"}
_FIRST = ("attributes.`Run Name`", "attributes.`Created`")
_WIDTHS = {"tags.`bench.verdict`": 200, "attributes.`Duration`": 90, "attributes.`Dataset`": 280}
_AXES = 7
"""The most axes of the parallel coordinates: more cannot be read."""
_LEVEL = "tags.`bench.level` = "


def experiment_tags(dataset: str, headline: Sequence[str], primary: str, time: int) -> dict[str, str]:
    """Return the tags of a dataset's experiment: what it is, its kind, and its views.

    Args:
        dataset: name of the dataset.
        headline: names of the metrics in the order of columns.
        primary: the metric that runs are sorted and compared by first; may be empty.
        time: milliseconds since 1970, when the views were made.
    """
    ordered = list(dict.fromkeys([*([primary, f"{primary} difference"] if primary else []), *headline]))
    shown = [name for name in ordered if name in headline]
    verdict, duration, data = "tags.`bench.verdict`", "attributes.`Duration`", "attributes.`Dataset`"
    metrics = [f"metrics.`{name}`" for name in shown]
    states = {
        RUNS: _state("", "attributes.start_time", [duration, verdict, *metrics, data], shown),
        COMPARE: _state(f"{_LEVEL}'run'", "attributes.start_time", [verdict, *metrics], shown),
        ARMS: _state(f"{_LEVEL}'arm'", f"metrics.`{primary}`" if primary else "attributes.start_time", metrics, shown),
    }
    views = {TAG + name: _envelope(_TITLES[name], state, time) for name, state in states.items()}
    kind = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": _note(dataset)}
    return {**kind, **views}


def address(base: str, experiment: str, view: str) -> str:
    """Return the address of one of the views of an experiment."""
    mode = "CHART" if view == COMPARE else "TABLE"
    query = f"viewStateShareKey={view}&compareRunsMode={mode}&workflowType=machine_learning"
    return f"{base}/#/experiments/{experiment}/runs?{query}"


def _envelope(name: str, state: dict[str, Any], time: int) -> str:
    return json.dumps({"name": name, "createdAt": time, "updatedAt": time, "state": json.dumps(state)})


def _state(filter: str, order: str, columns: Sequence[str], metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "searchFilter": filter,
        "orderByKey": order,
        "orderByAsc": False,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "modelVersionFilter": "All Runs",
        "datasetsFilter": [],
        "selectedColumns": list(columns),
        "columnOrder": [*_FIRST, *columns],
        "columnWidths": {column: _WIDTHS.get(column, max(90, 9 * len(column) - 60)) for column in columns},
        "compareRunCharts": list(_charts(metrics)),
        "compareRunSections": [
            {"uuid": "together", "name": "Fidelity, faithfulness and utility together", **_SECTION, "columns": 1},
            {"uuid": "single", "name": "One by one", **_SECTION, "columns": 3},
        ],
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
        "groupBy": None,
    }


_SECTION = {"display": True, "isReordered": False, "deleted": False, "isGenerated": False, "cardHeight": 360}


def _charts(metrics: Sequence[str]) -> Iterator[dict[str, Any]]:
    common = {"deleted": False, "isGenerated": False, "runsCountToCompare": 50}
    together = {"selectedParams": [], "selectedMetrics": list(metrics[:_AXES]), "showAllRuns": True}
    yield {**common, "uuid": "parallel", "type": "PARALLEL", "metricSectionId": "together", **together}
    for name in metrics:
        yield {**common, "uuid": f"bar {name}", "type": "BAR", "metricSectionId": "single", "metricKey": name}


def _note(dataset: str) -> str:
    return (
        f"Runs of `bench` on **{dataset}**: does synthetic data help? Every run has child runs for its arms, with the "
        "controls, and below them for folds and seeds. Saved views: *Runs*, *Compare runs* (parallel coordinates and "
        "bars) and *Arms of all runs*. Intervals are in each run's tables, `leaderboard.html` and `numbers.json`."
    )

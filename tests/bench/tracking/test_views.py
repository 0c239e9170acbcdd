"""The views in which MLflow opens an experiment, and the page that sets its first settings."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from bench.tracking.app import FIRST, _WithScript
from bench.tracking.views import ARMS, COMPARE, RUNS, TAG, address, experiment_tags

HEADLINE = ("kd_test:x", "fs1", "pq", "pq difference")


def state(view: str) -> dict[str, Any]:
    envelope = json.loads(experiment_tags("phantom", HEADLINE, "pq", 5)[TAG + view])
    assert (envelope["createdAt"], isinstance(envelope["name"], str)) == (5, True)
    found: dict[str, Any] = json.loads(envelope["state"])
    return found


def test_the_list_of_runs_shows_the_tested_metric_first_and_keeps_runs_nested() -> None:
    runs = state(RUNS)
    metrics = [column for column in runs["selectedColumns"] if column.startswith("metrics")]
    assert metrics == ["metrics.`pq`", "metrics.`pq difference`", "metrics.`kd_test:x`", "metrics.`fs1`"]
    # MLflow shows children below their parents only in an unfiltered list in the order of time
    assert (runs["searchFilter"], runs["orderByKey"]) == ("", "attributes.start_time")


def test_the_comparison_has_parallel_coordinates_and_a_bar_for_each_metric() -> None:
    compare = state(COMPARE)
    assert compare["searchFilter"] == "tags.`bench.level` = 'run'"
    parallel, *bars = compare["compareRunCharts"]
    assert parallel["selectedMetrics"] == ["pq", "pq difference", "kd_test:x", "fs1"]
    assert [card["metricKey"] for card in bars] == parallel["selectedMetrics"]
    sections = {section["uuid"] for section in compare["compareRunSections"]}
    assert {card["metricSectionId"] for card in compare["compareRunCharts"]} == sections
    assert state(ARMS)["orderByKey"] == "metrics.`pq`"
    assert "compareRunsMode=CHART" in address("http://host", "3", COMPARE)


def test_tags_fit_what_mlflow_keeps() -> None:
    many = tuple(f"metric number {number}" for number in range(16))
    assert max(map(len, experiment_tags("phantom", many, many[0], 5).values())) < 20_000


def test_a_page_gets_the_script_and_its_new_length() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def answer() -> None:
        page = _WithScript(send)
        await page(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"26"), (b"a", b"b")]}
        )
        await page({"type": "http.response.body", "body": b"<html><head>", "more_body": True})
        await page({"type": "http.response.body", "body": b"</head></html>"})

    asyncio.run(answer())
    start, body = sent
    assert body["body"].startswith(b"<html><head><script>")
    assert body["body"].endswith(b"</script></head></html>")
    assert start["headers"] == [(b"a", b"b"), (b"content-length", str(len(body["body"])).encode())]
    assert all(key.encode() in body["body"] for key in FIRST)

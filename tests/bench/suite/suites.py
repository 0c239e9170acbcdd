"""Suites of a test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from bench.suite.expand import SuiteRun, expand
from bench.suite.file import Suite, read_suite

TINY = {"dataset": "phantom", "preset": "tiny", "controls": [], "budget": {"unit": "steps", "amount": 2}}


def write(folder: Path, *runs: dict[str, Any], defaults: dict[str, Any] | None = None, **more: Any) -> Path:
    path = folder / "mine.yaml"
    document = {"title": "Mine", "defaults": TINY if defaults is None else defaults, "runs": list(runs), **more}
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


def suite(folder: Path, *runs: dict[str, Any], **more: Any) -> Suite:
    return read_suite(write(folder, *runs, **more))


def runs_of(folder: Path, *runs: dict[str, Any], store: Path | None = None, **more: Any) -> list[SuiteRun]:
    given = {"threads": 1, "tracking": False, "store": store or folder / "store"}
    return expand(suite(folder, *runs, **more), given)

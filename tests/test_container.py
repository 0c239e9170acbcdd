"""The definition of the container: it takes every package of ours with it, and files that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.imports import PACKAGES

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "examples" / "apptainer" / "augbench.def").read_text(encoding="utf-8")


def section(name: str) -> str:
    found = re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_it_takes_everything_that_an_installation_needs() -> None:
    copied = dict(line.split() for line in section("files").splitlines() if line.strip())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(copied) == {*PACKAGES, "pyproject.toml", "constraints.txt", project["readme"], *project["license-files"]}
    for source, target in copied.items():
        assert (ROOT / source).exists()
        assert target == f"/opt/augbench/{source}"


def test_it_installs_an_extra_that_exists() -> None:
    extras = re.search(r"/opt/augbench\[(\w+)\]", section("post"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extras is not None
    assert extras[1] in project["optional-dependencies"]
    version = re.search(r"python:(\d+\.\d+)", TEXT)
    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]

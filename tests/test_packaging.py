"""What is installed: every package and data file of ours, nothing else, in versions that were tested."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.imports import PACKAGES, imports, modules

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, SETUPTOOLS = PYPROJECT["project"], PYPROJECT["tool"]["setuptools"]
# The extra `all` only names others; `dev` and `parity` are for tests.
EXTRAS = {name: texts for name, texts in PROJECT["optional-dependencies"].items() if name != "all"}
RUNTIME = {name: texts for name, texts in EXTRAS.items() if name not in ("dev", "parity")}


def tracked() -> list[Path]:
    """List the files of our packages as git knows them, without what runs leave behind."""
    try:
        listing = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return [Path(line) for line in listing.stdout.splitlines() if (ROOT / line).exists()]


def test_every_package_is_listed() -> None:
    folders = {name for name, path in modules(ROOT).items() if path.name == "__init__.py"}
    assert sorted(SETUPTOOLS["packages"]) == sorted(folders)


def test_every_module_lies_in_a_package() -> None:
    folders = {".".join(path.parent.parts) for path in tracked() if path.suffix == ".py"}
    assert folders <= set(SETUPTOOLS["packages"])


def test_every_data_file_is_installed() -> None:
    globs = [f"{package}/{glob}" for package, names in SETUPTOOLS["package-data"].items() for glob in names]
    # fnmatch's star crosses slashes as setuptools' double star does
    patterns = [glob.replace("**/", "*") for glob in globs]
    missing = [path for path in tracked() if path.suffix != ".py" and not any(fnmatch(str(path), p) for p in patterns)]
    assert missing == []


def test_every_dependency_is_pinned_within_its_range() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9_.!+-]+", line)] == []
    pins = {canonicalize_name(name): version for name, version in (line.split("==") for line in lines)}
    for text in (*PROJECT["dependencies"], *(text for extra in EXTRAS.values() for text in extra)):
        wanted = Requirement(text)
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), text


def imported_by_us() -> set[str]:
    """Return the top-level packages of others that our source imports."""
    found = {entry.target.partition(".")[0] for entry in imports(ROOT)}
    return found - set(PACKAGES) - sys.stdlib_module_names


def import_names(texts: list[str]) -> set[str]:
    """Return what the distributions of some requirements are imported as."""
    wanted = {canonicalize_name(Requirement(text).name) for text in texts}
    return {package for package, names in homes().items() if wanted & {canonicalize_name(name) for name in names}}


homes = cache(packages_distributions)


def test_what_is_declared_is_imported_and_the_reverse() -> None:
    ours = imported_by_us()
    declared = [*PROJECT["dependencies"], *(text for texts in RUNTIME.values() for text in texts)]
    for text in declared:
        assert import_names([text]) & ours, f"{text} is imported nowhere"
    assert ours <= import_names(declared)


def test_the_error_about_an_extra_knows_its_packages() -> None:
    from bench import extras

    ours = imported_by_us()
    assert {name: set(packages) for name, packages in extras.EXTRAS.items()} == {
        name: import_names(texts) & ours for name, texts in RUNTIME.items()
    }


def test_version_is_said_once() -> None:
    import bench

    assert bench.__version__ == PROJECT["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(PROJECT['version'])}\]", changelog, re.MULTILINE)

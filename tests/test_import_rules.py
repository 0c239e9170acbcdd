"""Who may import what: the table and the floors of the architecture, walked over the source."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.imports import PACKAGES, Import, imports, modules

ROOT = Path(__file__).resolve().parent.parent
GROUND = (
    "bench.atomic",
    "bench.context",
    "bench.contract",
    "bench.errors",
    "bench.harmless",
    "bench.plugin_version",
    "bench.weight_cards",
    "bench.weights",
)
WORKBENCH = (*GROUND, "bench.imageio", "bench.track", "bench.training")
NUMERICS = frozenset({"jaxtyping", "numpy", "scipy", "skimage", "sklearn", "torch", "torchmetrics", "torchvision"})
ENCODERS = frozenset(
    {"PIL", "cleanfid", "huggingface_hub", "open_clip", "pydantic", "safetensors", "timm", "transformers", "yaml"}
)
VIEWS = frozenset(
    {
        "PIL",
        "great_tables",
        "jaxtyping",
        "jinja2",
        "markupsafe",
        "matplotlib",
        "numpy",
        "pandas",
        "pyarrow",
        "rich",
    }
)
ORCHESTRATION = frozenset({"mlflow", "ray"})
# The parts of `bench`, top floor first. A part imports lower floors alone: none above, and none beside it.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("suite",),
    ("run", "scoring"),
    ("evaluation",),
    ("stages",),
    ("plan", "export", "importing"),
    ("fetching",),  # archives of datasets by their cards; a run fetches what a plan lacks
    ("datasets", "tracking"),
    ("engine", "formats", "config", "results", "training"),
    ("registry", "synthetic", "track"),
    ("contract", "extras", "imageio", "sibling_packages"),
    ("digest",),
    (
        "atomic",
        "context",
        "errors",
        "harmless",
        "paths",
        "plugin_version",
        "redact",
        "samples",
        "weight_cards",
        "weights",
    ),
)
FLOOR = {f"bench.{part}": number for number, floor in enumerate(FLOORS) for part in floor}


class Rule(NamedTuple):
    """What a package may import: of ours at once, of ours inside functions only, of others (None: anything)."""

    ours: tuple[str, ...]
    deferred: tuple[str, ...] = ()
    others: frozenset[str] | None = None
    never: frozenset[str] = frozenset()


# The longest name that a module lies under decides.
RULES = {
    "bench": Rule(("bench",), deferred=("metrics", "reports")),
    "bench.contract": Rule((*GROUND, "bench.samples"), others=frozenset({"jaxtyping", "numpy", "pydantic"})),
    "bench.atomic": Rule((), others=frozenset()),
    "bench.context": Rule((), others=frozenset({"numpy"})),
    "bench.errors": Rule((), others=frozenset()),
    "bench.harmless": Rule((), others=frozenset()),
    "bench.plugin_version": Rule((), others=frozenset()),
    "bench.redact": Rule((), others=frozenset()),
    "bench.samples": Rule((), others=frozenset({"jaxtyping", "numpy"})),
    "bench.weights": Rule((), others=frozenset()),
    "bench.weight_cards": Rule((), others=frozenset({"pydantic", "yaml"})),
    "bench.track": Rule(("bench.contract",), others=frozenset()),
    "configs": Rule((), others=frozenset()),
    "downstream": Rule((*WORKBENCH, "downstream", "metrics"), never=ORCHESTRATION),
    "methods": Rule((*WORKBENCH, "methods", "metrics.perceptual", "metrics.perceptual_weights"), never=ORCHESTRATION),
    # an encoder plugin that a run trains: it lies beside its training, and is an encoder by its base class
    "methods.text.encoder": Rule((*WORKBENCH, "methods", "metrics.encoders"), never=ORCHESTRATION),
    "metrics": Rule(("metrics", "bench.errors", "bench.weight_cards", "bench.weights"), others=NUMERICS | ENCODERS),
    "reports": Rule(
        (
            *GROUND,
            "bench.imageio",
            "bench.results.artefacts",
            "bench.results.document",
            "bench.results.evidence",
            "bench.results.leaks",
            "bench.results.table",
            "bench.synthetic",
            "metrics.agreement",
            "metrics.false_claim",
            "metrics.groups",
            "metrics.planning",
            "metrics.power",
            "metrics.proportion",
            "metrics.raters",
            "metrics.readers",
            "metrics.table",
            "metrics.uncertainty",
            "metrics.verdicts",
            "reports",
        ),
        others=VIEWS,
    ),
}


def plugin_modules(root: Path) -> set[str]:
    """Return the modules that entry points name."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {value.partition(":")[0] for group in project["entry-points"].values() for value in group.values()}


def violations(root: Path, plugins: set[str]) -> Iterator[str]:
    """Yield one line for every import that the table forbids."""
    found = imports(root)
    for entry in found:
        reason = _reason(entry, plugins)
        if reason:
            yield f"{entry.importer}, line {entry.line}: {entry.target} {reason}"
    circle = circle_among(found)
    if circle:
        yield f"modules import in a circle: {' -> '.join(circle)}"


def _reason(entry: Import, plugins: set[str]) -> str | None:
    rule = RULES[max((name for name in RULES if _under(entry.importer, (name,))), key=len)]
    top = entry.target.partition(".")[0]
    if top in PACKAGES:
        if _under(entry.target, rule.deferred):
            return None if entry.deferred else "may be imported inside functions only"
        if not _under(entry.target, rule.ours):
            return "is out of bounds"
        if not _downwards(entry):
            return "is not on a lower floor"
        return "is a plugin: ask for it by its entry point" if _reaches_plugin(entry, plugins) else None
    if top in rule.never:
        return "is out of bounds"
    if rule.others is None or top in sys.stdlib_module_names or top in rule.others:
        return None
    return "is not among the libraries of this package"


def _under(module: str, names: tuple[str, ...]) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in names)


def _reaches_plugin(entry: Import, plugins: set[str]) -> bool:
    """Say whether a module of `bench` reaches for a plugin from outside the folder that the plugin lies in."""
    if not _under(entry.importer, ("bench",)) or entry.target not in plugins:
        return False
    return not _under(entry.importer, (entry.target.rpartition(".")[0],))


def _part(module: str) -> str:
    """Return the part of `bench` that a module lies in: `bench.engine` for `bench.engine.executors.base`."""
    return ".".join(module.split(".")[:2])


def _downwards(entry: Import) -> bool:
    """Say whether an import stays in its part of `bench` or goes down; imports of other packages have no floors."""
    importer, target = _part(entry.importer), _part(entry.target)
    if importer == target or not (_under(importer, ("bench",)) and _under(target, ("bench",))):
        return True
    return importer in FLOOR and target in FLOOR and FLOOR[importer] < FLOOR[target]


def circle_among(found: list[Import]) -> list[str]:
    """Return a circle among modules of ours, empty where there is none; imports inside functions count.

    Who imports `a.b` runs `a` before it, so that the file `a/__init__.py` is imported, too, from outside `a`.
    """
    graph: dict[str, set[str]] = {}
    for entry in found:
        parts = entry.target.split(".")
        names = [".".join(parts[:length]) for length in range(1, len(parts) + 1)]
        reached = {name for name in names if not _under(entry.importer, (name,))}
        graph.setdefault(entry.importer, set()).update(reached)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_every_import_obeys_the_table() -> None:
    found = list(violations(ROOT, plugin_modules(ROOT)))
    assert not found, "\n".join(found)


def test_every_module_is_walked() -> None:
    found = modules(ROOT)
    assert {name.partition(".")[0] for name in found} == set(PACKAGES)
    assert {"bench", "bench.cli", "bench.__main__", *plugin_modules(ROOT)} <= set(found)


def test_every_part_of_bench_has_a_floor() -> None:
    assert {_part(name) for name in modules(ROOT) if name.startswith("bench.")} == set(FLOOR)


BAD = {
    "ground floor, another library": ("bench/contract.py", "import torch"),
    "ground floor, the harness": ("bench/errors.py", "from bench import registry"),
    "harness, metrics at once": ("bench/stages/score.py", "from metrics.frechet import frechet_distance"),
    "harness, reports at once": ("bench/cli/report.py", "import reports.leaderboard"),
    "harness, a method": ("bench/stages/fit.py", "def fit():\n    from methods.sdm import SDM"),
    "harness, a network": ("bench/stages/fit.py", "def fit():\n    import downstream.hovernet"),
    "harness, upwards": ("bench/engine/store.py", "from bench.stages import fit"),
    "harness, upwards in a function": ("bench/stages/fit.py", "def fit():\n    from bench.run import pipeline"),
    "harness, upwards for a type": (
        "bench/plan/arms.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bench.stages.fit import Fit",
    ),
    "harness, the same floor": ("bench/formats/npy.py", "from bench.results.table import read_rows"),
    "harness, a part without a floor": ("bench/helpers.py", "from bench.registry import load"),
    "ground floor, upwards": ("bench/digest.py", "from bench.imageio import read_rgb"),
    "harness, a dataset by name": ("bench/stages/data.py", "from bench.datasets.readers.consep import CoNSeP"),
    "harness, a module of the package": ("bench/stages/data.py", "from bench.datasets.readers import consep"),
    "metrics, the contract": ("metrics/frechet.py", "from bench.contract import Sample"),
    "metrics, tracking": ("metrics/frechet.py", "def log():\n    import mlflow"),
    "metrics, by name": ("metrics/frechet.py", "import importlib\nimportlib.import_module('bench.stages')"),
    "method, stages": ("methods/sdm.py", "from bench.stages.fit import fit"),
    "method, metrics": ("methods/sdm.py", "import metrics"),
    "method, tracking": ("methods/sdm.py", "import mlflow.pytorch"),
    "network, a method": ("downstream/hovernet.py", "from methods.patches import random_crop"),
    "reports, torch": ("reports/gallery.py", "def draw():\n    import torch"),
    "reports, other metrics": ("reports/gallery.py", "from metrics.frechet import frechet_distance"),
    "reports, stages": ("reports/gallery.py", "from bench.stages import fit"),
    "relative, upwards": ("reports/gallery.py", "from ..metrics import frechet"),
    "configuration, code": ("configs/__init__.py", "import yaml"),
    "types, out of bounds": (
        "metrics/kernel.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bench.engine",
    ),
    "branch of a type check": (
        "bench/run.py",
        "import typing\nif typing.TYPE_CHECKING:\n    pass\nelse:\n    import metrics",
    ),
}
GOOD = {
    "harness, metrics in a function": ("bench/stages/score.py", "def score():\n    from metrics import frechet"),
    "harness, types of metrics": (
        "bench/stages/score.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from metrics.frechet import Moments",
    ),
    "harness, downwards": (
        "bench/run/pipeline.py",
        "from bench.stages.fit import fit\nfrom bench.registry import load",
    ),
    "harness, its own package": ("bench/engine/store.py", "from bench.engine.executors import base"),
    "dataset, its neighbour": ("bench/datasets/readers/glysac.py", "from bench.datasets.readers.consep import read"),
    "method, training": ("methods/sdm.py", "import torch\nfrom bench.training import train\nfrom . import unet"),
    "network, metrics": ("downstream/hovernet.py", "from metrics.overlap import overlap"),
    "reports, views": ("reports/gallery.py", "import pandas, json\nfrom metrics.table import METRICS"),
}
PLUGINS = {"bench.datasets.readers.consep", "methods.sdm"}


KNOWN = ("metrics/frechet.py", "bench/datasets/readers/consep.py", "bench/stages/fit.py", "bench/run/pipeline.py")


def _tree(root: Path, path: str, source: str) -> None:
    """Write one file beside empty ones that imports may name."""
    for name in {*KNOWN, path}:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if name == path or not (root / name).exists():
            (root / name).write_text(source if name == path else "", encoding="utf-8")


@pytest.mark.parametrize(("path", "source"), BAD.values(), ids=BAD)
def test_a_forbidden_import_is_found(tmp_path: Path, path: str, source: str) -> None:
    _tree(tmp_path, path, source)
    found = list(violations(tmp_path, PLUGINS))
    assert len(found) == 1
    assert found[0].startswith(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))


@pytest.mark.parametrize(("path", "source"), GOOD.values(), ids=GOOD)
def test_an_allowed_import_is_not(tmp_path: Path, path: str, source: str) -> None:
    _tree(tmp_path, path, source)
    assert list(violations(tmp_path, PLUGINS)) == []


CIRCLES = {
    "at once": {
        "methods/sdm/blocks.py": "from methods.sdm import labels",
        "methods/sdm/labels.py": "from . import blocks",
    },
    "in a function": {
        "metrics/kernel.py": "def kernel():\n    from metrics import frechet",
        "metrics/frechet.py": "import metrics.kernel",
    },
    "for a type": {
        "bench/engine/session.py": "from bench.engine import base",
        "bench/engine/base.py": (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from bench.engine.session import Session"
        ),
    },
    "through a package": {
        "downstream/vit/__init__.py": "from downstream.losses import dice",
        "downstream/losses.py": "from downstream.vit.config import Weights",
        "downstream/vit/config.py": "",
    },
}


@pytest.mark.parametrize("files", CIRCLES.values(), ids=CIRCLES)
def test_a_circle_is_found(tmp_path: Path, files: dict[str, str]) -> None:
    for path, source in files.items():
        _tree(tmp_path, path, source)
    found = list(violations(tmp_path, set()))
    assert len(found) == 1
    assert "circle" in found[0]


def test_a_package_may_import_its_own_modules(tmp_path: Path) -> None:
    _tree(tmp_path, "methods/gan/__init__.py", "from methods.gan.network import GAN")
    (tmp_path / "methods/gan/network.py").write_text("from methods.gan import layers", encoding="utf-8")
    (tmp_path / "methods/gan/layers.py").write_text("", encoding="utf-8")
    assert circle_among(imports(tmp_path)) == []

"""The golden tables hold: bit for bit on the platform they were written on, to rounding elsewhere; they are alive."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.golden import platforms, runs, tables
from tests.golden.tables import Row, number

pytestmark = pytest.mark.timeout(1800)  # all of them: 90 s on an idle core

SLOW = ("diffmix", "histodiffusion", "stylegan2")
# Absolute tolerances on another platform, by method and the beginning of the metric's name. The longest name counts.
# Measured with ATEN_CPU_CAPABILITY=default and ONEDNN_MAX_CPU_ISA=SSE41 (README.md). Where a pixel, a nucleus or an
# image falls on the other side of a threshold, the tolerance is about two such steps.
_SHARES = {"precision": 0.12, "recall": 0.12, "density": 0.12, "coverage": 0.12, "gan_test": 0.12, "auth_pct": 12.0}
_CLASSIFIED = {"": 0.06, "f1_class": 0.35, "sensitivity_class": 0.35, "colour_fd": 0.02, "fd": 0.02, "kd": 1e-3}
ELSEWHERE = {
    "": {"": 1e-6},
    # copies lie exactly at the distance of a neighbour, where rounding decides; real patches are 24 here
    "copy": {"": 1e-6, "density": 0.07},
    # rounding grows over 120 steps of training; pixels at a threshold flip, a nucleus may be split or found
    "diffmix": {"": 0.05, "count_r2": 0.5, "hd95": 0.5, "colour_fd": 1e-4, "fd": 1e-3, "kd": 1e-5, **_SHARES},
    # a latent diffusion and a GAN: rounding grows faster still, and few images are counted
    "histodiffusion": _CLASSIFIED | _SHARES,
    "stylegan2": _CLASSIFIED | _SHARES,
}
OVER_TWO_SEEDS = 13  # bounds over two seeds are 12.7 standard errors away, Student's t with one degree of freedom
# Floors compare halves of few real images, with covariances of low rank, whose square roots amplify rounding.
# Measured on another processor with AVX-512: 1.2e-5.
FLOOR_OF_FD = 1e-4
P_VALUE = 0.05  # Holm's adjustment also lets one arm's p-value move that of another

# Main metrics, and what lies strictly between their bounds; the others between 0 and 1.
NUCLEI = ("dice/image", "aji/image", "pq/image", "mpq/image", "f_d", "hd95/image")
FAITHFULNESS = ("fs1/image", "fs2/image")
TISSUE = ("accuracy", "f1_macro", "auroc")
MANIFOLD = ("precision", "recall", "density", "coverage", "auth_pct")
OPEN = (-math.inf, math.inf)
BOUNDS = {"hd95/image": (0, math.inf), "fd": (0, math.inf), "kd": OPEN, "density": (0, math.inf), "auth_pct": (0, 100)}
COMMON_CLASSES = ("inflammatory", "epithelial", "spindle")

# Arms that are at a bound by what they are, and the metrics in which they may be.
AT_BOUND = {
    "copy": ("auth_pct", "recall", "precision", "coverage"),  # the training images themselves
    "noise": MANIFOLD,  # nothing that is near a real image
    "gradmix": ("auth_pct", "recall", "coverage"),  # training images but for a few nuclei
    "diffmix": ("precision",),  # near to training images in all draws
    "discs-by-hand": ("auth_pct", "precision", "recall"),  # drawn by a few lines of code: all look alike
    # generators that were trained for seconds: their images look alike too
    "histodiffusion": ("precision", "recall"),
    "stylegan2": MANIFOLD,
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in runs.RUNS])
def test_tables_hold(golden: Callable[[str], list[Row]], name: str) -> None:
    """What moved is printed: the row, the column, the old value and the new one."""
    same = platforms.is_golden()
    differences = list(tables.moved(tables.read(name), golden(name), None if same else elsewhere))
    where = (
        "on the platform of the tables" if same else f"on another platform than that of the tables, {platforms.here()}"
    )
    assert not differences, f"{len(differences)} cells of {name} moved {where}:\n" + "\n".join(differences)


def elsewhere(row: Row, column: str) -> float:
    """Return the tolerance of a number on another platform."""
    own = ELSEWHERE.get(row["method"], ELSEWHERE[""])
    tolerance = own[max((name for name in own if row["metric"].startswith(name)), key=len)]
    if column in ("p", "p_holm"):
        return P_VALUE
    if column.startswith("floor") and row["metric"].startswith("fd"):
        return max(tolerance, FLOOR_OF_FD)
    over_seeds = row["seed"] == "-1" and column in ("ci_low", "ci_high")
    return tolerance * OVER_TWO_SEEDS if over_seeds else tolerance


def _rounding(row: Row, column: str) -> float:
    return 1e-6


def test_moved_rows_are_named() -> None:
    old = [{**dict.fromkeys(tables.IDENTITY, ""), "metric": "fd@a", "value": "0.5", "set_digest": "a", "reason": ""}]
    assert list(tables.moved(old, old, None)) == []
    assert list(tables.moved(old, [{**old[0], "value": "0.5000001", "later": "1"}], _rounding)) == []
    assert list(tables.moved(old, [{**old[0], "set_digest": "b"}], _rounding)) == []
    assert list(tables.moved(old, [{**old[0], "set_digest": "b"}], None)) == ["fd@a: set_digest was a, is b"]
    moved = [{**old[0], "value": "0.50001"}]
    assert list(tables.moved(old, moved, _rounding)) == ["fd@a: value was 0.5, is 0.50001"]
    assert list(tables.moved(old, moved, lambda row, column: 1e-4)) == []
    assert list(tables.moved(old, moved, None)) == ["fd@a: value was 0.5, is 0.50001"]
    assert list(tables.moved(old, [{**old[0], "reason": "given"}], _rounding)) == ["fd@a: reason was None, is given"]
    assert list(tables.moved(old, [], None)) == ["gone: fd@a"]
    assert list(tables.moved([], old, None)) == ["new: fd@a"]


def test_the_gate_passes(
    golden: Callable[[str], list[Row]], golden_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`bench check` compares a run with the baseline that it wrote, on any platform; runs of other methods are new."""
    golden(runs.GATED)
    junit = tmp_path / "gate.xml"
    runs.bench("check", str(runs.GATE), "--store", str(golden_store), "--junit", str(junit), "--no-github")
    assert "no scores of single images" not in capsys.readouterr().out
    suite = ElementTree.parse(junit).getroot()
    assert (suite.get("failures"), suite.get("errors")) == ("0", "0")
    assert int(suite.get("tests", "0")) > 250


@pytest.mark.parametrize("name", runs.RUNS)
def test_main_metrics_are_alive(name: str) -> None:
    found = 0
    for metric, row in main_rows(name):
        low, high = BOUNDS.get(metric, (0, 1))
        value = number(row["value"])
        if not row["value"]:
            assert row["reason"], row
        elif low < value < high:
            found += 1
        else:
            assert value in (low, high), row
            assert metric in AT_BOUND.get(row["method"], ()), row
    assert found > 60


@pytest.mark.parametrize("name", runs.RUNS)
def test_arms_differ(name: str) -> None:
    """No two arms agree: of nuclei in no main metric, of tissue, where few images are counted, not in all of them."""
    arms: dict[str, dict[tuple[str, ...], dict[str, str]]] = {}
    for metric, row in main_rows(name):
        if row["value"] and metric in (*NUCLEI, *TISSUE, "fd", "kd"):
            place = (row["downstream"], row["split"], row["class"], row["seed"])
            arms.setdefault(f"{row['method']} {row['variant']}", {}).setdefault(place, {})[metric] = row["value"]
    assert len(arms) == 4
    for one, other in combinations(arms, 2):
        shared = arms[one].keys() & arms[other].keys()
        assert shared
        for place in shared:
            equal = [metric for metric, value in arms[one][place].items() if arms[other][place].get(metric) == value]
            assert len(equal) < len(arms[one][place]), (one, other, place)
            assert not set(equal) - set(TISSUE), (one, other, place, equal)


def main_rows(name: str) -> Iterator[tuple[str, Row]]:
    """Yield the golden scores of the main metrics, each with the metric's name without its encoder."""
    for row in tables.read(name):
        metric = row["metric"].partition("@")[0]
        main = metric in (*NUCLEI, *FAITHFULNESS, *TISSUE, *MANIFOLD, "fd", "kd")
        if row["kind"] == "score" and (main or (metric == "f_type" and row["class"] in COMMON_CLASSES)):
            yield metric, row

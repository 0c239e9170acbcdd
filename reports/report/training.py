"""Training curves of networks and generators, averaged over short stretches of steps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from reports.report.figure import Figure, Table, key
from reports.report.material import Run
from reports.report.panel import Panel
from reports.report.styles import Style, style_of
from reports.ticks import ticks_of

POINTS = 100
"""Largest number of points of one curve in a chart."""
_SHOWN = ("loss", "dice", "accuracy")
"""The total loss and scores of held-out data; the terms of a loss are left to the tracking server."""
_MEANS = "Means over short stretches of steps"
_NETWORK = re.compile(r"(?P<what>[^/]+)/(?P<arm>.+)/(?P<seed>\d+(?:-\d+)?(?:, fold [^/]+/[^/]+)?)/(?P<term>[^/]+)")
_GENERATOR = re.compile(r"fit/(?P<part>.+)/(?P<term>[^/]+)")


class _Curve(NamedTuple):
    arm: str
    of: str
    points: Sequence[tuple[float, float]]


def training_of(runs: Sequence[Run], styles: Mapping[str, Style]) -> list[Figure]:
    """Return a chart for each network with its arms, and one for the parts of generators; none without curves."""
    networks: dict[str, dict[str, dict[str, _Curve]]] = {}
    parts: dict[str, dict[str, _Curve]] = {}
    for run in runs:
        for name, points in _by_name(run).items():
            if found := _GENERATOR.fullmatch(name):
                curve = _Curve(found["part"], "", _thinned(points))
                parts.setdefault(f"{found['part']}, {found['term']}", {})[name] = curve
            elif found := _NETWORK.fullmatch(name):
                panel = networks.setdefault(found["what"], {}).setdefault(found["term"], {})
                arm = _arm_of(name, run, styles) or _title(found["arm"], run, styles)
                panel[f"{arm} {found['seed']}"] = _Curve(arm, f"seed {found['seed']}", _thinned(points))
    figures = [_figure(f"Training of {name}", panels, styles) for name, panels in networks.items()]
    if parts:
        own = {curve.arm: Style("c0", 0) for panel in parts.values() for curve in panel.values()}
        figure = _figure("Training of generators", parts, own)
        figures.append(figure._replace(legend=(), caption=f"{_MEANS}; one panel per part that was trained."))
    return figures


def _by_name(run: Run) -> dict[str, dict[int, float]]:
    """Return the shown curves of a run by name; a repeated step counts once."""
    found: dict[str, dict[int, float]] = {}
    for name, step, value in run.curves:
        if name.rpartition("/")[2] in _SHOWN:
            found.setdefault(name, {})[step] = value
    return found


def _arm_of(name: str, run: Run, styles: Mapping[str, Style]) -> str:
    """Return the title of the arm that a curve says it is of; empty if no board has it, or in older runs."""
    method, variant = run.arms.get(name, ("", ""))
    title = f"{method} ({variant})" if variant else method
    return title if title in styles else ""


def _title(arm: str, run: Run, styles: Mapping[str, Style]) -> str:
    """Return the title of an arm of an older run, whose curves are named by method and ratio only."""
    method, _, ratio = arm.partition("/")
    if ratio:
        return next((title for title in styles if title.startswith(f"{method} (") and ratio in title), arm)
    return run.title if method == run.document.method and run.title in styles else method


def _thinned(points: Mapping[int, float]) -> list[tuple[float, float]]:
    """Return at most 100 points: the means of equally long stretches of steps.

    >>> _thinned({0: 2.0, 1: 4.0})
    [(0, 2.0), (1, 4.0)]
    """
    steps = sorted(points)
    length = -(-len(steps) // POINTS)
    stretches = [steps[start : start + length] for start in range(0, len(steps), length)]
    return [(sum(some) / len(some), sum(points[step] for step in some) / len(some)) for some in stretches]


def _figure(title: str, panels: Mapping[str, Mapping[str, _Curve]], styles: Mapping[str, Style]) -> Figure:
    curves = [curve for panel in panels.values() for curve in panel.values()]
    arms = list(dict.fromkeys(curve.arm for curve in curves))
    pictures = [_panel(term, list(panel.values()), styles) for term, panel in panels.items()]
    legend = [key(style_of(styles, arm), arm) for arm in arms]
    caption = f"{_MEANS}; one line per seed and fold. The loss is that of training data, "
    caption += "which differ between arms: a lower one does not mean a better network."
    return Figure(title, pictures, caption, _table(panels), legend)


def _panel(term: str, curves: Sequence[_Curve], styles: Mapping[str, Style]) -> Markup:
    values = [y for curve in curves for _, y in curve.points]
    last = max(x for curve in curves for x, _ in curve.points)
    panel = Panel(term, (0, max(last, 1)), (min(values), max(values)), "step", lambda value: f"{value:.3g}")
    panel.ticks_across([(step, f"{step:g}") for step in ticks_of((0, max(last, 1))) if step <= last])
    for curve in sorted(curves, key=lambda one: not style_of(styles, one.arm).is_control):
        style = style_of(styles, curve.arm)
        panel.series(
            curve.points, style._replace(css=f"thin {style.css}"), ", ".join(filter(None, [curve.arm, curve.of]))
        )
    return panel.markup(f"{term} against step, {len(curves)} curves. The table has first and last values.")


def _table(panels: Mapping[str, Mapping[str, _Curve]]) -> Table:
    head = ["curve", "arm", "run of", "first", "last", "least", "largest"]
    rows = [
        [term, curve.arm, curve.of or "the generator", *_said(y for _, y in curve.points)]
        for term, panel in panels.items()
        for curve in panel.values()
    ]
    return Table(head, rows, leads=3)


def _said(values: Iterable[float]) -> list[str]:
    known = list(values)
    return [f"{value:.3g}" for value in (known[0], known[-1], min(known), max(known))]

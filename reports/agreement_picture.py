"""A picture of agreements: τ of each fidelity metric with its interval, and arms by the main metrics and their gain."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reports.agreement import Predictions, Predictor
from reports.agreement_table import interval_text, metric_name, signed, title_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Colours and shapes of boards: the colours (Okabe & Ito) differ for people with impaired colour vision, too.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
SHAPES = ("o", "s", "^", "D", "v", "P")
FORMATS = (".png", ".svg")
_INK, _PALE = "#1E1E1E", "#6E6E6E"
_MOST_PANELS, _PER_ROW = 6, 3
_WIDTH, _LINE, _PANEL = 11.0, 0.3, 3.0
# Same input, same file: SVG ids come from this word and not from chance, and no date is written.
_STYLE: Any = {"svg.hashsalt": "augbench", "svg.fonttype": "none", "font.size": 10, "axes.edgecolor": _INK}


def agreement_picture(found: Predictions, path: Path) -> None:
    """Write the picture, PNG or SVG by the ending of the path.

    The upper part shows the agreement over methods as a filled circle with its interval, and that with controls as an
    open diamond. The lower part shows arms: methods filled, controls open, one colour and shape for each board.
    """
    import matplotlib
    from matplotlib.figure import Figure

    shown = _panels(found.predictors)
    n_rows = math.ceil(len(shown) / _PER_ROW)
    forest, panels = 1.4 + _LINE * max(len(found.predictors), 1), _PANEL * n_rows + 0.3 * (len(found.boards) + 1)
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, forest + panels), layout="constrained")
        parts: Any = figure.subfigures(2, 1, height_ratios=[forest, panels], hspace=0.03)
        upper, lower = parts
        upper.suptitle(title_of(found), x=0.01, ha="left", fontsize=13, color=_INK)
        _forest(upper.subplots(), found.predictors)
        for place, one in enumerate(shown):
            _scatter(lower.add_subplot(n_rows, _PER_ROW, place + 1), one, found)
        lower.legend(handles=_legend(found), loc="outside lower left", frameon=False, fontsize=9)
        figure.savefig(path, dpi=120, metadata={"Date": None} if path.suffix.lower() == ".svg" else {})


def _panels(predictors: Sequence[Predictor]) -> list[Predictor]:
    """Return the metrics whose arms are shown: the main ones first."""
    ordered = sorted(predictors, key=lambda one: not one.column.is_main)
    chosen = ordered[:_MOST_PANELS]
    return [one for one in predictors if one in chosen]


def _forest(axes: Axes, predictors: Sequence[Predictor]) -> None:
    axes.axvline(0, color=_PALE, linewidth=1)
    for place, one in enumerate(predictors):
        methods, together = one.methods, one.all_arms
        if not methods.reason:
            axes.plot([methods.low, methods.high], [place, place], color=_INK, linewidth=2)
        if methods.tau == methods.tau:
            axes.plot([methods.tau], [place], "o", color=_INK, markersize=7)
        if together.tau == together.tau:
            axes.plot([together.tau], [place], "D", color=_PALE, markerfacecolor="none", markersize=8)
        axes.text(1.08, place, one.verdict, va="center", color=_INK, fontsize=9)
    axes.set_yticks(range(len(predictors)), [metric_name(one) for one in predictors])
    axes.set_ylim(len(predictors) - 0.5, -0.5)
    axes.set_xlim(-1.05, 1.05)
    axes.set_xlabel("agreement with the gain (Kendall's τ-b); +1: the better the fidelity, the greater the gain")
    axes.set_title("● methods, with 95 % interval     ◇ with controls", fontsize=9, loc="left", color=_INK)
    axes.spines[["top", "right"]].set_visible(False)


def _scatter(axes: Axes, one: Predictor, found: Predictions) -> None:
    scale = one.column.scale
    axes.axhline(0, color=_PALE, linewidth=1)
    for place, board in enumerate(found.boards):
        colour, shape = _look(place)
        for is_control in (True, False):
            points = [p for p in one.points if p.board == board and p.is_control == is_control]
            face = "none" if is_control else colour
            x, y = [p.fidelity * scale for p in points], [p.gain for p in points]
            axes.scatter(x, y, marker=shape, edgecolors=colour, facecolors=face, s=36, linewidths=1.4)
    methods = [p for p in one.points if not p.is_control]
    if len(methods) > 1:  # the range of methods: noise is often far away
        axes.set_xlim(_range([p.fidelity * scale for p in methods]))
        axes.set_ylim(_range([0.0, *(p.gain for p in methods)]))
    tau = one.methods.tau
    known = f"τ = {signed(tau)} {interval_text(one.methods)}" if tau == tau else "τ unknown"
    axes.set_title(known.strip(), fontsize=10, loc="left", color=_INK)
    axes.set_xlabel(metric_name(one))
    axes.set_ylabel(f"gain in {found.gain.score_name}")
    axes.spines[["top", "right"]].set_visible(False)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return a range that leaves room around values."""
    room = 0.12 * (max(values) - min(values)) or 0.1 * abs(values[0]) or 1.0
    return min(values) - room, max(values) + room


def _look(place: int) -> tuple[str, str]:
    """Return the colour and shape of a board; 36 of them differ."""
    return COLOURS[place % len(COLOURS)], SHAPES[(place + place // len(COLOURS)) % len(SHAPES)]


def _legend(found: Predictions) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = []
    for place, board in enumerate(found.boards):
        colour, shape = _look(place)
        handles.append(Line2D([], [], linestyle="", marker=shape, color=colour, label=board))
    handles.append(
        Line2D([], [], linestyle="", marker="o", color=_INK, markerfacecolor="none", label="open: controls, if within")
    )
    return handles

"""The probability that a published comparison claims a gain that is none, under the spreads that are assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from metrics.false_claim import false_claim
from metrics.planning import Design
from metrics.table import METRICS, find
from reports.board import BASELINE
from reports.published.claims import FEWEST_GROUPS, Assumed, Claims, Comparison, Ranged
from reports.published.layout import DATASET, DOWNSTREAM, METHOD, Layout, Line, PublishedTable

CLAIMS_PAGE = "docs/claims.md"


@dataclass(frozen=True)
class Doubt:
    """What is known of one published gain over the paper's baseline.

    `gain` is the printed difference, positive if the arm is better. `probability` is that of a false claim, from all
    sources of chance, and `of_images` from the choice of test images only; without them, `reason` says why.
    """

    gain: float | None = None
    probability: Ranged | None = None
    of_images: Ranged | None = None
    assumed: Assumed | None = None
    comparison: Comparison | None = None
    reason: str = ""


@dataclass(frozen=True)
class Assumptions:
    """How papers compared their arms, and how much metrics vary, as the claims of `configs/published` say."""

    claims: Claims

    def doubt(self, table: PublishedTable, line: Line, metric: str) -> Doubt:
        """Return what is known of the gain of a line over the paper's baseline in a metric; nothing of the baseline."""
        if table.layout.asked(METHOD, line.keys) == BASELINE:
            return Doubt()
        baseline = _baseline(table, line)
        if baseline is None:
            return Doubt(reason="the paper's table has no arm of only real images to compare with")
        known = find(metric.partition("[")[0], METRICS)
        if known is None or known.direction == "none" or not (line.numbers[metric] and baseline.numbers[metric]):
            return Doubt(reason="the paper has no number to compare with")
        sign = 1 if known.direction == "higher" else -1
        gain = round(sign * (float(line.numbers[metric]) - float(baseline.numbers[metric])), 9)
        if gain <= 0:
            return Doubt(gain, reason="the paper's number is not better than that of its baseline: no gain is claimed")
        return self._judged(table.layout, line, metric, gain)

    def _judged(self, layout: Layout, line: Line, metric: str, gain: float) -> Doubt:
        here = (one.comparison for one in self.claims.claims if _same_place(layout, one.table, one.line, line))
        name = next(here, None)
        if name is None:
            return Doubt(gain, reason=f"nothing is known of the size of this comparison ({CLAIMS_PAGE})")
        comparison = self.claims.comparisons[name]
        mine = [one for one in self.claims.claims if one.metric == metric and one.comparison == name]
        # how nuclei of a class are spread over groups differs between datasets
        alike = [one for one in self.claims.claims if one.metric == metric and "[" not in metric]
        alike = [one for one in alike if self.claims.comparisons[one.comparison].kind == comparison.kind]
        if not (found := [*mine, *alike]):
            return Doubt(gain, reason=f"no spread of this metric between {comparison.kind}s is assumed ({CLAIMS_PAGE})")
        groups = found[0].effective or comparison.groups
        if groups < FEWEST_GROUPS:
            what = f"the nuclei of this class are in {groups:g} effective {comparison.kind}s: too few for a probability"
            return Doubt(gain, comparison=comparison, reason=what)
        generated = 0 if layout.asked(METHOD, line.keys) in self.claims.untrained else 1
        design = Design(groups, comparison.trainings, generators=1, generated=generated)
        assumed = self.claims.spreads[found[0].spreads]
        images = replace(design, trainings=math.inf, generators=math.inf)
        return Doubt(gain, _ranged(gain, assumed, design), _ranged(gain, assumed, images), assumed, comparison)


def assumption_lines(doubts: Sequence[Doubt]) -> list[str]:
    """Return what the probabilities of some gains assume, as remarks below a table; empty without probabilities."""
    known = [doubt for doubt in doubts if doubt.probability is not None and doubt.comparison and doubt.assumed]
    if not known:
        return []
    compared = dict.fromkeys(doubt.comparison.says for doubt in known if doubt.comparison)
    spreads = dict.fromkeys(_spread(doubt.assumed) for doubt in known if doubt.assumed)
    return [
        "P(false claim): the probability that the paper's arm is no better than its baseline, given the printed "
        "numbers (as in Claims Reloaded, arXiv 2505.04720); in brackets, under optimistic and pessimistic spreads",
        f"assumed for it: a flat prior, normal errors, independent groups ({'; '.join(compared)}), a generator that "
        "was trained once, no choice of this number among others; and these spreads, since the paper prints none "
        f"({CLAIMS_PAGE}):",
        *(f"  {line}" for line in spreads),
        "of images only: the same from the choice of test images only, which is what Claims Reloaded counts",
    ]


def _spread(assumed: Assumed) -> str:
    named = zip(
        ("groups", "trainings", "generators"), (assumed.groups, assumed.training, assumed.generator), strict=True
    )
    parts = [f"{name} {span.assumed:g} ({span.optimistic:g} to {span.pessimistic:g})" for name, span in named]
    return f"{assumed.title}, standard deviation between {', '.join(parts)}"


def _ranged(gain: float, assumed: Assumed, design: Design) -> Ranged:
    return Ranged(*(false_claim(gain, spreads, design) for spreads in assumed.cases))


def _baseline(table: PublishedTable, line: Line) -> Line | None:
    """Return the line of only real images on a line's dataset, with its network."""
    layout = table.layout
    place = [layout.value(key, line.keys) for key in (DATASET, DOWNSTREAM)]
    mine = (one for one in table.lines if [layout.value(key, one.keys) for key in (DATASET, DOWNSTREAM)] == place)
    return next((one for one in mine if layout.asked(METHOD, one.keys) == BASELINE), None)


def _same_place(layout: Layout, table: str, keys: Mapping[str, str], line: Line) -> bool:
    """Return whether a claim is about the table, the dataset and the network of a line."""
    if table != layout.name:
        return False
    return all(layout.value(key, keys) == layout.value(key, line.keys) for key in (DATASET, DOWNSTREAM))

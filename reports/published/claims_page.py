"""The page `docs/claims.md`: what it takes to confirm each claim, as tables, and what they assume."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from metrics.planning import MOST, Design, detectable
from metrics.power import smallest_detectable
from reports.markdown import table_line
from reports.published.claims import FEWEST_GROUPS, Assumed, Claims, Judged, judge
from reports.published.layout import PublishedTable
from reports.published.pivot import text_of


class Section(NamedTuple):
    """The claims of one published table: its title, how its arms were compared, and the lines of our table."""

    title: str
    comparisons: Sequence[str]
    lines: Sequence[str]


def render(claims: Claims, tables: Mapping[str, PublishedTable]) -> str:
    """Return the page, from the claims and the published tables by name."""
    judged = judge(claims, tables)
    environment = Environment(  # Markdown: nothing to escape
        loader=PackageLoader("reports", "published"),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    tiles, several = claims.spreads["pq-tile"], [one for one in judged if one.comparison.trainings > 1]
    return environment.get_template("claims.md.j2").render(
        spreads=[_spread_line(assumed) for assumed in claims.spreads.values()],
        sections=list(sections(judged)),
        total=len(judged),
        several=len(several),
        found=sum(one.found.startswith("yes") for one in several),
        found_once=sum(one.found.startswith("yes") for one in judged if one.comparison.trainings == 1),
        never=sum(one.found == "no" for one in judged),
        three=_range([detectable(spreads, Design(14, 3)) for spreads in tiles.cases]),
        most=f"{MOST:,}",
        fewest=FEWEST_GROUPS,
    )


def sections(judged: Sequence[Judged]) -> Iterator[Section]:
    """Yield the claims of each published table, in their order."""
    for title in dict.fromkeys(one.layout.title for one in judged):
        mine = [one for one in judged if one.layout.title == title]
        comparisons = dict.fromkeys(f"{one.comparison.title}: {one.comparison.says}." for one in mine)
        yield Section(title, list(comparisons), [_claim_line(one) for one in mine])


def _claim_line(one: Judged) -> str:
    claim, compared = one.claim, one.comparison
    shown = one.layout.metrics[claim.metric]
    arm, baseline = (one.layout.arm(line) for line in (claim.line, {**claim.line, **claim.baseline}))
    class_ = claim.metric.removesuffix("]").partition("[")[2]
    cells = [
        compared.title,
        f"{arm} against {baseline}",
        f"{shown.title} ({class_})" if class_ else shown.title,
        f"+{text_of(claim.difference, shown.digits)}",
        f"{_several(compared.groups, compared.kind)}, {_several(compared.trainings, one.trained)}",
        "none" if one.detectable is None else _range(one.detectable),
        _counts(one.trainings),
        _counts(one.groups),
        one.verdict,
    ]
    return table_line(cells)


def _several(count: int, what: str) -> str:
    plural = f"{what}es" if what.endswith("ch") else f"{what}s"
    return f"{count:,} {what if count == 1 else plural}"


def _spread_line(assumed: Assumed) -> str:
    once = [smallest_detectable(sd, math.inf) for sd in assumed.generator]
    written = [_range(values) for values in (assumed.groups, assumed.training, assumed.generator, once)]
    return table_line([assumed.title, *written, assumed.basis])


def _range(values: Sequence[float]) -> str:
    """Return the assumed number, with the optimistic and the pessimistic one."""
    return _span([text_of(value, 3) if value else "0" for value in values])


def _counts(values: Sequence[int | None]) -> str:
    return _span(["none" if value is None else f"{value:,}" for value in values])


def _span(written: Sequence[str]) -> str:
    optimistic, assumed, pessimistic = written
    return assumed if optimistic == pessimistic else f"{assumed} ({optimistic} to {pessimistic})"

"""The headline claims of the papers, as data, and what it takes to confirm each of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple, TypeVar

from bench.contract import Settings
from bench.errors import ConfigError
from metrics.planning import Design, Spreads, detectable, groups_needed, trainings_needed
from reports.published.layout import Layout, PublishedTable

FEWEST_GROUPS = 4
"""With fewer effective groups than this, the spread between groups cannot be measured."""

Entry = TypeVar("Entry")
Number = TypeVar("Number", float, int | None)


class Ranged(NamedTuple):
    """A number under optimistic, assumed and pessimistic spreads."""

    optimistic: float
    assumed: float
    pessimistic: float


class Assumed(Settings):
    """Standard deviations of a metric between groups, trainings and generators, and what they are based on."""

    title: str
    groups: Ranged
    training: Ranged
    generator: Ranged
    basis: str

    @property
    def cases(self) -> Sequence[Spreads]:
        """The spreads of each case, the optimistic one first."""
        return [Spreads(*values) for values in zip(self.groups, self.training, self.generator, strict=True)]


class Comparison(Settings):
    """How a paper compared its arms: groups of test images, and how often each network was trained on each set."""

    title: str
    groups: int
    kind: str
    trainings: int
    says: str


class Claim(Settings):
    """A difference of two lines of a published table; `baseline` has the keys in which its line differs.

    `generated` of the two arms have a generator of their own. `effective` is the effective number of groups if the
    nuclei that count are unevenly spread over them.
    """

    table: str
    comparison: str
    line: Mapping[str, str]
    baseline: Mapping[str, str]
    metric: str
    spreads: str
    generated: Literal[0, 1, 2] = 1
    effective: float | None = None
    difference: float


class Claims(Settings):
    """The claims, how they were compared, and what is assumed of the spreads; methods that train no generator."""

    untrained: tuple[str, ...] = ()
    spreads: Mapping[str, Assumed]
    comparisons: Mapping[str, Comparison]
    claims: Sequence[Claim]


@dataclass(frozen=True)
class Judged:
    """A claim with the layout of its table, its comparison, and what it takes to confirm it."""

    claim: Claim
    layout: Layout
    comparison: Comparison
    assumed: Assumed

    @property
    def design(self) -> Design:
        """The published comparison, for which every generator was trained once."""
        groups = self.claim.effective or self.comparison.groups
        return Design(groups, self.comparison.trainings, generators=1, generated=self.claim.generated)

    @property
    def too_few(self) -> bool:
        """Whether the groups are too few to measure the spread between them."""
        return self.design.groups < FEWEST_GROUPS

    @cached_property
    def detectable(self) -> Ranged | None:
        """The smallest difference that the published comparison could find, if what it cannot measure were known."""
        return None if self.too_few else Ranged(*self._each(lambda spreads: detectable(spreads, self.design)))

    @cached_property
    def trainings(self) -> Sequence[int | None]:
        """How many trainings confirm the claim on the published groups, each with a generator of its own."""
        if self.too_few:
            return [None, None, None]
        return self._each(lambda spreads: trainings_needed(spreads, self.design, self.claim.difference))

    @cached_property
    def groups(self) -> Sequence[int | None]:
        """How many groups, over which nuclei are evenly spread, confirm it with unlimited trainings and generators."""
        found = self._each(lambda spreads: groups_needed(spreads, self.claim.difference))
        return [None if count is None else max(count, FEWEST_GROUPS) for count in found]

    @property
    def trained(self) -> str:
        """What is trained for each arm: the network that is tested, or the generator if all arms share a network."""
        return "training" if any(self.assumed.training) else "generator"

    @property
    def found(self) -> str:
        """Under which spreads the published comparison finds the difference, if what it cannot measure were known."""
        if self.detectable is None:
            return "no"
        enough = sum(abs(self.claim.difference) >= limit for limit in self.detectable)
        return ("no", "only if spreads are small", "yes, unless spreads are large", "yes")[enough]

    @property
    def verdict(self) -> str:
        """Whether the published comparison could have found the difference, in words."""
        if self.too_few:
            return f"no: the nuclei are in {self.design.groups:g} effective {self.comparison.kind}s"
        if self.comparison.trainings == 1 and self.found != "no":
            return f"no: one {self.trained} (with a known spread: {self.found})"
        return self.found

    def _each(self, function: Callable[[Spreads], Number]) -> list[Number]:
        return [function(spreads) for spreads in self.assumed.cases]


def judge(claims: Claims, tables: Mapping[str, PublishedTable]) -> list[Judged]:
    """Return what it takes to confirm each claim.

    Args:
        claims: the claims.
        tables: the published tables that they refer to, by name.

    Raises:
        ConfigError: a claim names a comparison, spreads or a line of a table that do not exist, or its difference is
            not that of the published numbers.
    """
    judged = []
    for claim in claims.claims:
        table = tables[claim.table]
        published = _number(table, claim.line, claim) - _number(table, {**claim.line, **claim.baseline}, claim)
        if not math.isclose(published, claim.difference, abs_tol=1e-9):
            what = f"A claim on {claim.metric} is not the difference of the numbers in {table.layout.title}"
            raise ConfigError(what, got=f"{claim.difference}", fix=f"the printed numbers differ by {published:.4f}")
        comparison, assumed = _entry(claims.comparisons, claim.comparison), _entry(claims.spreads, claim.spreads)
        judged.append(Judged(claim, table.layout, comparison, assumed))
    return judged


def _number(table: PublishedTable, keys: Mapping[str, str], claim: Claim) -> float:
    for line in table.lines:
        if dict(line.keys) == dict(keys) and line.numbers.get(claim.metric):
            return float(line.numbers[claim.metric])
    what = f"{table.layout.title} does not have the number of a claim on {claim.metric}"
    raise ConfigError(what, got=", ".join(f"{key}={value}" for key, value in keys.items()))


def _entry(known: Mapping[str, Entry], name: str) -> Entry:
    if name not in known:
        raise ConfigError("A claim names an entry that is not defined", got=name, fix=f"use one of {', '.join(known)}")
    return known[name]

"""Verification of a dataset: every tile is read, and all problems are listed together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from bench.contract import Progress
from bench.datasets.card import ALL_NUCLEI, INDEPENDENT, DatasetCard
from bench.datasets.checks.look_alikes import near_duplicates, two_classes
from bench.datasets.checks.merging import TOLERANCE
from bench.datasets.prepared.write import StartProgress
from bench.datasets.source import DatasetSource, Finding, Severity, Tally
from bench.datasets.tile_source import finding
from bench.errors import DataError
from bench.formats.labels.plausible import doubts
from bench.formats.parallel import ordered_map
from bench.imageio import EncodingSurvey, contradictions, read_picture

MOST_LISTED = 3
"""Files with the same problem that are listed; more are only counted."""
FEWEST_GROUPS = 5
"""Intervals over fewer groups than this are not known to hold; see docs/statistics.md."""


@dataclass(frozen=True)
class SplitReport:
    """Counts of a split: tiles, groups, tiles by size (h, w), nuclei by class name, images by label.

    Nuclei without classes are counted under `bench.datasets.card.ALL_NUCLEI`.
    """

    tiles: int
    groups: int
    shapes: Mapping[tuple[int, int], int]
    nuclei: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class VerifyReport:
    """The outcome of verification; a dataset is `ok` when no finding is an error.

    `rules` are the numbers of image files by the rule that read them, `encoding` is what
    `bench.imageio.EncodingSurvey` says.
    """

    card: DatasetCard
    folder: str
    splits: Mapping[str, SplitReport]
    notes: Mapping[str, Any]
    findings: tuple[Finding, ...]
    rules: Mapping[str, int] = field(default_factory=dict)
    encoding: Mapping[str, Any] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not _errors(self.findings)


def verify(source: DatasetSource, progress: StartProgress | None = None) -> VerifyReport:
    """Return the result of reading every tile of a dataset and comparing it with the card.

    Counts up to 1 % off the published ones are warnings, larger differences errors. A group in two splits is a warning,
    because a group may be a guess from a file's name; a sample id in two splits is an error.

    Raises:
        MissingError: the dataset is not on this machine.
    """
    folder = source.locate()
    findings: list[Finding] = []
    tallies: dict[str, list[Tally]] = {}
    rules: Counter[str] = Counter()
    survey = EncodingSurvey(sum(len(source.ids(split)) for split in source.splits()))
    for split in source.splits():
        findings += source.layout_findings(split)
        tallies[split] = []
        for number, (tally, image) in enumerate(_read(source, split, progress or _silent, survey)):
            tallies[split].append(tally)
            if image is not None:
                survey.add(number, image.rgb, image.path)
                rules.update([image.rule] if image.rule else [])
        findings += [item for tally in tallies[split] for item in tally.findings]
    broken = _errors(findings)
    reports: dict[str, SplitReport] = {}
    for split, read in tallies.items():
        nuclei = None
        try:
            nuclei = source.settle(split, sum((Counter(tally.counts) for tally in read), Counter()))
        except DataError as error:
            # missing files make counts differ; the files themselves are listed already
            findings.append(Finding("info", split, "nuclei not counted") if broken else finding(split, error))
            broken = True
        reports[split] = _report(source.card, read, nuclei or {})
        findings += _compare(source.card, split, reports[split], source.left_out(split))
    if "test" in reports:
        findings += _groups(source.group_kind, reports["test"])
    findings += _implausible(source.card, tallies)
    findings += _shared(tallies)
    findings += near_duplicates(tallies)
    findings += two_classes(tallies, source.card.labels)
    encoding = survey.summary()
    findings += [Finding("warning", "images", message) for message in contradictions(encoding, source.card.mpp)]
    notes = {} if broken else source.notes()
    listed = tuple(_together(dict.fromkeys(findings)))
    return VerifyReport(source.card, str(folder), reports, notes, listed, rules, encoding)


def _together(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield findings; one that many files have is reported once, with their number and the first of them."""
    files: dict[tuple[Severity, str], list[str]] = defaultdict(list)
    for item in findings:
        files[item.severity, item.message].append(item.file)
    for (severity, message), named in files.items():
        if len(named) > MOST_LISTED:
            yield Finding(severity, f"{len(named)} files, the first {named[0]}", message)
        else:
            yield from (Finding(severity, name, message) for name in named)


class _Image(NamedTuple):
    """The image of a tile; its rule is empty if it has no file of its own."""

    rgb: UInt8[np.ndarray, "h w 3"]
    path: Path | None
    rule: str


def _read(
    source: DatasetSource, split: str, progress: StartProgress, survey: EncodingSurvey
) -> Iterator[tuple[Tally, _Image | None]]:
    """Yield the tiles of a split, and the images that are counted or looked at."""

    def look(index: int) -> tuple[Tally, _Image | None]:
        tally = source.inspect(split, index)
        path = source.image_file(split, index)
        if tally.shape is None or (path is None and not survey.wants(index)):
            return tally, None
        try:
            if path is None:
                return tally, _Image(source.read(split, index).image, None, "")
            picture = read_picture(path)
            return tally, _Image(picture.rgb, path, picture.rule)
        except DataError:  # it is a finding of the tally, or a slide that its reader opens
            return tally, None

    # threads suffice: 41 tiles of 1000 x 1000 px with their labels take 3 s on one core
    n = len(source.ids(split))
    with progress(f"read {split}", n, unit="tile") as running:
        for found in ordered_map(look, range(n)):
            yield found
            running.advance()


def _report(card: DatasetCard, tallies: Sequence[Tally], nuclei: Mapping[int, int]) -> SplitReport:
    labels = Counter(tally.label for tally in tallies)
    return SplitReport(
        tiles=len(tallies),
        groups=len({tally.group for tally in tallies if tally.group}),
        shapes=Counter(tally.shape for tally in tallies if tally.shape is not None),
        nuclei={card.classes.get(index, ALL_NUCLEI): n for index, n in nuclei.items()},
        labels={name: labels[index] for index, name in enumerate(card.labels)},
    )


def _compare(card: DatasetCard, split: str, report: SplitReport, left_out: int) -> list[Finding]:
    """Yield differences from the published counts; counts that are not available are not compared."""
    expected = card.expected.get(split)
    if expected is None:
        return []
    rows = [("tiles", report.tiles + left_out, expected.tiles)]
    rows += [(f"{name} nuclei", report.nuclei[name], n) for name, n in expected.nuclei.items() if report.nuclei]
    rows += [(f"{name} images", report.labels[name], n) for name, n in expected.labels.items()]
    findings = []
    for what, found, published in rows:
        if found != published:
            share = abs(found - published) / published if published else 1.0
            severity: Severity = "warning" if share <= TOLERANCE else "error"
            message = f"{found} {what} instead of the published {published} ({found - published:+d}, {share:.1%})"
            findings.append(Finding(severity, split, message))
    return findings


def _groups(kind: str, test: SplitReport) -> list[Finding]:
    """Return why intervals over the groups of the test split are narrower than they should be, or are missing."""
    findings = []
    if kind not in INDEPENDENT:
        message = f"a group is a {kind}, not a slide or patient: intervals may be too narrow"
        findings.append(Finding("warning", "test", message))
    if test.groups < FEWEST_GROUPS:
        message = f"{test.groups} groups ({kind}); intervals need at least {FEWEST_GROUPS}"
        findings.append(Finding("warning", "test", message))
    return findings


def _implausible(card: DatasetCard, tallies: Mapping[str, Sequence[Tally]]) -> list[Finding]:
    """Return what the instance maps of all splits show that is not, or may not be, nuclei."""
    read = [tally for split in tallies.values() for tally in split]
    found = doubts({tally.id: tally.survey for tally in read if tally.survey is not None}, card.mpp)
    return [Finding("error" if doubt.certain else "warning", doubt.where, doubt.message) for doubt in found]


def _shared(tallies: Mapping[str, Sequence[Tally]]) -> list[Finding]:
    findings = []
    kinds: tuple[tuple[str, Severity], ...] = (("group", "warning"), ("id", "error"))
    for what, severity in kinds:
        places: dict[str, set[str]] = defaultdict(set)
        for split, read in tallies.items():
            for tally in read:
                places[getattr(tally, what)].add(split)
        for name in sorted(name for name, splits in places.items() if len(splits) > 1 and name):
            splits = " and ".join(sorted(places[name]))
            findings.append(Finding(severity, name, f"this {what} is in {splits}: scores may be too good"))
    return findings


def _errors(findings: Sequence[Finding]) -> bool:
    return any(item.severity == "error" for item in findings)


def _silent(stage: str, total: int, /, *, done: int = 0, unit: str = "step") -> AbstractContextManager[Progress]:
    return nullcontext(_Uncounted())


class _Uncounted:
    def advance(self, n: int = 1, **values: float) -> None:
        """Show nothing."""

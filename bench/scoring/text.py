"""`bench score text`: the similarity of images and their captions, with the evaluation `alignment`'s scores."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unicodedata import normalize

import numpy as np

from bench.engine.device import resolve_device
from bench.engine.reporter import Reporter
from bench.errors import DataError
from bench.evaluation.alignment_scores import SHUFFLED, SIMILARITY, alignment_rows, embed_texts, not_above
from bench.evaluation.score import jackknife, mean_score, number
from bench.evaluation.statistics import Statistics, columns_of
from bench.formats.csv_tables import Table, read_table, some
from bench.formats.folders import IMAGE_SUFFIXES, walk
from bench.plan.checks import stop_if_missing
from bench.plan.encoders import encoder_handle
from bench.scoring.features import embed
from bench.scoring.output import LEVEL, Bounds, Number, bounds
from bench.scoring.output import number as plain
from bench.scoring.text_report import TextImage, TextReport


def score_text(
    images: Path, captions: Path, *, encoder: str, weights: Path | None, device: str, seed: int, reporter: Reporter
) -> TextReport:
    """Return the similarity of the images of a folder and the captions in a table `file,caption`.

    Args:
        images: the folder; images in subfolders are named by their path in it.
        captions: CSV file with the columns `file` and `caption`, and `group` (slide, patient) if known.
        encoder: name of an encoder with a text tower.
        weights: its weights.
        device: torch device name, or `auto`.
        seed: seed of the shuffled captions.
        reporter: shows the progress.

    Raises:
        DataError: the files of the table are not those of the folder, or no caption is given.
        ConfigError: there is no such encoder, or it has no text tower.
        MissingError: the encoder's weights are not there.
    """
    from metrics.table import distance_name

    table = read_table(captions, "file", ["caption"])
    paths = _paths(images, table)
    said = [row["caption"] for row in table.rows.values()]
    distinct = sorted({caption for caption in said if caption})
    if not distinct:
        raise DataError(f"There is no caption in {captions}", got=f"{len(said)} empty captions")
    handle = encoder_handle(encoder, weights)
    stop_if_missing(list(handle.missing("another --encoder")))
    loaded = handle.load(resolve_device(device).kind)
    texts = dict(zip(distinct, embed_texts(loaded, distinct), strict=True))
    with reporter.progress("embed", len(paths), unit="image") as progress:
        features = embed(paths, loaded, progress)
    groups = _groups(table)
    rows = alignment_rows(features, said, texts, np.random.default_rng(seed))
    about = zip(table.rows, groups, rows, strict=True)
    statistics = Statistics(columns_of([{"id": name, "group": group, **row} for name, group, row in about]))
    own, own_ci = _mean(statistics, SIMILARITY)
    other, other_ci = _mean(statistics, SHUFFLED)
    return TextReport(
        metric=distance_name(SIMILARITY, handle.metric_name),
        similarity=own,
        ci=own_ci,
        shuffled=other,
        shuffled_ci=other_ci,
        n=sum(bool(caption) for caption in said),
        skipped=sum(not caption for caption in said),
        captions=len(distinct),
        encoder=handle.metric_name,
        identity=handle.identity,
        per_image=[
            TextImage(file=name, group=group, similarity=plain(float(value)))
            for name, group, value in zip(table.rows, groups, statistics.numbers(SIMILARITY), strict=True)
        ],
        warnings=list(_warnings(statistics, other)),
    )


def _paths(folder: Path, table: Table) -> list[Path]:
    """Return the image of each row, after a comparison of the table with the folder."""
    there = {normalize("NFC", path.relative_to(folder).as_posix()): path for path in walk(folder, IMAGE_SUFFIXES)}
    sides = (
        ([name for name in table.rows if name not in there], f"in {table.path} without an image in {folder}"),
        ([name for name in there if name not in table.rows], f"in {folder} without a row in {table.path}"),
    )
    wrong = [f"{len(names)} {where}: {some(names)}" for names, where in sides if names]
    if wrong:
        fix = "write one row per image, with its path in the folder; leave the caption empty if there is none"
        raise DataError("The table of captions does not name the images of the folder", got="\n".join(wrong), fix=fix)
    return [there[name] for name in table.rows]


def _groups(table: Table) -> list[str]:
    if "group" not in table.columns:
        return list(table.rows)
    lacking = [name for name, row in table.rows.items() if not row["group"]]
    if lacking:
        raise DataError(f"{table.path} does not have a group for every image", got=f"no group for {some(lacking)}")
    return [row["group"] for row in table.rows.values()]


def _mean(statistics: Statistics, kind: str) -> tuple[Number, Bounds]:
    from metrics.table import FAMILIES
    from metrics.uncertainty import arm_interval

    score = mean_score(kind, partial(number, name=kind))
    found = arm_interval(jackknife(score, [statistics]), bounds=FAMILIES[kind].bounds, level=LEVEL)
    return plain(found.value), bounds(found.low, found.high)


def _warnings(statistics: Statistics, shuffled: Number) -> Iterator[str]:
    if shuffled is None:
        yield "shuffled: all captions are equal"
    warning = not_above(statistics)
    if warning:
        yield f"similarity: {warning}"
    if len(set(statistics.groups)) < 2:
        yield "no intervals: they need at least 2 groups"

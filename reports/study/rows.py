"""The numbers of a study as rows of the results table, next to those of the runs that made its sets."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bench.results.document import RunDocument
from bench.results.table import ResultsStore, ScoreRow
from metrics.table import metric
from reports.study.key import Key, StudySet
from reports.study.results import OVERALL, Bounds, Number, StudyResults

PRESET = "study"
"""Preset of numbers about readers, and of those of sets that no run of the store has made."""
METHOD = "reader-study"
_COPIED = ("data", "division", "fold", "preset", "harness")


def run_key(results: StudyResults) -> str:
    """Return the key of a study's rows: the same study with other answers has another one."""
    return hashlib.sha256(results.model_dump_json().encode()).hexdigest()[:16]


def study_rows(results: StudyResults, key: Key, store: ResultsStore) -> list[ScoreRow]:
    """Return one row per number; those of a method are of the arm whose set readers saw.

    With several readers, intervals are for other readers and other images; those of one reader, and of kappa, are for
    other images only.
    """
    run, arms = run_key(results), _arms(key, store)
    return [ScoreRow(**_row(number, results, arms[number.method]), run=run) for number in results.numbers]


def study_document(results: StudyResults, rows: list[ScoreRow]) -> RunDocument:
    """Return the document that makes rows count."""
    return RunDocument(
        dataset=results.dataset,
        method=METHOD,
        variant=results.study,
        preset=rows[0].preset if rows else PRESET,
        request={"study": results.study, "title": results.title, "readers": len(results.readers)},
    )


def _row(number: Number, results: StudyResults, arm: Mapping[str, Any]) -> dict[str, Any]:
    entry, several = metric(number.metric), number.others.low is not None
    chosen: Bounds = number.others if several else number.these
    return {
        **arm,
        "dataset": results.dataset,
        "metric": number.metric,
        "aggregation": "mean over readers",
        "value": number.value,
        "se": number.se,
        "ci_low": chosen.low,
        "ci_high": chosen.high,
        "ci_method": ("images+readers" if several else "images") if chosen.low is not None else "",
        "n": number.n,
        "n_groups": number.n_groups,
        "direction": entry.direction,
        "p": chosen.p,
        "p_holm": chosen.p_holm,
        "protocol": entry.protocol_version,
        "reason": "" if chosen.low is not None else chosen.reason,
    }


def _arms(key: Key, store: ResultsStore) -> dict[str, dict[str, Any]]:
    """Return the columns that make rows those of an arm, by the method's name in the study."""
    documents = store.documents()
    arms = {one.method: _arm(one, documents, store) for one in key.sets}
    return {**arms, OVERALL: {"kind": "study", "method": OVERALL, "preset": PRESET}}


def _arm(one: StudySet, documents: Mapping[str, RunDocument], store: ResultsStore) -> dict[str, Any]:
    # a set of test masks is part of an arm whose own set has another digest
    digest = one.digest if one.use == "training" else ""
    named = {"method": one.plugin, "variant": one.variant, "generation": max(one.seed, 0), "set_digest": digest}
    runs = [run for run, document in documents.items() if one.step in document.steps]
    for run in reversed(runs):
        rows = store.rows(run)
        own = rows[(rows["method"] == one.plugin) & (rows["variant"] == one.variant) & (rows["kind"] == "score")]
        if len(own):
            return {**_place(own, digest), **named}
    return {"method": one.method, "preset": PRESET, "generation": max(one.seed, 0), "set_digest": digest}


def _place(own: pd.DataFrame, digest: str) -> dict[str, Any]:
    """Return the board that an arm is on: that of the rows of the set itself, if there are any."""
    of_set = own[own["set_digest"] == digest] if digest else own
    return {name: value for name, value in (of_set if len(of_set) else own).iloc[0].items() if name in _COPIED}

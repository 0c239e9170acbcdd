"""The numbers of a study are those that scripted readers imply, in every form in which they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from statsmodels.stats.inter_rater import fleiss_kappa
from statsmodels.stats.proportion import proportion_confint

from bench.results.document import RunDocument
from bench.results.table import ResultsStore, ScoreRow
from metrics.table import METRICS
from reports.leaderboard import leaderboard
from reports.study.answers import read_answers
from reports.study.draft import Amounts
from reports.study.key import Key, KeyImage, KeyQuestion
from reports.study.results import FILE, Number, StudyResults, stored_studies
from reports.study.rows import run_key, study_document, study_rows
from reports.study.scoring import score
from reports.study.section import study_section
from reports.study.tables import NAMES, render_markdown, render_terminal, text_tables
from tests.reports.study.made import Chooses, answer_file, right, study, write
from tests.toy_results import rows as toy_rows


def fooled(method: str, often: Sequence[bool]) -> Chooses:
    """Return a reader who takes some images of a method for real, and prefers it in as many questions."""
    seen: dict[str, bool] = {}

    def choose(question: KeyQuestion, images: Sequence[KeyImage]) -> str:
        wrong = seen.setdefault(question.name, often[len(seen) % len(often)])
        if question.task == "preference":
            return method if wrong else next(image.method for image in images if image.method != method)
        return "real" if images[0].method == method and wrong else images[0].origin

    return choose


def results(key: Key, folder: Path, readers: Sequence[Chooses], *, stop: int | None = None) -> StudyResults:
    """Return the results of scripted readers; the last one stops early."""
    last = len(readers) - 1
    paths = [
        write(folder / f"{n}.json", answer_file(key, n, chooses, stop=stop if n == last else None))
        for n, chooses in enumerate(readers)
    ]
    return score(key, read_answers(key, paths, allow_partial=stop is not None))


def only(found: StudyResults, metric: str, method: str = "reader study") -> Number:
    (number,) = [one for one in found.of(metric) if one.method == method]
    return number


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    amounts = Amounts(preference=8, turing=16, repeats=3)
    return study(tmp_path_factory.mktemp("study"), readers=3, amounts=amounts).key


@pytest.fixture(scope="module")
def found(key: Key, tmp_path_factory: pytest.TempPathFactory) -> StudyResults:
    half = fooled("sdm", [True, False])
    return results(key, tmp_path_factory.mktemp("answers"), [right, half, fooled("sdm", [True])])


def test_readers_who_recognise_everything(key: Key, tmp_path: Path) -> None:
    found = results(key, tmp_path, [right, right, right])
    assert only(found, "turing_accuracy").value == 1
    assert only(found, "turing_sensitivity").value == only(found, "turing_specificity").value == 1
    assert only(found, "fleiss_kappa/turing").value == 1
    assert only(found, "repeat_agreement/turing").value == only(found, "repeat_agreement/preference").value == 1
    assert [one.value for one in found.of("preference_share")] == [0, 1]  # diffmix is the first of the alphabet
    assert [one.value for one in found.of("taken_for_real")] == [0, 0]
    # all chose one method, so that kappa is undefined, and its row says so
    assert only(found, "fleiss_kappa/preference").value is None
    (row,) = [row for row in study_rows(found, key, ResultsStore(tmp_path)) if row.metric == "fleiss_kappa/preference"]
    assert "undefined" in row.reason
    assert [(one.origin, one.called_real, one.called_synthetic) for one in found.confusion] == [
        ("real", 24, 0),
        ("sdm", 0, 12),
        ("diffmix", 0, 12),
    ]


def test_numbers_are_those_of_the_answers(found: StudyResults, key: Key) -> None:
    confusion = {one.origin: (one.called_real, one.called_synthetic) for one in found.confusion}
    of_sdm, missed = confusion["sdm"], only(found, "taken_for_real", "sdm")
    assert confusion["real"] == (24, 0)
    assert confusion["diffmix"] == (0, 12)
    assert missed.value == pytest.approx(of_sdm[0] / 12)
    assert 4 <= of_sdm[0] <= 8
    sensitivity = (12 + of_sdm[1]) / 24
    assert only(found, "turing_sensitivity").value == pytest.approx(sensitivity)
    assert only(found, "turing_accuracy").value == pytest.approx((1 + sensitivity) / 2)
    assert only(found, "turing_accuracy", "sdm").value == pytest.approx((1 + of_sdm[1] / 12) / 2)
    assert only(found, "turing_accuracy", "diffmix").value == 1
    shares = {one.method: one.value for one in found.of("preference_share")}
    chosen = {method: sum(reader.preferences[method] for reader in found.readers) for method in key.methods}
    assert shares == pytest.approx({method: n / 24 for method, n in chosen.items()})
    assert [reader.preferences["sdm"] for reader in found.readers][::2] == [0, 8]


def test_kappa_is_that_of_statsmodels(found: StudyResults, key: Key, tmp_path: Path) -> None:
    half = fooled("sdm", [True, False])
    paths = [
        write(tmp_path / f"{n}.json", answer_file(key, n, one))
        for n, one in enumerate([right, half, fooled("sdm", [True])])
    ]
    readers = read_answers(key, paths)
    for task, choices in (("turing", ("real", "synthetic")), ("preference", key.methods)):
        counts = []
        for question in key.questions:
            given = [a.choice for r in readers for a in r.answers if a.question == question and not a.repeat]
            if question.task == task:
                counts.append([given.count(choice) for choice in choices])
        number = only(found, f"fleiss_kappa/{task}")
        assert number.value == pytest.approx(fleiss_kappa(np.array(counts)))
        assert number.these.low <= number.value <= number.these.high
        assert number.others.low is None
        assert "these readers" in number.others.reason


def test_readers_have_exact_intervals(found: StudyResults) -> None:
    assert [reader.reader for reader in found.readers] == ["reader-1", "reader-2", "reader-3"]
    last = found.readers[2]
    assert (last.accuracy.count, last.accuracy.of) == (12, 16)
    assert (last.accuracy.low, last.accuracy.high) == pytest.approx(proportion_confint(12, 16, method="beta"))
    assert (last.sensitivity.count, last.sensitivity.of) == (4, 8)
    assert (last.specificity.count, last.specificity.of) == (8, 8)
    assert (last.repeats.count, last.repeats.of) == (6, 6)
    assert last.median_seconds == pytest.approx(1.0145, abs=1e-3)


def test_preferences_are_tested_against_chance_with_simultaneous_intervals(found: StudyResults) -> None:
    for number in found.of("preference_share"):
        assert number.chance == 0.5
        assert number.simultaneous
        assert number.these.low < number.value < number.these.high
        assert number.these.p_holm == pytest.approx(min(1, 2 * number.these.p))
        assert number.others.high - number.others.low > number.these.high - number.these.low


def test_a_partial_reader_is_named_and_counts_as_far_as_it_goes(key: Key, tmp_path: Path) -> None:
    found = results(key, tmp_path, [right, right, right], stop=12)
    assert found.partial == ("reader-3",)
    assert found.readers[2].answered == 12
    assert only(found, "turing_accuracy").value == 1
    assert only(found, "turing_accuracy").n < 48
    assert "reader-3" in render_markdown(found)


def test_one_reader_has_no_interval_for_others(key: Key, tmp_path: Path) -> None:
    found = results(key, tmp_path, [fooled("sdm", [True, False])])
    number = only(found, "turing_accuracy")
    assert number.others.low is None
    assert number.these.low is not None
    assert not found.of("fleiss_kappa/turing")
    rows = study_rows(found, key, ResultsStore(tmp_path))
    assert {row.ci_method for row in rows if row.ci_low is not None} == {"images"}


def test_every_metric_is_registered_and_named(found: StudyResults) -> None:
    ids = {number.metric for number in found.numbers}
    assert ids == {id for id, entry in METRICS.items() if entry.group == "readers"} == set(NAMES)


def test_tables_have_every_number_and_reader(found: StudyResults) -> None:
    markdown = render_markdown(found)
    console = Console(width=140)
    with console.capture() as captured:
        console.print(render_terminal(found))
    for text in (markdown, captured.get()):
        for word in ("taken for real: sdm", "Fleiss' kappa", "reader-2", "called synthetic", "Clopper"):
            assert word in text
    assert all(len(row) == len(table.headings) for table in text_tables(found) for row in table.rows)


def test_the_section_of_a_report_is_escaped(found: StudyResults) -> None:
    assert study_section([]) == ""
    named = found.model_copy(update={"title": "<script>x</script>", "methods": ("<b>",)})
    html = study_section([named, found])
    assert "<script>" not in html
    assert "&lt;b&gt;" in html
    assert html.count("<section") == 2
    assert html.count("<caption>") == 6


def test_results_are_rows_of_the_arm_that_made_the_set(found: StudyResults, key: Key, tmp_path: Path) -> None:
    store = ResultsStore(tmp_path)
    runs = [row for method in ("diffmix", "sdm") for row in toy_rows("run-1", method)]
    steps = {key.sets[1].step: "render-masks"}
    store.write("run-1", runs, RunDocument(dataset="phantom", method="diffmix", preset="smoke", steps=steps))
    rows = study_rows(found, key, store)
    by_method = {row.method: row for row in rows if row.metric == "preference_share"}
    assert (by_method["diffmix"].preset, by_method["sdm"].preset) == ("smoke", "study")  # no run here made that set
    assert {row.kind for row in rows if row.method == "reader study"} == {"study"}
    assert by_method["sdm"].value == pytest.approx(only(found, "preference_share", "sdm").value)
    assert by_method["sdm"].ci_method == "images+readers"
    assert all(isinstance(row, ScoreRow) and row.reason == "" for row in rows if row.ci_low is not None)
    run = run_key(found)
    store.write(run, rows, study_document(found, rows))
    (store.folder(run) / FILE).write_text(found.model_dump_json())
    assert list(stored_studies(tmp_path)) == [found]
    boards = {board.preset: board for board in leaderboard(store.table())}
    cells = {row.method: {column.metric for column in row.cells} for row in boards["smoke"].rows}
    assert {"preference_share", "taken_for_real", "pq/image"} <= cells["diffmix"]
    assert "reader study" not in {row.method for board in boards.values() for row in board.rows}

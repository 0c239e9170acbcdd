"""The report as a file: what it holds, what it escapes, how large it is, and that it needs nothing else."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from bench.errors import DataError
from bench.results.evidence import Evidence
from reports.plain_table import Entry, Heading, PlainTable
from reports.report.material import Card
from reports.report.page import linked, render
from reports.study.results import ReaderSummary, Share, StudyResults
from tests import toy_results
from tests.reports.report.toy_report import METHODS, Run, fill, keep, material

HOSTILE = "</style><script>alert(1)</script>"
VOID = {"meta", "link", "img", "input", "br", "hr"}
SECTIONS = ("summary", "boards", "differences", "parallel", "training", "balance", "confusions", "galleries")


class Reader(HTMLParser):
    """Reads a page: its elements in order, its texts, and whether elements are closed where they must be."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.broken: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.broken.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    store = tmp_path_factory.mktemp("store")
    runs = [Run("diffmix", rows=2), Run("sdm", shift=-0.02, rows=2)]
    return render(material(fill(store, runs)))


def section(page: str, name: str) -> str:
    end = r'(?=<section id="|<section class="omitted|</article>)'
    found = re.search(rf'<section id="[^"]*-{name}".*?</h3>(.*?){end}', page, re.DOTALL)
    assert found, name
    return found[1]


def test_all_elements_are_closed(page: str) -> None:
    reader = Reader(page)
    assert reader.open == []
    assert reader.broken == []


def test_nothing_is_loaded_and_nothing_runs(page: str) -> None:
    reader = Reader(page)
    names = {tag for tag, _ in reader.elements}
    assert not names & {"script", "iframe", "object", "embed", "video", "audio", "source", "base", "form"}
    for _, attributes in reader.elements:
        assert not [name for name in attributes if name.startswith("on")]
        assert (attributes.get("src") or "data:").startswith("data:")
    assert [link["href"] for link in reader.named("link")] == ["data:,"]
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(m["content"] for m in reader.named("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_links_inside_the_page_lead_somewhere(page: str) -> None:
    reader = Reader(page)
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = [link["href"] for link in reader.named("a")]
    assert targets
    assert {target.removeprefix("#") for target in targets if target and target.startswith("#")} <= set(ids)
    labels = [a["aria-labelledby"] for _, a in reader.elements if "aria-labelledby" in a]
    assert set(labels) <= set(ids)


def test_headings_are_in_order(page: str) -> None:
    levels = [int(tag[1]) for tag, _ in Reader(page).elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(level <= before + 1 for before, level in pairwise(levels))


def test_all_pictures_have_words(page: str) -> None:
    reader = Reader(page)
    assert len(reader.named("img")) > 20
    assert all(image.get("alt") for image in reader.named("img"))
    charts = reader.named("svg")
    assert charts
    assert all("aria-label" in svg for svg in charts)


def test_every_section_is_there_and_linked(page: str) -> None:
    for name in (*SECTIONS, "provenance"):
        assert f'<a href="#phantom-smoke-{name}">' in page
        assert len(section(page, name)) > 100, name
    words = Reader(page).text
    assert (
        "2 methods (diffmix, sdm) compared with 3 controls (real-only, copy, noise) on phantom, preset smoke" in words
    )
    assert "the smallest difference in pq/image that this table could have found: .021 (80 % power)" in words
    assert "Scaling : no method was tested at two ratios of synthetic to real images" in words


def test_verdicts_stand_beside_their_intervals(page: str) -> None:
    words = Reader(section(page, "summary")).text
    assert "diffmix better PQ +.030, 95 % interval [+.015, +.045], corrected p .016" in words
    assert "sdm undecided PQ -.010, 95 % interval [-.025, +.005]" in words
    forest = Reader(section(page, "differences")).text
    assert "diffmix +.030 [+.015, +.045] .016 ▲ better" in forest
    assert "noise -.160 [-.175, -.145] .016 ▼ worse" in forest


def test_missing_numbers_say_why(page: str) -> None:
    board = Reader(section(page, "boards")).text
    assert "no nucleus of this class in the test split" in board
    assert "duplicates bias it upwards" in board


def test_controls_come_first_in_every_table_of_arms(page: str) -> None:
    for name in ("boards", "differences"):
        rows = re.findall(r'<th [^>]*scope="row"[^>]*>(?:<[^>]*>)*([^<]*)', section(page, name))
        leads = [lead.strip() for lead in rows]
        assert leads.index("noise") < leads.index("diffmix")


def test_pictures_of_several_runs_are_joined(page: str) -> None:
    words = section(page, "galleries")
    masks = words[words.index("Drawn under the same mask") : words.index("Predictions on test tiles")]
    assert re.findall(r'<th scope="col">([^<]*)', masks) == ["real", "noise", "diffmix", "sdm"]
    assert masks.count("<img") == 2 * 4
    tiles = words[words.index("Predictions on test tiles") : words.index("Captions")]
    # all methods stand next to the baseline, and the other controls behind them, as in a single run
    order = ["test tile", "truth", "real-only", "diffmix", "sdm", "copy", "noise"]
    assert re.findall(r'<th scope="col">([^<]*)', tiles) == order
    copies = words[words.index("Suspected copies") : words.index("Least faithful")]
    assert re.findall(r"<h5>([^<]*)", copies) == ["diffmix", "sdm"]
    # the most similar pair first
    assert re.findall(r"correlation \.\d\d", copies)[:2] == ["correlation .90"] * 2


def test_all_text_is_escaped(tmp_path: Path) -> None:
    run = Run(HOSTILE, variant='" onload="alert(2)', rows=1)
    cards = {HOSTILE: Card(HOSTILE, HOSTILE, HOSTILE, {HOSTILE: HOSTILE}, [HOSTILE])}
    page = render(material(fill(tmp_path, [run]), methods=cards))
    reader = Reader(page)
    assert reader.broken == []
    assert "script" not in {tag for tag, _ in reader.elements}
    assert not [a for _, a in reader.elements if "onload" in a]
    assert reader.text.count(HOSTILE) > 10
    assert HOSTILE not in page


def test_only_web_addresses_are_links() -> None:
    assert linked("javascript:alert(1)") == "javascript:alert(1)"
    assert linked("http://a.b/'\" onclick=x").startswith('<a href="http://a.b/" rel="noreferrer">http://a.b/</a>&#39;')


def test_what_is_absent_is_said(tmp_path: Path) -> None:
    results = fill(tmp_path, [Run("diffmix", seeds=1, steps=0)], evidence=False)
    words = Reader(render(material(results))).text
    for title, reason in (
        ("Training curves", "the runs wrote no training curves"),
        ("Galleries", "the runs kept nothing to be looked at; run them again"),
        ("Dataset and methods", "there is no card of the dataset or a method"),
    ):
        assert f"{title} : {reason}" in words
    assert "one seed: intervals cover the choice of test groups only" in words


def test_arms_that_differ_in_a_late_setting_have_different_labels(tmp_path: Path) -> None:
    arms = [Run("diffmix", f"guidance_scale={scale}", rows=0) for scale in ("2.0", "2.5")]
    words = section(render(material(fill(tmp_path, arms))), "parallel")
    labels = re.findall(r'class="label"[^>]*>([^<]*)', words)
    assert {"diffmix (guidance_scale=2.0)", "diffmix (guidance_scale=2.5)"} <= set(labels)
    # the drawing is as wide as its longest label needs
    narrow = section(render(material(fill(tmp_path / "short", [Run("sdm", rows=0)]))), "parallel")
    widths = [int(re.search(r'<svg[^>]* width="(\d+)"', one)[1]) for one in (narrow, words)]
    assert widths[0] < widths[1]


def test_charts_need_controls(tmp_path: Path) -> None:
    results = fill(tmp_path, [Run("diffmix", rows=1)])
    whole = material(results)
    lacking = whole.table[whole.table["method"] != "noise"]
    boards = [type(b)(**{**b.__dict__, "rows": [r for r in b.rows if r.method != "noise"]}) for b in whole.boards]
    page = render(type(whole)(boards, whole.runs, lacking))
    assert "without the control noise, charts of phantom · smoke · 600 steps cannot be read" in page
    assert '-differences"' not in page
    assert '-parallel"' not in page


def test_leaks_and_tiny_are_warned_of(tmp_path: Path) -> None:
    leaking = Run("sdm", rows=1, extra=[toy_results.leak(method="sdm", run="x")])
    summary = section(render(material(fill(tmp_path / "a", [leaking]))), "summary")
    assert "contains test images" in summary
    assert '<span class="verdict leak">' in summary
    tiny = Run("sdm", rows=1, fixed={"preset": "tiny"})
    page = render(material(fill(tmp_path / "b", [tiny])))
    assert "preset tiny: these numbers mean nothing" in page


def test_runs_of_an_older_harness_are_left_out(tmp_path: Path) -> None:
    older = Run("diffmix", rows=1, fixed={"harness": 1})
    page = render(material(fill(tmp_path, [older, Run("sdm", rows=1, fixed={"harness": 2})])))
    assert "numbers of an older protocol are left out" in page
    assert re.findall(r'<section class="origin" aria-labelledby="[^"]*"', page) == [
        f'<section class="origin" aria-labelledby="phantom-smoke-run-{Run("sdm", fixed={"harness": 2}).key}"'
    ]


def test_what_could_not_be_drawn_is_said(tmp_path: Path) -> None:
    run = Run("sdm", rows=1)
    results = fill(tmp_path, [run])
    kept = Evidence.read(results.folder(run.key))
    assert kept is not None
    kept.model_copy(update={"lacking": ("same masks: a set was deleted",)}).write(results.folder(run.key))
    assert "Galleries of sdm : same masks: a set was deleted" in Reader(render(material(results))).text


def test_studies_of_readers_have_their_tables(tmp_path: Path) -> None:
    run = Run("diffmix", rows=1)
    results = fill(tmp_path, [run])
    assert "Reader studies : no study of these sets is recorded" in Reader(render(material(results))).text
    reader = ReaderSummary(
        reader="reader-1",
        answered=10,
        asked=10,
        accuracy=Share(count=6, of=10, value=0.6, low=0.26, high=0.88),
        sensitivity=None,
        specificity=None,
        repeats=None,
        preferences={"diffmix": 3},
        median_seconds=2.0,
    )
    study = StudyResults(
        study="s1",
        title="Which is <real>?",
        dataset="phantom",
        methods=("diffmix",),
        readers=(reader,),
        partial=(),
        numbers=(),
        confusion=(),
    )
    (results.folder(run.key) / "study.json").write_text(study.model_dump_json(), encoding="utf-8")
    found = section(render(material(results)), "studies")
    assert "Which is &lt;real&gt;?" in found
    assert "reader-1" in found


def test_presets_are_apart(tmp_path: Path) -> None:
    runs = [Run("diffmix", rows=1), Run("diffmix", rows=1, shift=0.01, fixed={"preset": "small"})]
    page = render(material(fill(tmp_path, runs)))
    assert re.findall(r"<h2[^>]*>([^<]*)", page) == ["phantom · small", "phantom · smoke"]
    assert page.count("<article") == 2


def test_ratios_have_a_chart(tmp_path: Path) -> None:
    runs = [
        Run("diffmix", f"{ratio:g}x", rows=1, shift=ratio / 100, fixed={"ratio": ratio}) for ratio in (0.5, 1.0, 2.0)
    ]
    words = Reader(section(render(material(fill(tmp_path, runs))), "scaling")).text
    assert "0.5x 1x 2x" in words
    assert "pq ↑ image hovernet .360 (.336\N{EN DASH}.383)" in words


def test_a_lost_picture_is_an_error(tmp_path: Path) -> None:
    run = Run("diffmix", rows=1)
    results = fill(tmp_path, [run])
    lost = next(results.folder(run.key).glob("evidence/*.webp"))
    lost.unlink()
    with pytest.raises(DataError, match="A picture of a run cannot be read"):
        render(material(results))


def test_evidence_outside_its_folder_is_an_error(tmp_path: Path) -> None:
    run = Run("diffmix", rows=1)
    results = fill(tmp_path, [run], evidence=False)
    keep(results.folder(run.key), run)
    kept = Evidence.read(results.folder(run.key))
    assert kept is not None
    picture = kept.pictures[0].model_copy(update={"file": "../../secret.png"})
    kept.model_copy(update={"pictures": (picture,)}).write(results.folder(run.key))
    (results.root / "secret.png").write_bytes(b"")
    with pytest.raises(DataError, match="outside"):
        render(material(results))


def test_papers_numbers_stand_with_their_boards_and_the_agreement_of_metrics_below_all(tmp_path: Path) -> None:
    def table(title: str) -> PlainTable:
        return PlainTable(title, [Heading("arm", "arm", False)], [[Entry("<sdm>", "a")]], [], notes=["a as printed"])

    made = material(fill(tmp_path, [Run("sdm", rows=2)]))
    page = render(replace(made, published=[[table("A paper")]], agreement=[table("What predicts")]))
    assert Reader(section(page, "published")).text == "A paper A paper arm <sdm> a a as printed"
    below = page[page.index('<article id="agreement"') :]
    assert "What predicts arm <sdm> a a as printed" in Reader(below).text
    assert '<a href="#agreement">' in page
    test_headings_are_in_order(page)
    test_all_elements_are_closed(page)
    without = Reader(render(made)).text
    assert "Published numbers : no table of a paper has an arm that was run" in without


def test_ten_methods_of_three_seeds_fit_in_15_megabytes_and_20_seconds(tmp_path: Path) -> None:
    names = [*METHODS, "stylegan2", "histodiffusion"]
    results = fill(tmp_path, [Run(name, rows=6, shift=0.001 * place) for place, name in enumerate(names)])
    began = time.process_time()
    page = render(material(results))
    assert time.process_time() - began < 20
    assert 5e6 < len(page.encode()) < 15e6
    assert "Left out to keep the page small: " in page

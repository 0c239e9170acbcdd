"""Tables on narrow terminals: words wrap, no number is cut."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from bench.scoring.classes_report import ClassesReport
from bench.scoring.images_report import ImagesReport
from bench.scoring.nuclei_report import NucleiReport
from bench.scoring.render import render_classes, render_images, render_nuclei
from tests.bench.scoring.test_schemas import EXAMPLES


def shown(lines, width) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    for line in lines:
        console.print(line, soft_wrap=isinstance(line, str))
    return console.file.getvalue()


@pytest.mark.parametrize("width", [72, 200])
def test_every_number_is_whole(width) -> None:
    images = ImagesReport.model_validate_json(EXAMPLES["images"]).model_copy(
        update={"kd": -6.869e-05, "kd_se": 8.293e-05, "warnings": ["fd: few", "precision, recall: none"]}
    )
    text = shown(render_images(images), width)
    for value in ("-6.869e-05", "8.293e-05", f"{images.fd_floor:.4g}", f"{images.coverage:.4f}", "copy_rate"):
        assert value in text
    marked = [line.split()[0] for line in text.splitlines() if line.split()[2:3] == ["!"]]
    assert marked == ["fd", "precision", "recall"]
    nuclei = NucleiReport.model_validate_json(EXAMPLES["nuclei"])
    text = shown(render_nuclei(nuclei), width)
    for value, (low, high) in zip(nuclei.metrics.f_type.values(), nuclei.ci.f_type.values(), strict=True):
        assert f"{value:.4f}  {low:.4f} to {high:.4f}" in text
    classes = ClassesReport.model_validate_json(EXAMPLES["classes"])
    text = shown(render_classes(classes), width)
    assert f"{classes.auroc:.4f}" in text
    assert all(str(count) in text for row in classes.confusion for count in row)


def test_names_are_no_markup() -> None:
    classes = ClassesReport.model_validate_json(EXAMPLES["classes"].replace("tumour", "[bold]tumour"))
    assert "[bold]tumour" in shown(render_classes(classes), 120)
    nuclei = NucleiReport.model_validate_json(EXAMPLES["nuclei"]).model_copy(update={"classes": ["[red]a", *"bcd"]})
    assert "class 1, [red]a" in shown(render_nuclei(nuclei), 120)


def test_what_was_done_to_outlines_is_said_by_side() -> None:
    example = NucleiReport.model_validate_json(EXAMPLES["nuclei"])
    outlines = example.outlines.model_copy(update={"pred": {"nuclei outside of the image left out": 1234}})
    text = shown(render_nuclei(example.model_copy(update={"outlines": outlines})), 120)
    assert "! predicted files, nuclei outside of the image left out: 1,234" in text
    assert "true files" not in text

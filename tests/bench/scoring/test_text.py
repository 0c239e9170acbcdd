"""`bench score text`: images of a folder and a table of captions, with a small CLIP trained here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.engine.reporter import Reporter
from bench.errors import BenchError, ConfigError, DataError
from bench.imageio import write_png
from bench.scoring.text import score_text
from bench.scoring.text_report import TextReport
from methods.text.config import SIZES
from methods.text.training import train_caption_encoder
from tests import toy
from tests.methods.text.captions import CaptionedDataset

DATA = CaptionedDataset(12, 48)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("scored")
    train_caption_encoder(SIZES["tiny"], DATA, out, toy.Run())
    (out / "images" / "sub").mkdir(parents=True)
    lines = ["file,caption,group"]
    for index, sample in enumerate(DATA.samples):
        name = f"{'sub/' if index % 2 else ''}{index}.png"
        write_png(out / "images" / name, sample.image)
        lines.append(f'{name},"{"" if index == 3 else sample.caption}",{sample.group}')
    (out / "captions.csv").write_text("\n".join(lines), encoding="utf-8")
    return out


def _score(folder: Path, captions: Path | None = None, encoder: str = "caption-clip:tiny") -> TextReport:
    return score_text(
        folder / "images",
        captions or folder / "captions.csv",
        encoder=encoder,
        weights=folder,
        device="cpu",
        seed=0,
        reporter=Reporter(quiet=True),
    )


def test_the_score_is_that_of_transformers(folder: Path) -> None:
    import torch
    from transformers import CLIPModel, CLIPProcessor

    report = _score(folder)
    assert (report.metric, report.n, report.skipped, report.captions) == ("clip_similarity@caption-clip", 11, 1, 6)
    assert report.per_image[3].similarity is None
    clip = folder / "caption-encoder"
    model, processor = CLIPModel.from_pretrained(clip).eval(), CLIPProcessor.from_pretrained(clip)
    for index in (0, 5):
        inputs = processor(
            text=[DATA[index].caption], images=[DATA[index].image], return_tensors="pt", padding=True, truncation=True
        )
        with torch.inference_mode():
            out = model(**inputs)
        cosine = float((out.image_embeds * out.text_embeds).sum())
        assert report.per_image[index].similarity == pytest.approx(100 * cosine, abs=0.5)


def test_the_command_prints_the_report(folder: Path) -> None:
    arguments = ["--images", str(folder / "images"), "--captions", str(folder / "captions.csv")]
    arguments += ["--encoder", "caption-clip:tiny", "--weights", str(folder)]
    shown = CliRunner().invoke(app, ["score", "text", *arguments, "--json"])
    assert shown.exit_code == 0, shown.output
    assert TextReport.model_validate(json.loads(shown.stdout)) == _score(folder)
    printed = CliRunner().invoke(app, ["score", "text", *arguments])
    assert "with shuffled captions" in printed.stdout
    assert "11 images with a caption, 6 distinct" in printed.stdout


def test_missing_and_extra_files_are_named(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.csv"
    text = (folder / "captions.csv").read_text(encoding="utf-8")
    table.write_text(text.replace("sub/1.png", "sub/lost.png"), encoding="utf-8")
    with pytest.raises(DataError) as error:
        _score(folder, table)
    assert "sub/lost.png" in error.value.got
    assert "sub/1.png" in error.value.got


@pytest.mark.parametrize(
    ("change", "message"),
    [(("0.png", "2.png"), "does not have each file once"), (("file,caption", "file,text"), "columns file,caption")],
)
def test_wrong_tables_are_refused(folder: Path, tmp_path: Path, change: tuple[str, str], message: str) -> None:
    table = tmp_path / "captions.csv"
    table.write_text((folder / "captions.csv").read_text(encoding="utf-8").replace(*change, 1), encoding="utf-8")
    with pytest.raises(BenchError, match=message):
        _score(folder, table)


def test_an_encoder_without_texts_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="without a text tower"):
        _score(folder, encoder="random-convnet")

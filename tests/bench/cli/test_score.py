"""`bench score` as a person meets it: JSON that is JSON alone, tables, three-line errors, a quick start."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench import cli
from bench.scoring.schemas import REPORTS
from tests import toy
from tests.bench.formats.labels import formats, outline_formats

ROOT = Path(__file__).parents[3]
HEAVY = ("torch", "mlflow", "pandas")


@pytest.fixture
def folder(tmp_path):
    """Folders and files for all three commands."""
    rng = np.random.default_rng(0)
    for index in range(4):
        _, instances, types = toy.tile(index, 64, density=0.01)
        formats.write(tmp_path / "true", f"t{index}", formats.consep, instances, types)
        formats.write(tmp_path / "pred", f"t{index}", formats.two_channels, np.roll(instances, 1, axis=0), types)
        for name in ("real", "made"):
            (tmp_path / name).mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32, 3)).astype(np.uint8)).save(tmp_path / name / f"{index}.png")
    (tmp_path / "groups.csv").write_text("stem,group\nt0,a\nt1,a\nt2,b\nt3,b\n")
    np.save(tmp_path / "r.npy", rng.normal(size=(40, 5)))
    np.save(tmp_path / "s.npy", rng.normal(size=(20, 5)))
    (tmp_path / "t.csv").write_text("id,label\na,x\nb,y\nc,x\nd,y\n")
    (tmp_path / "p.csv").write_text("id,x,y\na,.9,.1\nb,.6,.4\nc,.7,.3\nd,.1,.9\n")
    return tmp_path


COMMANDS = {
    "nuclei": ("nuclei", "--true", "true", "--pred", "pred", "--groups", "groups.csv"),
    "images": ("images", "--real", "r.npy", "--synthetic", "s.npy", "--test", "s.npy"),
    "classes": ("classes", "--true", "t.csv", "--pred", "p.csv"),
}


def run(monkeypatch, capsys, folder, *arguments) -> tuple[int, str, str]:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["bench", "score", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    printed = capsys.readouterr()
    return int(caught.value.code or 0), printed.out, printed.err


@pytest.mark.parametrize("name", COMMANDS)
def test_json_is_all_that_is_printed_and_fits_the_schema(monkeypatch, capsys, folder, name) -> None:
    code, out, err = run(monkeypatch, capsys, folder, *COMMANDS[name], "--json")
    assert (code, err) == (0, "")
    assert json.loads(out, parse_constant=pytest.fail)  # NaN is no JSON
    report = REPORTS[name].model_validate_json(out)
    assert run(monkeypatch, capsys, folder, *COMMANDS[name], "--json")[1] == out
    if name == "nuclei":
        said = ["images", "metrics", "skipped", "per_image", "ci", "more", "warnings", "classes", "outlines"]
        assert list(json.loads(out)) == said
        assert [image.group for image in report.per_image] == ["a", "a", "b", "b"]


def test_images_in_folders_are_embedded(monkeypatch, capsys, folder) -> None:
    code, out, err = run(monkeypatch, capsys, folder, "images", "--real", "real", "--synthetic", "made", "--json")
    assert (code, err) == (0, "")
    report = REPORTS["images"].model_validate_json(out)
    assert report.encoder == "random-convnet"
    assert any("198 dimensions" in warning for warning in report.warnings)


def test_tables_show_values_intervals_and_what_is_left_out(monkeypatch, capsys, folder) -> None:
    blank = np.zeros((64, 64), np.int32)
    formats.write(folder / "true", "t4", formats.png, blank)
    formats.write(folder / "pred", "t4", formats.png, blank)
    names = "misc,inflammatory,epithelial,spindle"
    arguments = ("nuclei", "--true", "true", "--pred", "pred", "--classes", names)
    code, out, _ = run(monkeypatch, capsys, folder, *arguments)
    report = REPORTS["nuclei"].model_validate_json(run(monkeypatch, capsys, folder, *arguments, "--json")[1])
    assert code == 0
    line = next(line for line in out.splitlines() if line.startswith("PQ")).split()
    low, high = report.ci.pq
    assert line == ["PQ", f"{report.metrics.pq:.4f}", f"{low:.4f}", "to", f"{high:.4f}", "4", "mean"]
    assert "F of class 4, spindle" in out
    assert "left out of the means: 1 image" in out
    assert "predictions without classes, left out of types: 1 image" in out
    assert "too narrow where images share slides" in out


def test_outlines_are_scored_by_names_in_quotes_and_what_was_done_to_them_is_shown(
    monkeypatch, capsys, tmp_path
) -> None:
    ids, types = outline_formats.cells(3)
    formats.write(tmp_path / "true", "a", formats.consep, ids, types)
    (tmp_path / "pred").mkdir()
    path = outline_formats.qupath(tmp_path / "pred" / "a", ids, types)
    content = json.loads(path.read_text())
    content["features"].append({"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[1, 1], [2, 2]]]}})
    path.write_text(json.dumps(content).replace('"detection"', '"annotation"'))
    names = 'Epithelial, Lymphocyte,"stroma, néw",Tumor: Positive'
    arguments = ("nuclei", "--true", "true", "--pred", "pred", "--classes", names)
    code, out, _ = run(monkeypatch, capsys, tmp_path, *arguments)
    assert code == 0
    assert next(line for line in out.splitlines() if line.startswith("PQ")).split()[1] == "1.0000"
    assert "F of class 3, stroma, néw" in out
    assert "! predicted files, outlines of fewer than 3 points left out: 1" in out


def test_the_other_tables(monkeypatch, capsys, folder) -> None:
    _, out, _ = run(monkeypatch, capsys, folder, "images", "--real", "r.npy", "--synthetic", "s.npy")
    assert "needs --test" in out
    assert "40 real, 20 synthetic; encoder features" in out
    few = ("images", "--real", "real", "--synthetic", "made")
    lines = run(monkeypatch, capsys, folder, *few)[1].splitlines()
    assert next(line for line in lines if line.startswith("fd ")).split()[2] == "!"
    assert any(line.startswith("! fd: 4 real and 4 synthetic images for 198 dimensions") for line in lines)
    assert any("gross failures" in line for line in lines)
    _, out, _ = run(monkeypatch, capsys, folder, *COMMANDS["classes"])
    assert [line.split() for line in out.splitlines() if line.startswith(("x ", "y "))][-2:] == [
        ["x", "2", "0"],
        ["y", "1", "1"],
    ]


WRONG = [
    ("nuclei", "--true", "true", "--pred", "real"),
    ("nuclei", "--true", "true", "--pred", "pred", "--mpp", "0"),
    ("nuclei", "--true", "true", "--pred", "pred", "--classes", "a,a"),
    ("nuclei", "--true", "true", "--pred", "pred", "--classes", ""),
    ("nuclei", "--true", "true", "--pred", "pred", "--classes", "a,b\rc"),
    ("nuclei", "--true", "true", "--pred", "t.csv"),
    ("nuclei", "--true", "true", "--pred", "pred", "--groups", "t.csv"),
    ("nuclei", "--true", "true"),
    ("images", "--real", "r.npy", "--synthetic", "made"),
    ("images", "--real", "true", "--synthetic", "made"),
    ("classes", "--true", "t.csv", "--pred", "groups.csv"),
    ("pixels",),
]


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_requests_end_in_three_lines(monkeypatch, capsys, folder, arguments) -> None:
    code, out, err = run(monkeypatch, capsys, folder, *arguments)
    assert (code, out) == (2, "")
    lines = [line[:6] for line in err.splitlines() if not line.startswith(" ")]
    assert lines == ["error:", "got:  ", "fix:  "]


def test_torch_is_loaded_for_embedding_alone(folder) -> None:
    runs = "".join(f"    app({['score', *COMMANDS[name]]!r}, standalone_mode=False)\n" for name in ("nuclei", "images"))
    script = (
        "import contextlib, io, sys\nfrom bench.cli import app\n"
        f"with contextlib.redirect_stdout(io.StringIO()):\n{runs}"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr

"""The same nuclei in each label format score 1 against each other, and maps that cannot be nuclei are no scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import DataError
from bench.scoring.nuclei import score_nuclei
from bench.scoring.pairing import pair_labels
from tests.bench.formats.labels import formats
from tests.toy_maps import pair, typed

TRUE, PRED = pair(5, size=120, n=30)
TYPES = typed(np.random.default_rng(5), TRUE, 3)
WRITERS = (*formats.TYPED, *formats.UNTYPED)


def score(folder, **options):
    pairs = pair_labels(folder / "true", folder / "pred")
    return score_nuclei(pairs, [each.stem for each in pairs], mpp=0.25, **options)


@pytest.mark.parametrize("number", range(len(WRITERS)), ids=[writer.__name__ for writer in WRITERS])
def test_the_same_nuclei_in_two_formats(tmp_path, number) -> None:
    """Each format against the next in a circle: all are equal."""
    first, second = WRITERS[number], WRITERS[(number + 1) % len(WRITERS)]
    formats.write(tmp_path / "true", "a", first, TRUE, TYPES)
    formats.write(tmp_path / "pred", "a", second, TRUE, TYPES)
    found = score(tmp_path)
    assert (found.metrics.pq, found.metrics.dice, found.metrics.f_d) == (1, 1, 1)
    assert found.warnings == []
    if {first, second} <= set(formats.TYPED):
        assert found.metrics.acc == 1


def masked(folder, side):
    for name, map_ in (("true", TRUE), ("pred", PRED)):
        formats.write(folder / name, "a", formats.one_channel, (map_ > 0) * 1 if name == side else map_)


@pytest.mark.parametrize("side", ["true", "pred"])
def test_a_mask_on_either_side_is_refused_by_name(tmp_path, side) -> None:
    masked(tmp_path, side)
    with pytest.raises(
        DataError, match=rf"not nuclei: {side}\w* labels of a; got: the only id has \d+ separate pieces"
    ):
        score(tmp_path)


def test_what_is_doubtful_is_a_warning_line_and_a_field(tmp_path) -> None:
    doubtful = np.where(np.isin(TRUE, TRUE.max()), 1, TRUE)
    formats.write(tmp_path / "true", "a", formats.png, doubtful)
    formats.write(tmp_path / "pred", "a", formats.png, TRUE)
    command = ["score", "nuclei", "--true", str(tmp_path / "true"), "--pred", str(tmp_path / "pred")]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0
    assert "true labels of a: an id is in pieces far apart, which count as one nucleus" in found.output.replace(
        "\n", ""
    )
    report = json.loads(CliRunner().invoke(app, [*command, "--json"]).stdout)
    assert report["warnings"] == ["true labels of a: an id is in pieces far apart, which count as one nucleus"]


def test_one_predicted_nucleus_over_the_image_is_a_score_but_as_truth_it_is_refused(tmp_path) -> None:
    everywhere = np.ones((300, 300), np.int32)
    sound, _ = pair(1, size=300, n=100)
    formats.write(tmp_path / "true", "a", formats.png, sound)
    formats.write(tmp_path / "pred", "a", formats.png, everywhere)
    assert score(tmp_path).metrics.pq == 0
    assert "larger than any nucleus" in score(tmp_path).warnings[0]
    formats.write(tmp_path / "true", "a", formats.png, everywhere)
    with pytest.raises(DataError, match="larger than any nucleus"):
        score(tmp_path)


def test_jpeg_next_to_labels_is_no_label(tmp_path) -> None:
    for side in ("true", "pred"):
        (tmp_path / side).mkdir()
        Image.fromarray(TRUE.astype(np.uint8)).save(tmp_path / side / "a.jpg")
    with pytest.raises(DataError, match="There are no true labels"):
        score(tmp_path)

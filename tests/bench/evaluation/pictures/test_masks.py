"""What arms draw of test masks is shown under the same masks, the least faithful image first."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.engine.session import Session, drive, together
from bench.evaluation.base import Measured
from bench.evaluation.faithfulness import Faithfulness
from bench.evaluation.pictures.shown import Shown
from bench.evaluation.statistics import Statistics
from bench.plan.arms import Arm
from bench.stages.patches import cut_rectangle
from bench.stages.synthesize import synthesize
from tests.bench.evaluation.test_faithfulness import DATA, TEST, arm, preset, segmenter
from tests.bench.evaluation.trials import Given, bench_of


def measured(session: Session, folder: Path, asked: Arm) -> Measured:
    frame = bench_of(session, DATA, asked, preset=preset())
    made = drive(together(synthesize(session, asked, DATA, {}, 4, 0, "seed 0")))
    trial = Given(frame, asked, made, judge=segmenter(folder))
    return Measured(trial, made, drive(Faithfulness().measure(trial)))


def gallery(each: Measured, name: str) -> list[Shown]:
    return [one for one in Faithfulness().pictures([each]) if one.gallery == name]


def test_the_real_column_is_the_window_that_the_row_names(session: Session, tmp_path: Path) -> None:
    each = measured(session, tmp_path / "model", arm("mine"))
    shown = gallery(each, "same-mask")
    assert [one.column for one in shown] == ["truth", "real", "mine"] * (len(shown) // 3)
    assert 1 < len(shown) // 3 <= 8
    drawn = each.evidence.drawn[0].set
    for truth, real, made in zip(shown[::3], shown[1::3], shown[2::3], strict=True):
        tile, row, column = real.row.split(", ")
        y, x = int(row.removeprefix("row ")), int(column.removeprefix("column "))
        window = cut_rectangle(TEST[TEST.ids.index(tile)], y, x, 32, 32)
        np.testing.assert_array_equal(real.image, window.image)
        np.testing.assert_array_equal(truth.labels.instances, window.instances)
        (index,) = [at for at in range(len(drawn)) if np.array_equal(drawn[at].instances, window.instances)]
        np.testing.assert_array_equal(made.image, drawn.image(index))


def test_two_methods_show_the_same_rows(session: Session, tmp_path: Path) -> None:
    first, second = (measured(session, tmp_path / name, arm(name, shift=n)) for n, name in enumerate(("a", "b")))
    rows = [[one.row for one in gallery(each, "same-mask")] for each in (first, second)]
    assert rows[0] == rows[1]


def test_the_least_faithful_image_comes_first(session: Session, tmp_path: Path) -> None:
    each = measured(session, tmp_path / "model", arm("mine", shift=5))
    shown = gallery(each, "faithfulness")
    scores = Statistics(each.evidence.scores[0].path).numbers("fs1")
    assert [one.column for one in shown[:2]] == ["mine", "found by reader"]
    np.testing.assert_allclose([one.value for one in shown[::2]], np.sort(scores)[: len(shown) // 2])
    worst = int(np.nanargmin(scores))
    drawn = each.evidence.drawn[0].set
    for one in shown[:2]:
        np.testing.assert_array_equal(one.image, drawn.image(worst))
    np.testing.assert_array_equal(shown[0].labels.instances, drawn[worst].instances)
    assert (shown[1].labels.instances > 0).sum() != (shown[0].labels.instances > 0).sum()
    assert shown[0].note.startswith(f"FS1 {scores[worst]:.2f}".replace("0.", "."))


def test_an_arm_that_draws_no_mask_shows_nothing(session: Session, tmp_path: Path) -> None:
    each = measured(session, tmp_path / "model", arm("mine", draws_any_mask=False))
    assert list(Faithfulness().pictures([each])) == []

"""Guidance: what the prediction without condition sees, and when it has no effect."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bench.contract import Condition
from methods.pathdiff.config import PathDiffConfig
from methods.pathdiff.method import PathDiffM
from methods.pathdiff.render import Folders, Painter, Shown
from tests import toy
from tests.methods.pathdiff.settings import fit_all, tiny

CLASSES = toy.CLASSES


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    fitted = fit_all(PathDiffM(tiny()), tmp_path_factory.mktemp("parts"))
    return Folders(
        fitted["autoencoder"],
        fitted["caption-encoder"] / "caption-encoder",
        fitted["text-diffusion"],
        fitted["control"],
    )


def condition(number: int) -> Condition:
    _, instances, types = toy.tile(number, 16, density=0.02)
    return Condition(id=f"c{number}", kind="copy", seed=number, instances=instances, types=types)


def drawn(folders: Folders, shown: Shown, **changed: Any) -> np.ndarray:
    config = PathDiffConfig.model_validate({**tiny().model_dump(), **changed})
    painter, asked = Painter(config, folders, CLASSES, toy.Run()), [condition(1), condition(2)]
    return np.stack(list(painter.draw(asked, {one.id: shown for one in asked})))


MASK, CAPTION, BOTH = Shown("", True), Shown("discs on pink", False), Shown("discs on pink", True)


def test_masks_without_caption_do_not_depend_on_the_scale_of_text_guidance(folders: Folders) -> None:
    assert np.array_equal(drawn(folders, MASK, guidance_scale=1.0), drawn(folders, MASK, guidance_scale=7.0))


@pytest.mark.parametrize(
    ("shown", "null"),
    [(MASK, "mask"), (MASK, "both"), (CAPTION, "text"), (BOTH, "text"), (BOTH, "mask"), (BOTH, "both")],
)
def test_other_guidance_depends_on_the_scale(folders: Folders, shown: Shown, null: str) -> None:
    one, seven = (drawn(folders, shown, null=null, guidance_scale=scale) for scale in (1.0, 7.0))
    assert not np.array_equal(one, seven)


def test_scale_one_is_the_conditional_prediction(folders: Folders) -> None:
    painter = Painter(
        PathDiffConfig.model_validate({**tiny().model_dump(), "guidance_scale": 1.0, "null": "both"}),
        folders,
        CLASSES,
        toy.Run(),
    )
    asked = [condition(1), condition(2)]
    x = torch.randn(2, *painter._shape, generator=torch.Generator().manual_seed(0))
    calls: list[int] = []
    handle = painter._network.register_forward_pre_hook(lambda module, given: calls.append(len(given[0])))
    painter.predictor(asked, [BOTH, BOTH])(x, 500)
    handle.remove()
    assert calls == [2]  # one pass, not two


def test_an_image_does_not_depend_on_others_in_its_batch(folders: Folders) -> None:
    painter, asked = Painter(tiny(), folders, CLASSES, toy.Run()), [condition(1), condition(2), condition(3)]
    together = list(painter.draw(asked, dict.fromkeys(("c1", "c2", "c3"), BOTH)))
    single = list(painter.draw(asked[2:], {"c3": BOTH}))
    assert np.abs(together[2].astype(int) - single[0].astype(int)).max() <= 1


def test_images_depend_on_mask_caption_and_seed(folders: Folders) -> None:
    base = drawn(folders, BOTH)
    assert not np.array_equal(base, drawn(folders, MASK))
    assert not np.array_equal(base, drawn(folders, CAPTION))
    assert not np.array_equal(base[0], base[1])

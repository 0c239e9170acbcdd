"""Losses: plain numpy twins and closed forms, weights of classes, self-guided weights."""

import numpy as np
import pytest
import torch

from downstream.sonnet.config import LossSettings
from downstream.sonnet.losses import class_weights, decode_ordinal, focal, guidance, ordinal_loss, sonnet_loss
from tests.reference import sonnet as twin

WEIGHTS = [0.3, 2.2, 0.96, 0.73, 0.81]


def case(seed: int = 0) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    output = {name: torch.randn(2, c, 6, 5, generator=generator) for name, c in (("np", 2), ("ord", 16), ("tp", 5))}
    batch = {
        name: torch.randint(0, high, (2, 6, 5), generator=generator, dtype=torch.uint8)
        for name, high in (("nucleus", 2), ("ordinal", 9), ("types", 5))
    }
    return output, batch


def test_ordinal_loss() -> None:
    output, batch = case()
    expected = twin.ordinal_loss(output["ord"].numpy(), batch["ordinal"].numpy())
    assert float(ordinal_loss(output["ord"], batch["ordinal"])) == pytest.approx(expected, rel=1e-5)


def test_ordinal_loss_of_certain_units() -> None:
    """Undecided units cost log 2 each; wrong ones are clipped at 1e-7; right ones cost next to nothing."""
    true = torch.full((1, 2, 2), 3)
    assert float(ordinal_loss(torch.zeros(1, 16, 2, 2), true)) == pytest.approx(8 * np.log(2), rel=1e-6)
    logits = torch.full((1, 8, 2, 1, 1), 0.0)
    logits[:, :3, 1], logits[:, 3:, 0] = 50.0, 50.0
    right = logits.flatten(1, 2).expand(1, 16, 2, 2)
    assert float(ordinal_loss(right, true)) == pytest.approx(0, abs=1e-5)
    assert (decode_ordinal(right) == true).all()
    wrong = logits.flip(2).flatten(1, 2).expand(1, 16, 2, 2)
    assert float(ordinal_loss(wrong, true)) == pytest.approx(-8 * np.log(1e-7), rel=1e-2)


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0])
def test_focal(gamma: float) -> None:
    output, batch = case()
    probability, true = output["tp"].softmax(1), batch["types"].long()
    expected = twin.focal(probability.numpy(), true.numpy(), WEIGHTS, gamma)
    np.testing.assert_allclose(focal(probability, true, WEIGHTS, gamma).numpy(), expected, rtol=1e-4)


def test_sum_of_terms() -> None:
    output, batch = case()
    settings = LossSettings()
    found = {name: float(value) for name, value in sonnet_loss(output, batch, settings, WEIGHTS).items()}
    p, t = output["np"].softmax(1).numpy(), batch["nucleus"].numpy()
    dice = sum(
        1 - (2 * p[:, c][t == c].sum() + 1e-3) / (p[:, c].sum() + (t == c).sum() + 1e-3) for c in (0, 1)
    )  # of the whole batch, as in the release
    assert found["np_ce"] == pytest.approx(twin.focal(p, t, [0.8, 1.2], 0).mean(), rel=1e-5)
    assert found["np_dice"] == pytest.approx(dice, rel=1e-5)
    assert found["ord"] == pytest.approx(twin.ordinal_loss(output["ord"].numpy(), batch["ordinal"].numpy()), rel=1e-5)
    types = twin.focal(output["tp"].softmax(1).numpy(), batch["types"].numpy(), WEIGHTS, 1)
    assert found["tp_focal"] == pytest.approx(types.mean(), rel=1e-5)
    assert found["loss"] == pytest.approx(sum(value for name, value in found.items() if name != "loss"), rel=1e-5)
    for name in ("np_ce", "np_dice", "ord", "tp_focal"):
        doubled = sonnet_loss(output, batch, LossSettings(**{name: 2.0}), WEIGHTS)["loss"]
        assert float(doubled) - found["loss"] == pytest.approx(found[name], rel=1e-3)


def test_self_guided_weights_come_from_the_predicted_map() -> None:
    output, batch = case()
    predicted = decode_ordinal(output["ord"]).numpy()
    weight = 1 + 2.0 * (predicted == 1) + 1.0 * (predicted == 2)
    assert set(np.unique(weight)) == {1, 2, 3}
    np.testing.assert_array_equal(guidance(torch.as_tensor(predicted), (2.0, 1.0)).numpy(), weight)
    plain = sonnet_loss(output, batch, LossSettings(), WEIGHTS)
    guided = sonnet_loss(output, batch, LossSettings(), WEIGHTS, self_guided=True)
    p, t = output["np"].softmax(1).numpy(), batch["nucleus"].numpy()
    assert float(guided["np_ce"]) == pytest.approx((weight * twin.focal(p, t, [0.8, 1.2], 0)).mean(), rel=1e-5)
    types = twin.focal(output["tp"].softmax(1).numpy(), batch["types"].numpy(), WEIGHTS, 1)
    assert float(guided["tp_focal"]) == pytest.approx((weight * types).mean(), rel=1e-5)
    for name in ("np_dice", "ord"):
        assert torch.equal(guided[name], plain[name])
    changed = batch | {"ordinal": (batch["ordinal"] + 1) % 9}  # the true map has no influence on the weights
    assert torch.equal(
        sonnet_loss(output, changed, LossSettings(), WEIGHTS, self_guided=True)["np_ce"], guided["np_ce"]
    )


@pytest.mark.parametrize("self_guided", [False, True])
def test_patches_without_types_teach_the_types_nothing(self_guided: bool) -> None:
    output, batch = case()
    output["tp"].requires_grad_()
    batch["types"][1] = 255
    typed = torch.tensor([True, False])
    found = sonnet_loss(output, batch, LossSettings(), WEIGHTS, typed, self_guided=self_guided)
    one = sonnet_loss(
        {name: value[:1] for name, value in output.items()},
        {name: value[:1] for name, value in batch.items()},
        LossSettings(),
        WEIGHTS,
        self_guided=self_guided,
    )
    assert found["tp_focal"].item() == pytest.approx(one["tp_focal"].item(), rel=1e-6)
    found["loss"].backward()
    assert output["tp"].grad is not None
    assert output["tp"].grad[0].any()
    assert not output["tp"].grad[1].any()
    none = sonnet_loss(output, batch, LossSettings(), WEIGHTS, torch.tensor([False, False]))
    assert none["tp_focal"].item() == 0


def test_class_weights() -> None:
    """Cube roots of the ratios to the background, with the number of classes as their sum."""
    pixels = [20_000_000, 90_000, 800_000, 1_900_000, 1_400_000]
    raw = [(pixels[0] / n) ** (1 / 3) for n in pixels]
    np.testing.assert_allclose(class_weights(pixels), [5 * value / sum(raw) for value in raw])
    assert class_weights(pixels).sum() == pytest.approx(5)


def test_a_class_without_pixels_changes_no_other() -> None:
    pixels = [1000, 100, 10]
    weights = class_weights([1000, 100, 0, 10])
    np.testing.assert_allclose(weights[[0, 1, 3]], class_weights(pixels))
    assert weights[2] == weights[3]

"""Arms: how many conditions a method draws in one call."""

from __future__ import annotations

import pytest

from bench.config import load_preset
from bench.plan.arms import make_arm


@pytest.mark.parametrize("name", ["sdm", "diffmix", "controlnet-m", "pathdiff-t", "histodiffusion", "stylegan2"])
def test_a_call_of_render_has_at_least_one_batch(name: str) -> None:
    """A larger batch for a large GPU is drawn whole, and the key of the step contains the size of the call."""
    small, smoke = (load_preset(preset) for preset in ("small", "smoke"))
    drawing = {"render_batch": 96} if name == "stylegan2" else {"sampler": {"batch_size": 96}}
    assert make_arm(name, small, drawing).method.chunk == 96
    fewer = {"render_batch": 8} if name == "stylegan2" else {"sampler": {"batch_size": 8}}
    assert make_arm(name, smoke, fewer).method.chunk == 32

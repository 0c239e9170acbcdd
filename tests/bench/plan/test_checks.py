"""What is told before any work starts."""

from __future__ import annotations

from pathlib import Path

from bench.contract import Requirement
from bench.plan.checks import check_weights
from downstream.vit import ViT, ViTConfig, ViTPretrained


def test_weights_that_a_network_starts_from_are_asked_for() -> None:
    (missing,) = check_weights("vit-pretrained", ViTPretrained(ViTPretrained.Config()).requirement())
    assert "ImageNet weights" in missing.expected
    assert "'vit-pretrained'" in missing.expected
    assert "downstream.vit-pretrained.pretrained" in missing.fix
    assert "--weights" in missing.fix
    (absent,) = check_weights("vit", ViT(ViTConfig(pretrained=Path("nowhere.safetensors"))).requirement())
    assert "nowhere.safetensors" in absent.got


def test_networks_without_weights_or_with_theirs_miss_nothing(tmp_path: Path) -> None:
    assert list(check_weights("vit", ViT(ViTConfig()).requirement())) == []
    there = Requirement("weights", "key", "an address", "1 MB", path=tmp_path, found=True)
    assert list(check_weights("mine", there)) == []

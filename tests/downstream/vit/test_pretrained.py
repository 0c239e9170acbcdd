"""Which file a pretrained vision transformer starts from: found in a folder, known by its hash, checked beforehand."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from bench.config import load_preset
from bench.contract import Downstream
from bench.errors import ConfigError
from bench.plan.arms import make_network
from bench.plan.checks import check_weights
from downstream.vit import ViT, ViTConfig, ViTPretrained
from downstream.vit.config import ViTPretrainedConfig
from downstream.vit.pretrained import find, published

TINY = "vit_tiny_patch16_224"
TAGGED = f"{TINY}.augreg_in21k_ft_in1k"


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from timm import create_model

    path = tmp_path_factory.mktemp("weights") / "model.safetensors"
    with torch.random.fork_rng():
        save_file(create_model(TINY, num_classes=1000).state_dict(), path)
    return path


def laid(folder: Path, name: str, weights: Path) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(weights.read_bytes())
    return path


def network(folder: Path | None = None, **settings: object) -> ViTPretrained:
    config = ViTPretrainedConfig.model_validate({"network": TINY, "size": 32, **settings})
    return ViTPretrained(config).with_weights(folder)


@pytest.mark.parametrize("name", [TINY, "vit_small_patch16_224", "vit_base_patch16_224", "vit_base_patch8_224"])
def test_what_is_looked_for_is_published(name: str) -> None:
    from timm import list_pretrained

    assert {file.encoder for file in published(name)} <= set(list_pretrained(f"{name}.*"))


def test_knowing_the_settings_takes_no_torch() -> None:
    code = "import sys, downstream.vit, downstream.vit.pretrained; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "place",
    [
        f"{TAGGED}.safetensors",
        f"{TAGGED}/model.safetensors",
        f"timm/{TAGGED}/model.safetensors",
        f"models--timm--{TAGGED}/snapshots/0a1b/model.safetensors",
        f"hub/models--timm--{TAGGED}/snapshots/0a1b/model.safetensors",
    ],
)
def test_the_folder_of_weights_is_looked_through(tmp_path: Path, weights: Path, place: str) -> None:
    path = laid(tmp_path, place, weights)
    laid(tmp_path, "model.safetensors", weights)  # could be anyone's
    found = network(tmp_path)
    assert found.config.pretrained == path
    assert isinstance(found, Downstream)
    (needed,) = found.weights()
    assert (needed.found, needed.path) == (True, path)


def test_the_second_version_of_a_network_comes_first_and_a_tag_means_one_alone(tmp_path: Path, weights: Path) -> None:
    base = "vit_base_patch16_224"
    first = laid(tmp_path, f"{base}.augreg_in21k_ft_in1k.safetensors", weights)
    assert find(base, tmp_path) == first
    second = laid(tmp_path, f"{base}.augreg2_in21k_ft_in1k.safetensors", weights)
    assert find(base, tmp_path) == second
    assert find(f"{base}.augreg_in21k_ft_in1k", tmp_path) == first
    assert find(f"{base}.augreg_in1k", tmp_path) is None


def test_a_named_file_wins_and_the_row_from_scratch_looks_for_none(tmp_path: Path, weights: Path) -> None:
    laid(tmp_path, f"{TAGGED}.safetensors", weights)
    assert network(tmp_path, pretrained=weights).config.pretrained == weights
    preset = load_preset("tiny")
    assert make_network("vit", preset, None, tmp_path).config["pretrained"] is None
    assert make_network("vit-pretrained", preset, None, tmp_path).config["pretrained"] is not None
    assert make_network("vit-pretrained", preset).config["pretrained"] is None


def test_keys_hold_which_file_it_is_and_not_where(tmp_path: Path, weights: Path) -> None:
    one, two = (laid(tmp_path / name, f"{TAGGED}.safetensors", weights) for name in ("a", "b"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    preset = load_preset("tiny")
    keys = [
        make_network("vit-pretrained", preset, None, tmp_path / "a").config,
        make_network("vit-pretrained", preset, None, tmp_path / "b").config,
        make_network("vit-pretrained", preset, {"pretrained": str(two)}).config,
    ]
    assert keys[0] == keys[1] == keys[2]
    assert keys[0]["pretrained"] == f"sha256:{digest}"
    assert str(tmp_path) not in str(keys)
    content = bytearray(one.read_bytes())
    content[-1] ^= 1
    one.write_bytes(bytes(content))
    assert make_network("vit-pretrained", preset, None, tmp_path / "a").config["pretrained"] != f"sha256:{digest}"
    assert ViTConfig().model_dump(mode="json")["pretrained"] is None


def test_what_is_missing_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    cases = {
        None: "nor a folder of weights",
        tmp_path: f"timm/{TAGGED}/model.safetensors",
        tmp_path / "no": "there is no folder",
    }
    for folder, said in cases.items():
        (missing,) = check_weights("downstream network 'vit-pretrained'", network(folder).weights(), "leave it out")
        assert TINY in missing.expected
        assert said in missing.got
        assert f"huggingface.co/timm/{TAGGED}" in missing.fix
        assert "--weights" in missing.fix


def test_a_file_of_another_network_is_found_out_before_any_work(tmp_path: Path, weights: Path) -> None:
    (wrong,) = network(pretrained=weights, network="vit_small_patch16_224").weights()
    assert not wrong.found
    assert "have another shape" in wrong.reason
    torn = laid(tmp_path, f"{TAGGED}.safetensors", weights)
    torn.write_bytes(b"torn")
    assert "does not fit" in network(tmp_path).weights()[0].reason
    (needed,) = ViT(ViTConfig(network=TINY, pretrained=tmp_path / "absent.pth")).weights()
    assert needed.reason.startswith("there is no file")
    with pytest.raises(ConfigError, match="vision transformer of timm"):
        network(pretrained=weights, network="resnet18").weights()

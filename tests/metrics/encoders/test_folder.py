"""Weights are found by their own name, by hub id and in a copy of the hub's cache; a nameless file is nobody's."""

import pytest

from metrics.encoders.folder import find_file, hub_places

HUB, NAMES = "MahmoodLab/UNI", ("model.safetensors", "pytorch_model.bin")


def put(folder, place):
    path = folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    return path


@pytest.mark.parametrize(
    "place",
    [
        "uni/model.safetensors",
        "MahmoodLab/UNI/pytorch_model.bin",
        "MahmoodLab--UNI/model.safetensors",
        "models--MahmoodLab--UNI/snapshots/0a1b/pytorch_model.bin",
        "hub/models--MahmoodLab--UNI/snapshots/0a1b/model.safetensors",
    ],
)
def test_places(place, tmp_path):
    assert find_file(tmp_path, NAMES, HUB, "uni") is None
    path = put(tmp_path, place)
    assert find_file(tmp_path, NAMES, HUB, "uni") == path
    assert find_file(tmp_path, NAMES, "paige-ai/Virchow2", "virchow2") is None


def test_a_nameless_file_counts_in_its_own_folder_only(tmp_path):
    put(tmp_path, "pytorch_model.bin")
    assert find_file(tmp_path, NAMES, HUB, "uni") is None
    own = put(tmp_path, "UNI/pytorch_model.bin")
    assert find_file(own.parent, NAMES, HUB, "uni") == own
    cached = put(tmp_path, "models--MahmoodLab--UNI/snapshots/0a1b/pytorch_model.bin")
    for folder in (cached.parent, cached.parents[2]):
        assert find_file(folder, NAMES, HUB, "uni") == cached
    named = put(tmp_path, "dinov2_vitl14_pretrain.pth")
    assert find_file(tmp_path, ("model.safetensors", named.name), "", "dinov2") == named


def test_the_main_branch_and_the_preferred_name_come_first(tmp_path):
    cache = tmp_path / "models--MahmoodLab--UNI"
    old = put(cache, "snapshots/0a1b/model.safetensors")
    new = put(cache, "snapshots/9f8e/pytorch_model.bin")
    assert find_file(tmp_path, NAMES, HUB, "uni") == old
    (cache / "refs").mkdir()
    (cache / "refs/main").write_text("9f8e\n")
    assert find_file(tmp_path, NAMES, HUB, "uni") == new
    better = put(cache, "snapshots/9f8e/model.safetensors")
    assert find_file(tmp_path, NAMES, HUB, "uni") == better
    assert "models--MahmoodLab--UNI/snapshots/*/" in hub_places(HUB)

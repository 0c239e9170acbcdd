"""Encoders by name: what an argument means, and handles that travel to another process."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from bench.plan.encoders import encoder_handle


def test_an_argument_is_the_file_of_weights_unless_the_encoder_reads_it(tmp_path: Path) -> None:
    assert encoder_handle("torchscript:~/net.pt", tmp_path).weights == Path("~/net.pt").expanduser()
    assert encoder_handle("timm:resnet18", tmp_path).weights == tmp_path


@pytest.mark.parametrize("spec", ["random-convnet", "torchscript:/net.pt", "timm:resnet18@mine.pth", "plip"])
def test_a_handle_travels(spec: str, tmp_path: Path) -> None:
    handle = encoder_handle(spec, tmp_path)
    copy = pickle.loads(pickle.dumps(handle))
    assert (copy.name, copy.weights) == (handle.name, handle.weights)
    assert copy.plugin.weights(copy.weights) == handle.plugin.weights(handle.weights)


def test_a_missing_file_has_a_reason_and_a_fix(tmp_path: Path) -> None:
    (missing,) = encoder_handle("torchscript:/nowhere/net.pt", tmp_path).missing("--encoder random-convnet")
    assert missing.expected == "The encoder 'torchscript:/nowhere/net.pt' needs a TorchScript file (any)"
    assert missing.got == "No file at /nowhere/net.pt."
    assert missing.fix.endswith("or choose another with --encoder random-convnet")
    assert list(encoder_handle("random-convnet", None).missing()) == []

"""State dicts: wrapped ones are unwrapped, code is never run, and every tensor must fit."""

import pickle

import pytest
import torch
from torch import nn

from bench.errors import DataError
from metrics.encoders.state import load_exactly, read_state
from tests.metrics.encoders.models import save_state


class Trap:
    """A pickle that would run code."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code was run')",))


@pytest.mark.parametrize("wrap", [lambda s: s, lambda s: {"state_dict": s}, lambda s: {"model": s, "epoch": 3}])
def test_wrapped_and_half_precision(wrap, tmp_path):
    state = {"module.weight": torch.arange(4).half(), "module.steps": torch.tensor(7)}
    torch.save(wrap(state), tmp_path / "net.pth")
    read = read_state(tmp_path / "net.pth")
    assert read["weight"].dtype == torch.float32
    assert read["weight"].tolist() == [0, 1, 2, 3]
    assert read["steps"].dtype == torch.int64


def test_safetensors(tmp_path):
    save_state({"weight": torch.ones(2)}, tmp_path / "net.safetensors")
    assert read_state(tmp_path / "net.safetensors")["weight"].tolist() == [1, 1]


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize(
    "content", [b"", b"no weights", *(pickle.dumps(bad, 2) for bad in ({"weight": Trap()}, [1, 2]))]
)
def test_refuses_code_and_other_files(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="state dict"):
        read_state(tmp_path / name)


def test_refuses_code_in_torchs_own_format(tmp_path):
    torch.save({"weight": Trap()}, tmp_path / "net.pth")
    with pytest.raises(DataError, match="state dict"):
        read_state(tmp_path / "net.pth")
    torch.save({"weight": [1, 2]}, tmp_path / "net.pth")
    with pytest.raises(DataError, match="state dict"):
        read_state(tmp_path / "net.pth")


def test_every_tensor_must_fit(tmp_path):
    network, path = nn.Linear(2, 3), tmp_path / "net.pth"
    state = {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    load_exactly(network, {**state, "head.weight": torch.ones(1)}, path, "a layer", ("head.",))
    assert network.weight.detach().eq(1).all()
    for wrong, match in (
        ({"weight": state["weight"]}, "lacks bias"),
        ({**state, "head.weight": torch.ones(1)}, r"holds also head\.weight"),
        ({**state, "bias": torch.zeros(4)}, "other shapes for bias"),
    ):
        with pytest.raises(DataError, match=match):
            load_exactly(network, wrong, path, "a layer")

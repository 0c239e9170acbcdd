"""The network's layout against the released one, and that labels reach the image."""

from __future__ import annotations

import pytest
import torch

from bench.errors import ConfigError
from methods.sdm.config import NetworkSettings
from methods.sdm.labels import Labels
from methods.sdm.network import SDMNetwork

SMALL = NetworkSettings(
    width=16, multipliers=(1, 2), blocks=1, attention=(8,), head_channels=8, label_channels=8, groups=4
)


@pytest.fixture(scope="module")
def published() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        network = SDMNetwork(NetworkSettings(), 6, 256)
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def _stages(shapes: dict[str, tuple[int, ...]], part: str) -> int:
    return len({name.split(".")[1] for name in shapes if name.startswith(f"{part}.")})


def test_published_encoder(published: dict[str, tuple[int, ...]]) -> None:
    assert published["input_blocks.0.0.weight"] == (256, 3, 3, 3)
    assert _stages(published, "input_blocks") == 18
    entering = [256, 256, 256, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024, 1024, 1024]
    leaving = [256, 256, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024, 1024, 1024, 1024]
    for number, (channels, out) in enumerate(zip(entering, leaving, strict=True), 1):
        assert published[f"input_blocks.{number}.0.in_layers.2.weight"] == (out, channels, 3, 3)
        assert published[f"input_blocks.{number}.0.in_layers.0.weight"] == (channels,)
        assert published[f"input_blocks.{number}.0.emb_layers.1.weight"] == (2 * out, 1024)
        assert published[f"input_blocks.{number}.0.out_layers.3.weight"] == (out, out, 3, 3)
        assert (f"input_blocks.{number}.0.skip_connection.weight" in published) == (channels != out)
    attending = {int(name.split(".")[1]) for name in published if name.startswith("input_blocks.") and "qkv" in name}
    assert attending == {10, 11, 13, 14, 16, 17}
    assert not any("mlp_" in name for name in published if name.startswith("input_blocks."))


def test_published_decoder(published: dict[str, tuple[int, ...]]) -> None:
    assert _stages(published, "output_blocks") == 18
    entering = [2048, 2048, 2048, 2048, 2048, 1536, 1536, 1024, 1024, 1024, 1024, 768, 768, 512, 512, 512, 512, 512]
    leaving = [1024] * 6 + [512] * 6 + [256] * 6
    for number, (channels, out) in enumerate(zip(entering, leaving, strict=True)):
        block = f"output_blocks.{number}.0"
        assert published[f"{block}.in_norm.mlp_shared.0.weight"] == (128, 6, 3, 3)
        assert published[f"{block}.in_norm.mlp_gamma.weight"] == (channels, 128, 3, 3)
        assert published[f"{block}.in_layers.1.weight"] == (out, channels, 3, 3)
        assert published[f"{block}.out_norm.mlp_beta.weight"] == (out, 128, 3, 3)
        assert published[f"{block}.out_layers.2.weight"] == (out, out, 3, 3)
    attending = {int(name.split(".")[1]) for name in published if name.startswith("output_blocks.") and "qkv" in name}
    assert attending == set(range(9))
    # up-sampling blocks follow the attention, or the block where there is none
    up = {
        name.rsplit(".in_layers", 1)[0] for name in published if ".in_layers.1.weight" in name and ".0.in_" not in name
    }
    expected = {f"output_blocks.{n}.2" for n in (2, 5, 8)} | {f"output_blocks.{n}.1" for n in (11, 14)}
    assert up - {"middle_block.2"} == expected


def test_published_middle_and_ends(published: dict[str, tuple[int, ...]]) -> None:
    assert published["time_embed.0.weight"] == (1024, 256)
    assert published["time_embed.2.weight"] == (1024, 1024)
    assert published["middle_block.0.in_norm.mlp_shared.0.weight"] == (128, 6, 3, 3)
    assert published["middle_block.1.qkv.weight"] == (3072, 1024, 1)
    assert published["middle_block.1.proj_out.weight"] == (1024, 1024, 1)
    assert published["middle_block.2.out_norm.mlp_gamma.weight"] == (1024, 128, 3, 3)
    assert published["out.0.weight"] == (256,)
    assert published["out.2.weight"] == (6, 256, 3, 3)
    assert not any(".norm." in name and "_norm" in name for name in published)  # adaptive norms have no own scale


def _inputs(n: int = 2) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 3, 16, 16, generator=generator)
    labels = (torch.rand(n, 6, 16, 16, generator=generator) > 0.5).float()
    return x, torch.tensor([10, 700][:n]), labels


def _awake(network: SDMNetwork) -> SDMNetwork:
    """Give the zero-initialised convolutions values, as training would."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        if not parameter.any():
            parameter.data = 0.1 * torch.randn(parameter.shape, generator=generator)
    return network


def test_untrained_network_says_nothing() -> None:
    output = SDMNetwork(SMALL, 6, 16)(*_inputs())
    assert output.shape == (2, 6, 16, 16)
    assert not output.any()


def test_without_learned_variance_there_are_three_channels() -> None:
    assert SDMNetwork(SMALL, 6, 16, learned_variance=False)(*_inputs()).shape == (2, 3, 16, 16)


def test_gradients_reach_every_parameter() -> None:
    torch.manual_seed(0)
    network = _awake(SDMNetwork(SMALL, 6, 16))
    network(*_inputs()).square().mean().backward()
    unreached = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert unreached == []
    assert any("mlp_shared" in name for name, _ in network.named_parameters())


def test_labels_act_in_the_decoder_alone() -> None:
    torch.manual_seed(0)
    network = _awake(SDMNetwork(SMALL, 6, 16)).eval()
    seen: list[torch.Tensor] = []
    for stage in network.input_blocks:
        stage.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    x, times, labels = _inputs()
    outputs = [network(x, times, labels), network(x, times, torch.zeros_like(labels))]
    half = len(seen) // 2
    assert all(torch.equal(a, b) for a, b in zip(seen[:half], seen[half:], strict=True))
    assert not torch.allclose(outputs[0], outputs[1])


def test_time_changes_the_output() -> None:
    torch.manual_seed(0)
    network = _awake(SDMNetwork(SMALL, 6, 16)).eval()
    x, _, labels = _inputs(1)
    assert not torch.allclose(network(x, torch.tensor([0]), labels), network(x, torch.tensor([900]), labels))


@pytest.mark.parametrize("keep", [0, 100_000, 1 << 30])
def test_kept_modulations_change_nothing(keep: int) -> None:
    torch.manual_seed(0)
    network = _awake(SDMNetwork(SMALL, 6, 16)).eval()
    x, times, labels = _inputs()
    calls = []
    for module in network.modules():
        if module.__class__.__name__ == "SpatialNorm":
            module.mlp_shared.register_forward_hook(lambda *_: calls.append(1))
    known = Labels(labels, keep=keep)
    with torch.no_grad():
        first = network(x, times, known)
        norms = len(calls)
        second = network(x, times, known)
        torch.testing.assert_close(first, network(x, times, labels))
    torch.testing.assert_close(first, second, rtol=0, atol=0)
    again = len(calls) - 2 * norms
    assert {0: again == norms, 100_000: 0 < again < norms, 1 << 30: again == 0}[keep]


def test_recomputing_gives_the_same_gradients() -> None:
    gradients = []
    for recompute in (False, True):
        torch.manual_seed(0)
        network = _awake(SDMNetwork(SMALL, 6, 16, recompute=recompute)).train()
        network(*_inputs()).square().mean().backward()
        gradients.append([p.grad for p in network.parameters()])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(plain, recomputed)


@pytest.mark.parametrize("change", [{"groups": 3}, {"head_channels": 12}])
def test_channels_that_do_not_divide_are_refused(change: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="must be a multiple"):
        SDMNetwork(SMALL.model_copy(update=change), 6, 16)

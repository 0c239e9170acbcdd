"""The published network: sizes, numbers of parameters, padding, files of weights."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from bench.errors import DataError
from downstream.sonnet.published import Encoder, PublishedSonnet
from downstream.sonnet.released import encoder_layers, layers, load_encoder, read


def network(seed: int = 0, n_types: int = 4) -> PublishedSonnet:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return PublishedSonnet(n_types)


def encoder(seed: int = 0) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Encoder()


def test_number_of_parameters() -> None:
    """The encoder is EfficientNet-B0's published 5 288 548 without its last normalisation and classifier."""
    found = network()
    count = {name: sum(p.numel() for p in module.parameters()) for name, module in found.named_children()}
    assert count["encoder"] == 5_288_548 - 2 * 1280 - 1281 * 1000
    assert count["bottom"] == 1280 * 1024

    def conv(a: int, b: int, k: int) -> int:
        return a * b * k * k + 2 * b  # with its normalisation

    path = 2 * 256 + conv(256, 128, 1)
    level = (256 * 256 * 25) + 4 * path + 128 * 32 * (9 + 25 + 9 + 25) + 2 * 384 + conv(384, 256, 3)
    pyramid = 4 * conv(256, 128, 5) + 3 * conv(128, 128, 5) + conv(128, 128, 3)
    decoder = conv(1024, 256, 1) + sum(conv(c, 256, 1) for c in (112, 40, 24, 16)) + 3 * level + 2 * 32 + pyramid
    decoder += conv(512, 256, 5) + conv(256, 256, 5) + 256 * 128 * 25
    assert count["decoders"] == 3 * decoder
    assert count["heads"] == 3 * 2 * 128 + 129 * (2 + 16 + 5)
    assert sum(count.values()) == 63_866_579


def test_pads_as_tensorflow_does() -> None:
    """At stride 2 and an even size nothing is added before: the first output sees the first three pixels."""
    found = encoder()
    assert found.conv_stem.stride == (1, 1)
    strided = next(m for m in found.blocks[1].modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2))
    x = torch.zeros(1, 96, 270, 270, requires_grad=True)
    out = strided(x)
    assert out.shape[-1] == 135
    out[0, 0, 0, 0].backward()
    assert x.grad is not None
    assert x.grad[0, 0].nonzero().amax(0).tolist() == [2, 2]
    norms = [m for m in found.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(m.eps, m.momentum) for m in norms} == {(1e-5, 0.1)}


@pytest.mark.slow
def test_one_step_and_one_prediction() -> None:
    """Sides of all features, one optimiser step of every part, and prediction of a window."""
    model = network()
    images = torch.randint(0, 256, (1, 270, 270, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.Adam(model.parameters(), 1e-4)
    output = model(images)
    assert {name: tuple(value.shape) for name, value in output.items()} == {
        "np": (1, 2, 76, 76),
        "ord": (1, 16, 76, 76),
        "tp": (1, 5, 76, 76),
    }
    torch.stack([value.square().mean() for value in output.values()]).sum().backward()
    optimizer.step()
    changed = {name.split(".")[0] for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"encoder", "bottom", "decoders", "heads"}
    with torch.inference_mode():
        assert model.eval().features(images).shape == (1, 1024, 17, 17)
        assert all(value.isfinite().all() for value in model(images).values())


def arrays(model: nn.Module, wanted, prefix: str = "") -> dict[str, np.ndarray]:
    """The tensors of a network as tensorpack stores them."""
    found = {}
    state = model.state_dict(prefix=prefix)
    for name, theirs, kind in wanted:
        parts = {"weight": "gamma", "bias": "beta", "running_mean": "mean/EMA", "running_var": "variance/EMA"}
        for part, variable in (parts if kind == "norm" else {"weight": "W", "bias": "b"}).items():
            if f"{name}.{part}" in state:
                value = state[f"{name}.{part}"].numpy()
                if part == "weight" and kind != "norm":
                    value = value.transpose((2, 3, 1, 0) if kind == "conv" else (2, 3, 0, 1))
                assert f"{theirs}/{variable}:0" not in found
                found[f"{theirs}/{variable}:0"] = value
    return found


def disturbed(model: nn.Module) -> nn.Module:
    """A network whose normalisations differ from those of a new one."""
    generator = torch.Generator().manual_seed(0)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                value.add_(torch.rand(value.shape, generator=generator))
    return model


@pytest.mark.slow
def test_a_file_of_the_release_holds_every_tensor(tmp_path) -> None:
    source = disturbed(network(1))
    held = arrays(source, layers())
    # variables of the release's graph, by its code
    assert {
        "efficientnet-b0/stem/conv2d/W:0",
        "efficientnet-b0/blocks_0/tpu_batch_normalization_1/mean/EMA:0",
        "efficientnet-b0/blocks_15/conv2d_1/W:0",
        "efficientnet-b0/blocks_10/se/conv2d_1/b:0",
        "efficientnet-b0/conv_bot/W:0",
        "np/S4/_add_4/_2/bn/gamma:0",
        "ordi/S2/_add_1/preact/bn/variance/EMA:0",
        "tp/Pyramid/p3_1/W:0",
        "ordi/i_5/bn/beta:0",
        "np/p_0/W:0",
        "preact_out_ordi/bn/gamma:0",
        "conv_out_ord/b:0",
    } <= set(held)
    assert held["tp/S3/conva/W:0"].shape == (5, 5, 256, 256)
    np.savez(tmp_path / "model.npz", global_step=np.zeros(()), **held)
    found = read(tmp_path / "model.npz")
    assert not found.training
    assert found.n_types == 4
    for name, value in source.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(found.state_dict()[name], value), name


def test_encoder_weights_of_timm_and_of_the_release(tmp_path) -> None:
    import timm

    with torch.random.fork_rng():
        torch.manual_seed(5)
        source = timm.create_model("efficientnet_b0")
    state = source.state_dict()
    save_file(state, tmp_path / "model.safetensors")
    torch.save(state, tmp_path / "model.pth")
    other = disturbed(encoder(2))
    held = arrays(other, encoder_layers(), "encoder.")
    assert held["efficientnet-b0/blocks_3/depthwise_conv2d/W:0"].shape == (5, 5, 144, 1)
    np.savez(tmp_path / "model.npz", **held)
    files = (("model.safetensors", state), ("model.pth", state), ("model.npz", other.state_dict()))
    for name, expected in files:
        target = encoder()
        load_encoder(target, tmp_path / name)
        for part, value in target.state_dict().items():
            if not part.endswith("num_batches_tracked"):
                assert torch.equal(value, expected[part]), part


def test_files_of_other_networks_are_refused(tmp_path) -> None:
    save_file({"conv_stem.weight": torch.zeros(32, 3, 3, 3)}, tmp_path / "part.safetensors")
    save_file({"conv_stem.weight": torch.zeros(48, 3, 3, 3)}, tmp_path / "other.safetensors")
    np.savez(tmp_path / "part.npz", **{"efficientnet-b0/stem/conv2d/W:0": np.zeros((3, 3, 3, 32))})
    for name in ("part.safetensors", "other.safetensors", "part.npz"):
        with pytest.raises(DataError, match="do not fit EfficientNet-B0"):
            load_encoder(encoder(), tmp_path / name)
    for name in ("torn.safetensors", "torn.npz", "torn.pth", "absent.npz"):
        if not name.startswith("absent"):
            (tmp_path / name).write_bytes(b"no weights")
        with pytest.raises(DataError, match="Cannot read the weights"):
            load_encoder(encoder(), tmp_path / name)

"""The perceptual distance on random feature maps against the layers of torchmetrics' LPIPS."""

import torch

from metrics.perceptual import perceptual_distance


def test_equals_torchmetrics(agree):
    from torchmetrics.functional.image.lpips import NetLinLayer, _normalize_tensor, _spatial_average

    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 16, 12, 12), (2, 32, 6, 6), (2, 64, 3, 3)]
    a, b = ([torch.randn(shape, generator=generator) for shape in shapes] for _ in range(2))
    heads = [NetLinLayer(shape[1]) for shape in shapes]
    for head in heads:
        torch.nn.init.uniform_(head.model[0].weight, 0, 1, generator=generator)
    with torch.no_grad():
        theirs = sum(
            _spatial_average(head((_normalize_tensor(x) - _normalize_tensor(y)) ** 2), keep_dim=False).squeeze(1)
            for head, x, y in zip(heads, a, b, strict=True)
        )
        ours = perceptual_distance(a, b, [head.model[0].weight.flatten() for head in heads])
    about = {"reference": "torchmetrics", "function": "image.lpips, its layers"}
    inputs = "random feature maps of three layers and random weights of channels"
    agree("perceptual", ours.numpy(), theirs.numpy(), **about, inputs=inputs, bound=1e-5)

"""Blocks against slow formulas."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812

from methods.sdm.blocks import AttentionBlock, SpatialNorm, time_embedding
from methods.sdm.labels import Labels


def test_time_embedding_is_cosines_then_sines() -> None:
    embedding = time_embedding(torch.tensor([0, 540]), 8)
    frequencies = [1, 0.1, 0.01, 0.001]
    expected = [math.cos(540 * f) for f in frequencies] + [math.sin(540 * f) for f in frequencies]
    torch.testing.assert_close(embedding[1], torch.tensor(expected), atol=1e-4, rtol=0)
    assert embedding[0].tolist() == [1] * 4 + [0] * 4


def test_spatial_norm_modulates_what_it_normalised() -> None:
    torch.manual_seed(0)
    norm = SpatialNorm(8, 3, 5, groups=2)
    x, maps = torch.randn(2, 8, 4, 4) * 3 + 1, torch.randint(0, 2, (2, 3, 8, 8)).float()
    small = maps[:, :, ::2, ::2]  # nearest neighbours at half the size
    hidden = F.relu(F.conv2d(small, norm.mlp_shared[0].weight, norm.mlp_shared[0].bias, padding=1))
    gamma = F.conv2d(hidden, norm.mlp_gamma.weight, norm.mlp_gamma.bias, padding=1)
    beta = F.conv2d(hidden, norm.mlp_beta.weight, norm.mlp_beta.bias, padding=1)
    grouped = x.view(2, 2, -1)
    plain = (grouped - grouped.mean(2, keepdim=True)) / (grouped.var(2, unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(norm(x, Labels(maps)), plain.view_as(x) * (1 + gamma) + beta, atol=1e-5, rtol=1e-5)


def test_attention_as_released() -> None:
    torch.manual_seed(0)
    block = AttentionBlock(8, head_channels=4, groups=2)
    torch.nn.init.normal_(block.proj_out.weight)
    x = torch.randn(2, 8, 3, 3)
    flat = x.view(2, 8, 9)
    projected = F.conv1d(F.group_norm(flat, 2, block.norm.weight, block.norm.bias), block.qkv.weight, block.qkv.bias)
    mixed = torch.zeros(2, 8, 9)
    for head in range(2):  # the release orders channels by head, then query, key, value
        q, k, v = projected[:, 12 * head : 12 * head + 12].split(4, dim=1)
        weights = torch.softmax(torch.einsum("nct,ncs->nts", q, k) / 2, dim=-1)
        mixed[:, 4 * head : 4 * head + 4] = torch.einsum("nts,ncs->nct", weights, v)
    expected = flat + F.conv1d(mixed, block.proj_out.weight, block.proj_out.bias)
    torch.testing.assert_close(block(x, torch.zeros(2, 1), Labels(x)), expected.view_as(x), atol=1e-5, rtol=1e-5)

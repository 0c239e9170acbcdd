"""The option `fused` of optimisers by device and precision."""

from __future__ import annotations

from bench.training import fused
from tests.toy import Run


def test_fused_on_cuda_and_where_numbers_were_fixed_with_it() -> None:
    assert fused(Run(device="cuda", precision="bf16-mixed")) is True
    assert fused(Run(device="cuda", precision="bf16-mixed"), on_cpu=False) is True
    assert fused(Run(device="cuda", precision="16-mixed")) is None
    assert fused(Run(), on_cpu=False) is None
    assert fused(Run()) is True

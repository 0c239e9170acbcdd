"""Options of optimisers that depend on the device."""

from __future__ import annotations

from bench.contract import RunContext


def fused(run: RunContext, *, on_cpu: bool = True) -> bool | None:
    """Return the option `fused` of torch's Adam and AdamW for a run; None leaves the choice to torch.

    On CUDA one kernel updates all weights, except with 16-mixed, where a fused step takes over the scaling of gradients
    and cannot be combined with a limit of their norm. On CPUs it is as each training had it when its numbers were
    fixed, since the last bits differ.
    """
    if run.device == "cuda":
        return True if run.precision != "16-mixed" else None
    return True if on_cpu and run.device == "cpu" else None

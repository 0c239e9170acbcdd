"""Several processes that train one network together: each computes its share of every batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
from torch import distributed, nn

from bench.context import Ranks, RunContext
from bench.errors import JobError

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import ClusterEnvironment  # type: ignore[attr-defined]

# A rank may wait this long for another, which encodes its images or writes a checkpoint; one that ended is noticed
# by the process that started all ranks.
PATIENCE = timedelta(hours=1)


def make_fabric(run: RunContext) -> Fabric:
    """Return a Fabric for one device of the run, or for this process's device if several train together."""
    from bench.training.fabric import Fabric

    options: dict[str, Any] = {"accelerator": run.device, "devices": 1, "precision": run.precision}
    if run.ranks is None:
        return Fabric(**options)
    from lightning_fabric.strategies import DDPStrategy  # type: ignore[attr-defined]

    # each process sees only its own device, so it is a node of its own for Fabric
    strategy = DDPStrategy(cluster_environment=_environment(run.ranks))
    fabric = Fabric(**options, num_nodes=run.ranks.size, strategy=strategy)
    fabric.launch()
    return fabric


@contextmanager
def together(run: RunContext, name: str) -> Iterator[None]:
    """Connect the ranks of a run during a training called `name`; do nothing if there is only one."""
    if run.ranks is None:
        yield
        return
    ranks, backend = run.ranks, "nccl" if run.device == "cuda" else "gloo"
    store = distributed.FileStore(str(ranks.meeting / name), ranks.size)  # type: ignore[attr-defined]
    distributed.init_process_group(backend, store=store, rank=ranks.rank, world_size=ranks.size, timeout=PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def check_modules(modules: Mapping[str, nn.Module], stage: str) -> None:
    """Check that modules may be trained by several processes.

    Raises:
        JobError: a module normalises over the batch, of which a process sees only a share.
    """
    for name, module in modules.items():
        for inner, layer in module.named_modules():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                raise JobError(
                    f"The training of {stage} cannot be divided among devices, because it normalises over a batch",
                    got=f"{type(layer).__name__} at {name}.{inner}",
                    fix="leave out --devices",
                )


def share_of(batch: Mapping[str, torch.Tensor], ranks: Ranks | None, stage: str) -> Mapping[str, torch.Tensor]:
    """Return this rank's share of a batch: consecutive samples, equally many for every rank.

    Raises:
        JobError: the number of samples is not a multiple of the number of ranks.
    """
    if ranks is None:
        return batch
    samples = {len(value) for value in batch.values()}
    (n,) = samples if len(samples) == 1 else (0,)
    if n == 0 or n % ranks.size:
        raise JobError(
            f"The batch of {stage} cannot be divided equally among {ranks.size} devices",
            got=f"a batch of {' and '.join(map(str, sorted(samples)))}",
            fix="choose --devices, or the batch size of the method's training, so that one divides the other",
        )
    size = n // ranks.size
    return {name: value[ranks.rank * size : (ranks.rank + 1) * size] for name, value in batch.items()}


def randn(shape: tuple[int, ...], generator: torch.Generator) -> torch.Tensor:
    """Return standard normal noise for a batch on the generator's device, sample by sample along the first dimension.

    Where several processes share a batch, all draw the noise of the whole batch, and each returns that of its share, so
    that a sample has the same noise whatever the number of processes.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return torch.randn(shape, generator=generator, device=generator.device)
    rank, size, n = distributed.get_rank(), distributed.get_world_size(), shape[0]
    whole = torch.randn((n * size, *shape[1:]), generator=generator, device=generator.device)
    return whole[rank * n : (rank + 1) * n]


def mean_over_ranks(value: float | torch.Tensor, ranks: Ranks | None, device: torch.device) -> float:
    """Return the mean of a value over all ranks; each of them must call it."""
    if ranks is None:
        return float(value)
    tensor = torch.as_tensor(value, dtype=torch.float64 if device.type == "cpu" else torch.float32).detach()
    tensor = tensor.to(device).clone()
    distributed.all_reduce(tensor)
    return float(tensor) / ranks.size


def _environment(ranks: Ranks) -> ClusterEnvironment:
    from lightning_fabric.plugins.environments import LightningEnvironment  # type: ignore[attr-defined]

    class Environment(LightningEnvironment):
        """The ranks were started by :mod:`bench.engine.launch`."""

        @property
        def creates_processes_externally(self) -> bool:
            return True

        def node_rank(self) -> int:
            return ranks.rank

        def local_rank(self) -> int:
            return 0

    return Environment()

"""The training loop: every step is a pure function of the current weights, the run's seed and the step number."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import DataLoader, Dataset

from bench.atomic import replacing
from bench.contract import RunContext
from bench.errors import JobError, within_memory
from bench.training.ema import make_ema
from bench.training.ranks import check_modules, make_fabric, mean_over_ranks, share_of, together
from bench.training.seeds import seeded, torch_generator

if TYPE_CHECKING:
    from lightning_fabric import Fabric


Batch = Mapping[str, Any]
MakeBatch = Callable[[int, np.random.Generator], Batch]

CHECKPOINT = "checkpoint.pt"
LESS_MEMORY = (
    "use a smaller batch of this training (`batch_size` or `batch` in its settings, see --set), a smaller patch or "
    "preset, --precision bf16-mixed, or a device with more memory; each is part of the key, because it changes numbers"
)


class Task(Protocol):
    """What the loop trains: modules, optimisers and one training step."""

    modules: Mapping[str, nn.Module]
    optimizers: Mapping[str, torch.optim.Optimizer]

    def step(
        self, fabric: Fabric, batch: Batch, step: int, generator: torch.Generator
    ) -> Mapping[str, float | torch.Tensor]:
        """Update the modules on one batch and return the values to show and record, with `loss` first."""
        ...


class Watcher(Protocol):
    """Observes the weights during training, for example to select a checkpoint; it never changes them.

    Its state is part of the loop's checkpoints: tensors and plain values.
    """

    def after_step(self, done: int, modules: Mapping[str, nn.Module]) -> None:
        """Observe the modules that :func:`train` would return after `done` steps; they are in training mode.

        It must not draw random numbers, and must leave modules in the mode in which it found them.
        """
        ...

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state from which it can continue after a kill."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        ...


@dataclass
class LossTask:
    """The common case: one module, one optimiser, one loss.

    `loss(model, batch, generator)` returns scalars by name; the one under `loss` is minimised. `rate(step)`
    multiplies the learning rate; `before_step(step)` may freeze or thaw layers; `clip` bounds the gradient norm.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Callable[[nn.Module, Batch, torch.Generator], Mapping[str, torch.Tensor]]
    rate: Callable[[int], float] | None = None
    before_step: Callable[[int], None] | None = None
    clip: float | None = None

    def __post_init__(self) -> None:
        self.modules: Mapping[str, nn.Module] = {"model": self.model}
        self.optimizers: Mapping[str, torch.optim.Optimizer] = {"optimizer": self.optimizer}
        self._rates = [group["lr"] for group in self.optimizer.param_groups]

    def step(
        self, fabric: Fabric, batch: Batch, step: int, generator: torch.Generator
    ) -> Mapping[str, float | torch.Tensor]:
        """Make one optimiser step."""
        model, optimizer = self.modules["model"], self.optimizers["optimizer"]
        if self.before_step is not None:
            self.before_step(step)
        if self.rate is not None:
            for group, rate in zip(optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * self.rate(step)
        optimizer.zero_grad(set_to_none=True)
        values = self.loss(model, batch, generator)
        fabric.backward(values["loss"])
        if self.clip is not None:
            fabric.clip_gradients(model, optimizer, max_norm=self.clip)
        optimizer.step()
        return {name: value.detach() for name, value in values.items()}


@dataclass(frozen=True)
class TrainingOptions:
    """How to train, and how long; `ema` is the limit of the decay, None for no average of weights.

    `checkpoint_every` is a number of steps. None: after the first ten seconds, and then twenty times per training, or
    fewer if saving would take more than a twentieth of the time.
    """

    steps: int
    stage: str
    ema: float | None = None
    checkpoint_every: int | None = None
    channels_last: bool = True
    compile: bool = False


class CheckpointClock:
    """Decides after which steps to save a checkpoint; the weights do not depend on it."""

    # The share of the time that saving may take.
    share = 0.05
    # A training saves its first checkpoint after this number of seconds: until then a kill costs no more than that.
    first = 10.0

    def __init__(self, options: TrainingOptions) -> None:
        self._last, self._fixed = options.steps, options.checkpoint_every is not None
        self._every = options.checkpoint_every or max(options.steps // 20, 1)
        self._saved, self._cost = time.perf_counter(), 0.0
        self._any = False

    def due(self, done: int) -> bool:
        """Return whether to save after `done` steps; always true after the last."""
        if done == self._last:
            return True
        waited = time.perf_counter() - self._saved
        if not self._fixed and not self._any and waited >= self.first:
            return True
        return done % self._every == 0 and (self._fixed or waited >= self._cost / self.share)

    def __enter__(self) -> None:
        self._begun = time.perf_counter()

    def __exit__(self, *error: object) -> None:
        self._saved = time.perf_counter()
        self._cost = self._saved - self._begun
        self._any = True


def train(
    task: Task,
    make_batch: MakeBatch,
    options: TrainingOptions,
    out: Path,
    run: RunContext,
    watcher: Watcher | None = None,
) -> Mapping[str, nn.Module]:
    """Train to the end, starting from the checkpoint in `out` if there is one.

    `make_batch(step, rng)` returns tensors (or numpy arrays) by name; it may run in another process, so it must
    not depend on anything except its arguments. All randomness of step k derives from (run.seed, k): a run that was
    killed and continues gives the same weights, bit for bit on a CPU. `watcher` sees the weights after every step.

    Returns:
        The trained modules by name, on the run's device, in evaluation mode; averaged if `ema` is set.

    Raises:
        JobError: the loss is not finite, the device has too little memory, or the training cannot be divided among the
            run's devices.
    """
    with within_memory(f"The training of {options.stage}", LESS_MEMORY), together(run, options.stage):
        return _train(task, make_batch, options, out, run, watcher)


def _train(
    task: Task,
    make_batch: MakeBatch,
    options: TrainingOptions,
    out: Path,
    run: RunContext,
    watcher: Watcher | None,
) -> Mapping[str, nn.Module]:
    ranks = run.ranks
    if ranks is not None:
        check_modules(task.modules, options.stage)
    fabric = make_fabric(run)
    modules, averages = _set_up(fabric, task, options)
    saved = out if ranks is None else ranks.folder / out.relative_to(run.folder)
    start = _resume(saved / CHECKPOINT, task, modules, averages, watcher)
    fabric.barrier()  # rank 0 writes the next checkpoint only after all have read this one
    chosen = {name: averages[name].module if name in averages else modules[name] for name in modules}
    clock = CheckpointClock(options)
    batches = iter(_loader(make_batch, start, options.steps, run))
    with run.progress(options.stage, options.steps, done=start) as progress:
        for step in range(start, options.steps):
            whole = {name: torch.as_tensor(value) for name, value in next(batches).items()}
            batch = _to_device(share_of(whole, ranks, options.stage), fabric, options.channels_last)
            seed = run.derive(options.stage, "step", step)
            own = seed if ranks is None else run.derive(options.stage, "step", step, "rank", ranks.rank)  # dropout
            with seeded(own, run.device):
                values = task.step(fabric, batch, step, torch_generator(seed, str(fabric.device)))
            for name, average in averages.items():
                average.update_parameters(modules[name])
            if watcher is not None:
                watcher.after_step(step + 1, chosen)
            # before the checkpoint: a run killed between the two would never write this point of the curve
            shown = _values(values, run, options.stage, step, options.steps, fabric.device)
            if (ranks is None or ranks.rank == 0) and clock.due(step + 1):
                with clock:
                    _save(out / CHECKPOINT, step + 1, task, modules, averages, watcher)
            progress.advance(1, **shown)
    return {name: module.eval() for name, module in chosen.items()}


def _set_up(
    fabric: Fabric, task: Task, options: TrainingOptions
) -> tuple[dict[str, nn.Module], dict[str, AveragedModel]]:
    """Move modules and optimisers to the device; the task uses Fabric's wrappers, and the loop the bare modules."""
    bare: dict[str, nn.Module] = dict(task.modules)
    for module in bare.values():
        if options.channels_last:
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        module.to(fabric.device)
        module.train()
    averages = {} if options.ema is None else {name: make_ema(m, options.ema) for name, m in bare.items()}
    task.modules = {n: fabric.setup_module(torch.compile(m) if options.compile else m) for n, m in bare.items()}  # type: ignore[arg-type]
    task.optimizers = {n: fabric.setup_optimizers(o) for n, o in task.optimizers.items()}  # type: ignore[misc]
    return bare, averages


class _Steps(Dataset[Batch]):
    """The batches of a run, by step number."""

    def __init__(self, make_batch: MakeBatch, run: RunContext) -> None:
        self._make_batch, self._run = make_batch, run

    def __getitem__(self, step: int) -> Batch:
        return self._make_batch(step, self._run.rng("batch", step))


def _loader(make_batch: MakeBatch, start: int, steps: int, run: RunContext) -> DataLoader[Batch]:
    order: Sequence[int] = range(start, steps)
    return DataLoader(
        _Steps(make_batch, run),
        batch_size=None,
        sampler=order,  # type: ignore[arg-type]
        num_workers=run.workers,
        prefetch_factor=4 if run.workers else None,
        pin_memory=run.device == "cuda",
        generator=torch_generator(0),
    )


def _to_device(batch: Mapping[str, torch.Tensor], fabric: Fabric, channels_last: bool) -> Batch:
    moved = {}
    for name, value in batch.items():
        tensor = value.to(fabric.device, non_blocking=True)
        is_image = channels_last and tensor.ndim == 4 and tensor.is_floating_point()
        moved[name] = tensor.contiguous(memory_format=torch.channels_last) if is_image else tensor
    return moved


def _save(
    path: Path,
    step: int,
    task: Task,
    modules: Mapping[str, nn.Module],
    averages: Mapping[str, AveragedModel],
    watcher: Watcher | None,
) -> None:
    state = {
        "step": step,
        "modules": {n: m.state_dict() for n, m in modules.items()},
        "optimizers": {n: o.state_dict() for n, o in task.optimizers.items()},
        "averages": {n: a.state_dict() for n, a in averages.items()},
    }
    if watcher is not None:
        state["watcher"] = dict(watcher.state_dict())
    with replacing(path, sole=True) as temporary:  # in the folder of a step, which has a lock
        torch.save(state, temporary)


def _resume(
    path: Path,
    task: Task,
    modules: Mapping[str, nn.Module],
    averages: Mapping[str, AveragedModel],
    watcher: Watcher | None,
) -> int:
    if not path.exists():
        return 0
    state = torch.load(path, map_location="cpu", weights_only=True)
    for name, module in modules.items():
        module.load_state_dict(state["modules"][name])
    for name, optimizer in task.optimizers.items():
        optimizer.load_state_dict(state["optimizers"][name])
    for name, average in averages.items():
        average.load_state_dict(state["averages"][name])
    if watcher is not None:
        watcher.load_state_dict(state["watcher"])
    return int(state["step"])


def _values(
    values: Mapping[str, float | torch.Tensor],
    run: RunContext,
    stage: str,
    step: int,
    steps: int,
    device: torch.device,
) -> dict[str, float]:
    """Return the values of a step, but not of every step on a GPU, since reading them makes it wait."""
    every = 1 if run.device == "cpu" else 20
    if step % every and step + 1 != steps:
        return {}
    shown = {name: mean_over_ranks(value, run.ranks, device) for name, value in values.items()}
    if not np.isfinite(shown["loss"]):
        raise JobError(
            f"The loss is not finite in {stage}, step {step}",
            got=f"{shown['loss']}",
            fix="lower the learning rate, or use --precision 32-true",
        )
    for name, value in shown.items():
        run.curve(f"{stage}/{name}", step, value)
    return shown

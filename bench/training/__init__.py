"""One training loop for everything that trains: seeded batches, EMA, checkpoints, progress."""

from bench.training.ema import ema_decay, make_ema
from bench.training.flags import read_flags, write_flags
from bench.training.loop import LossTask, Task, TrainingOptions, Watcher, train
from bench.training.optimizers import fused
from bench.training.ranks import make_fabric, randn
from bench.training.seeds import seeded, torch_generator
from bench.training.weights import load_weights, save_weights

__all__ = [
    "LossTask",
    "Task",
    "TrainingOptions",
    "Watcher",
    "ema_decay",
    "fused",
    "load_weights",
    "make_ema",
    "make_fabric",
    "randn",
    "read_flags",
    "save_weights",
    "seeded",
    "torch_generator",
    "train",
    "write_flags",
]

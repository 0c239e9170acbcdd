"""Presets: the scale of a run, from seconds to the published protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from bench.config.files import folder, merge, read_yaml
from bench.config.validate import build
from bench.contract import Settings, Task
from bench.registry import unknown


class BudgetSettings(Settings):
    """How long every arm trains; see `bench.contract.Budget`."""

    unit: Literal["steps", "epochs", "real-epochs"] = "steps"
    amount: int = Field(gt=0)


class Preset(Settings):
    """What a preset fixes; the cards of methods and networks hold their own settings for each preset.

    `mpp` is the working resolution (None: the dataset's own), `patch` the side of synthetic and reference patches
    in pixels at that resolution, `downstream` the networks (None: those that the
    dataset names), `max_samples` caps a synthetic set (None: the number that the ratio gives),
    `text_dataset` has the captions for methods that read them on a dataset without captions,
    `text_encoder` embeds images and captions if a run is about captions,
    `evaluations` are the questions that a table answers (None: all that are about the dataset),
    `faithfulness_samples` is the number of test patches whose masks methods draw (None: as many as
    `reference_samples`), `memory_gib` is the free memory that a run needs,
    `steps_per_accelerator` is the number of steps that may share one GPU at the same time,
    `split_samples` caps the samples of splits by name, evenly spread over each; a run with a protocol reads all of the
    splits that the protocol divides.
    """

    name: str
    summary: str
    mpp: float | None = None
    patch: int = Field(gt=0)
    patches_per_tile: int = Field(default=100, gt=0)
    max_samples: int | None = Field(default=None, gt=0)
    reference_samples: int = Field(default=2000, gt=1)
    faithfulness_samples: int | None = Field(default=None, gt=0)
    budget: BudgetSettings
    encoders: tuple[str, ...]
    # no part of a run's document: the keys of its steps say it
    split_samples: Mapping[str, Annotated[int, Field(gt=0)]] = Field(default={}, exclude=True)
    evaluations: tuple[str, ...] | None = None
    text_dataset: str = "phantom"
    text_encoder: str = "plip"
    downstream: tuple[str, ...] | None = None
    controls: tuple[str, ...] = ("real-only", "copy", "noise")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    needs_accelerator: bool = False
    # no part of a run's document: it changes no number
    steps_per_accelerator: int = Field(default=1, gt=0, exclude=True)
    memory_gib: float = Field(default=4.0, gt=0)
    duration: str = ""


def preset_names() -> tuple[str, ...]:
    """List the presets, smallest first."""
    found = {path.stem for path in (folder() / "presets").glob("*.yaml")}
    order = ("tiny", "smoke", "small", "paper")
    return tuple(name for name in order if name in found) + tuple(sorted(found - set(order)))


def load_preset(name: str, overrides: dict[str, object] | None = None, task: Task = "nuclei") -> Preset:
    """Read a preset as it is for datasets of a task (its section `tasks`), with overrides of its own keys.

    Raises:
        ConfigError: there is no such preset, or a key or value is not valid.
    """
    if name not in preset_names():
        raise unknown("preset", name, preset_names())
    values = read_yaml(folder() / "presets" / f"{name}.yaml")
    own = values.pop("tasks", {})
    for other in own.keys() - set(get_args(Task)):
        raise unknown(f"task in preset {name!r}", other, get_args(Task))
    values = merge(values, own.get(task, {}))
    return build(Preset, merge({"name": name, **values}, overrides or {}), f"preset {name!r}")

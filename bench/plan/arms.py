"""Arms: methods with their resolved configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.config import Preset
from bench.config.files import card, merge
from bench.config.validate import build
from bench.contract import Downstream, MethodBase, Selection
from bench.digest import digest
from bench.registry import distribution, load
from bench.synthetic import EVALUATION, SyntheticSet

BASELINE = "real-only"
LONGEST_VARIANT = 60


@dataclass(frozen=True)
class Arm:
    """One method as it will run; `variant` names the settings that were changed by hand.

    `ready` is a set that was made elsewhere: then nothing is drawn. `selection` is how the arm's set is chosen from a
    pool, if its method has several arms that choose.
    """

    name: str
    variant: str
    method: MethodBase
    ready: SyntheticSet | None = None
    selection: Selection | None = None

    @property
    def ratio(self) -> float:
        """Synthetic : real of the training mix."""
        return self.method.ratio if self.selection is None else self.selection.ratio

    @property
    def draws(self) -> bool:
        """Whether a set is drawn for the arm; one that was made elsewhere is not."""
        return self.ready is None and self.ratio > 0

    @property
    def trained_ratio(self) -> float | None:
        """The ratio as rows show it; None for a set that no network may be trained on."""
        return None if self.ready is not None and self.ready.use == EVALUATION else self.ratio

    @property
    def title(self) -> str:
        """The name as it is shown to users."""
        return f"{self.name} ({self.variant})" if self.variant else self.name

    @property
    def choice(self) -> str:
        """The rule by which its set was chosen, such as `centroid`; empty if it was not chosen.

        Larger sets of one pool begin with the same images, so the ratio does not belong to it.
        """
        settings = {} if self.selection is None else self.selection.model_dump(mode="json")
        return "-".join(str(value) for key, value in settings.items() if key != "ratio" and value is not None)

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of the method as JSON, without the choice from its pool, which does not change what it draws."""
        chosen = {"selection"} if self.selection is not None else None
        return dict(self.method.config.model_dump(mode="json", exclude=chosen))

    @property
    def distribution(self) -> str:
        """The distribution that the method is installed with; empty for a set that was made elsewhere."""
        return "" if self.ready is not None else distribution("methods", self.name)


@dataclass(frozen=True)
class Network:
    """One downstream network as it will run."""

    name: str
    plugin: Downstream
    config: Mapping[str, Any]


def make_arm(name: str, preset: Preset, overrides: Mapping[str, Any] | None = None, variant: str = "") -> Arm:
    """Make a method from its defaults, the preset's patch, its card's preset and overrides, in this order."""
    plugin = load("methods", name)
    patch = {"patch_size": preset.patch} if "patch_size" in plugin.Config.model_fields else {}
    values = merge(patch, _values("methods", name, preset, overrides))
    config = build(plugin.Config, values, f"method {name!r}")
    return Arm(name, _short(variant), plugin(config))


def make_network(
    name: str, preset: Preset, overrides: Mapping[str, Any] | None = None, weights: Path | None = None
) -> Network:
    """Make a downstream network in the same way; `weights` is the folder of the weights that it may start from."""
    plugin = load("downstream", name)
    config = build(plugin.Config, _values("downstream", name, preset, overrides), f"downstream network {name!r}")
    network: Downstream = plugin(config).with_weights(weights)
    return Network(name, network, network.config.model_dump(mode="json"))


def _values(group: str, name: str, preset: Preset, overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    presets = card(group, name).get("presets", {})
    return merge(presets.get(preset.name) or {}, overrides or {})


def _short(variant: str) -> str:
    """Return a variant at a length that fits a table: a long one is cut and ends with its digest."""
    return variant if len(variant) <= LONGEST_VARIANT else f"{variant[: LONGEST_VARIANT - 10]}…{digest(variant)[:8]}"

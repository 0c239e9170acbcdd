"""The downstream networks of a run, each with its own settings and the settings that all of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.config import Preset
from bench.config.files import merge
from bench.errors import ConfigError
from bench.plan.arms import BASELINE, Arm, Network, make_network
from bench.registry import load, names, unknown


def make_networks(
    wanted: Sequence[str], preset: Preset, overrides: Mapping[str, Any], weights: Path | None = None
) -> list[Network]:
    """Make the networks of a run.

    Args:
        wanted: the names of the networks.
        preset: the preset whose settings they start from.
        overrides: a tree with `downstream.<key>` for all networks, and `downstream.<network>.<key>` for one of them,
            which takes precedence.
        weights: the folder of weights.

    Raises:
        ConfigError: an unknown name, a network that is not of this run, a key that one of them lacks, or a value that
            does not fit.
    """
    keys = {name: set(load("downstream", name).Config.model_fields) for name in wanted}
    shared = {key: value for key, value in overrides.items() if key not in keys}
    for key, value in shared.items():
        _check_shared(key, value, keys)
    own = {name: overrides.get(name, {}) for name in keys}
    for name, settings in own.items():
        if not isinstance(settings, Mapping):
            fix = f"for example --set downstream.{name}.{min(keys[name], default='key')}=value"
            raise ConfigError(
                f"The settings of {name!r} are not given by key", got=f"downstream.{name}={settings}", fix=fix
            )
    return [make_network(name, preset, merge(shared, own[name]), weights) for name in wanted]


def with_trained(arm: Arm, networks: Sequence[Network]) -> Arm:
    """Return an arm; the real-only one is an arm of its own, `trained: released`, if the networks are released.

    Raises:
        ConfigError: only some of the networks are released.
    """
    released = [network.name for network in networks if network.plugin.released]
    if not released or arm.name != BASELINE:
        return arm
    if len(released) < len(networks):
        trained = ", ".join(network.name for network in networks if network.name not in released)
        raise ConfigError(
            "Some networks of the run are released and others are to be trained",
            got=f"released: {', '.join(released)}; to be trained: {trained}",
            fix="make a run for each of the two kinds, with --downstream",
        )
    return replace(arm, variant=" ".join(filter(None, [arm.variant, "trained: released"])))


def _check_shared(key: str, value: Any, keys: Mapping[str, set[str]]) -> None:
    """Refuse a key that is neither a network of the run nor a key of all its networks.

    If a single network, or all of several, lack the key, their own check refuses it and suggests the nearest key.
    """
    have = [name for name in keys if key in keys[name]]
    if have:
        lack = [name for name in keys if name not in have]
        if lack:
            fix = f"set it for one: {' or '.join(f'--set downstream.{name}.{key}=...' for name in have)}"
            got = f"downstream.{key}, which {' and '.join(lack)} {'lacks' if len(lack) == 1 else 'lack'}"
            raise ConfigError("Some networks of the run do not have this setting", got=got, fix=fix)
    elif isinstance(value, Mapping):
        if key in names("downstream"):
            raise ConfigError(
                f"This downstream network is not part of the run, which has {', '.join(keys) or 'none'}",
                got=repr(key),
                fix=f"add it with --downstream, or leave out downstream.{key}",
            )
        common = set.intersection(*keys.values()) if keys else set()
        raise unknown("network of this run, or key of all its networks, below downstream", key, [*keys, *common])

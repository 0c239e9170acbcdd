"""Settings of a released network that a caller gives by our names or by those of the original code (ADM)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bench.errors import ConfigError, DataError

Model = TypeVar("Model", bound=BaseModel)

# the original's name of a setting, and ours
ALIASES: Mapping[str, str] = {
    "model_channels": "width",
    "channel_mult": "multipliers",
    "num_res_blocks": "blocks",
    "num_head_channels": "head_channels",
    "attention_resolutions": "attention_factors",
    "image_size": "size",
    "in_channels": "channels",
}
# flags that say which layout it is, with the only value that is read
LAYOUT: Mapping[str, bool] = {
    "use_scale_shift_norm": True,
    "resblock_updown": True,
    "use_new_attention_order": False,
}


def by_our_names(
    settings: Mapping[str, Any], known: Mapping[str, str], aliases: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return settings by our names.

    Args:
        settings: as the caller gives them.
        known: our names, each with what it means.
        aliases: further names of this network, like `ALIASES`.

    Raises:
        ConfigError: a setting is not known, is given twice, or asks for another layout.
    """
    names, found = {**ALIASES, **(aliases or {})}, {}
    for name, value in settings.items():
        if name in LAYOUT and value == LAYOUT[name]:
            continue
        ours = names.get(name, name)
        if ours not in known or ours in found:
            raise ConfigError(
                "The released network has no such setting" if ours not in known else "A setting is given twice",
                got=f"{name}={value}",
                fix=f"give some of {', '.join(f'{own} ({meaning})' for own, meaning in known.items())}",
            )
        found[ours] = list(value) if isinstance(value, tuple | list) else value
    return found


def check_shown(given: Mapping[str, Any], shown: Mapping[str, Any], what: str) -> None:
    """Compare settings that a caller gives with those that the file's shapes show; levels with attention in any order.

    Raises:
        DataError: they differ.
    """
    for name, value in given.items():
        if name not in shown:
            continue
        sets = name.startswith("attention") and isinstance(value, list)
        if set(shown[name]) != set(value) if sets else shown[name] != value:
            raise DataError(
                f"{what} was not trained with {name} {value}", got=f"{name} {shown[name]}", fix=f"leave {name} out"
            )


def make(model: type[Model], values: Mapping[str, Any], what: str) -> Model:
    """Return settings of a network.

    Raises:
        ConfigError: a value is not valid; `what` is the network.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(
            f"The setting {'.'.join(map(str, first['loc']))} of {what} is not valid",
            got=f"{first['input']}: {first['msg']}",
        ) from error

"""Validation of configuration models with errors that say what to change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from bench.errors import ConfigError
from bench.registry import unknown

Model = TypeVar("Model", bound=BaseModel)


def build(model: type[Model], values: Mapping[str, Any], where: str) -> Model:
    """Return a model made of `values`.

    Raises:
        ConfigError: a key is unknown (the nearest one is suggested) or a value is not valid; `where` names its owner.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise _explain(model, error, where) from error


def _explain(model: type[BaseModel], error: ValidationError, where: str) -> ConfigError:
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        owner = _owner(model, first["loc"][:-1])
        prefix = "".join(f"{part}." for part in first["loc"][:-1])
        if owner is None:
            return ConfigError(f"There is an unknown key in {where}", got=path)
        return unknown(f"key in {where}", path, [prefix + name for name in owner.model_fields])
    value = first.get("input")
    # where several settings do not fit each other, the fix says why; the whole tree would hide it
    several = first["type"] == "value_error" and isinstance(value, Mapping)
    return ConfigError(
        f"The value of {path or 'a setting'} in {where} is not valid",
        got="settings that do not fit each other" if several else repr(value),
        fix=first["msg"].removeprefix("Value error, "),
    )


def _owner(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the model that holds the last key of `path`."""
    for part in path:
        field = model.model_fields.get(str(part))
        annotation = None if field is None else field.annotation
        candidates = [annotation, *get_args(annotation)]
        models = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not models:
            return None
        model = models[0]
    return model

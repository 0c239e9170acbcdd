"""Validation of configuration models with errors that say everything that must be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from bench.config.lines import Lines
from bench.errors import ConfigError
from bench.registry import unknown

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]
MOST_PROBLEMS = 30


class _Problem(NamedTuple):
    """What is wrong with one key: where the key is, how pydantic calls it, what was found, and what is expected."""

    path: Path
    kind: str
    value: Any
    reasons: tuple[str, ...]


def build(model: type[Model], values: Mapping[str, Any], where: str, lines: Lines | None = None) -> Model:
    """Return a model made of `values`, which come from the file of `lines` if that is given.

    Raises:
        ConfigError: a key is unknown (the nearest one is suggested) or a value is not valid; `where` names its owner.
            Everything that is wrong is listed, with its line and column.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        problems = _problems(error, values)
        found = [_explain(model, one, where, lines) for one in problems[:MOST_PROBLEMS]]
        if len(problems) > MOST_PROBLEMS:
            left = f"{len(problems) - MOST_PROBLEMS:,} more"
            found.append(ConfigError("Further values are not valid", got=left, fix="correct these first"))
        raise join_errors(found, where) from error


def join_errors(errors: Sequence[ConfigError], where: str) -> ConfigError:
    """Return one error that lists several."""
    if len(errors) == 1:
        return errors[0]
    listed = [error.message.replace(f" in {where}", "") for error in errors]
    return ConfigError(
        f"{len(errors)} things are wrong in {where}",
        got="\n".join(
            f"{number}. {text}: {error.got}" for number, (text, error) in enumerate(zip(listed, errors, strict=True), 1)
        ),
        fix="\n".join(f"{number}. {error.fix or 'correct it'}" for number, error in enumerate(errors, 1)),
    )


def _problems(error: ValidationError, values: Mapping[str, Any]) -> list[_Problem]:
    """Return what is wrong with each key, once: a value of several possible types is reported for each of them."""
    found: dict[Path, _Problem] = {}
    for one in error.errors():
        path, value = _existing(values, one["loc"])
        if one["type"] == "missing":
            path, value = (*path, one["loc"][-1]), None
        elif not path and len(one["loc"]) == 1:  # a default that is not valid
            path, value = one["loc"], one["input"]
        reason = one["msg"].removeprefix("Value error, ")
        before = found.get(path)
        if before is None:
            found[path] = _Problem(path, one["type"], one.get("input", value), (reason,))
        elif reason not in before.reasons:
            found[path] = before._replace(value=value, reasons=(*before.reasons, reason))
    return list(found.values())


def _existing(values: Any, path: Path) -> tuple[Path, Any]:
    """Return the part of a path that leads to a value; pydantic also names the types that it tried."""
    at: list[str | int] = []
    for part in path:
        if isinstance(values, Mapping):
            key = next((key for key in values if str(key) == str(part)), None)
            if key is None:
                break
            values = values[key]
        elif isinstance(values, list | tuple) and isinstance(part, int) and part < len(values):
            values = values[part]
        else:
            break
        at.append(part)
    return tuple(at), values


def _explain(model: type[BaseModel], problem: _Problem, where: str, lines: Lines | None) -> ConfigError:
    name = ".".join(map(str, problem.path))
    place = "" if lines is None else lines.of(problem.path)
    at = f" ({place})" if place else ""
    if problem.kind == "extra_forbidden":
        owner = _owner(model, problem.path[:-1])
        prefix = "".join(f"{part}." for part in problem.path[:-1])
        if owner is None:
            return ConfigError(f"There is an unknown key in {where}", got=name + at)
        error = unknown(f"key in {where}", name, [prefix + field for field in owner.model_fields])
        return ConfigError(error.message, got=error.got + at, fix=error.fix)
    if problem.kind == "missing":
        return ConfigError(f"A value is missing in {where}", got=f"no {name}{at}", fix=f"add `{problem.path[-1]}`")
    # where several settings do not fit each other, the fix says why; the whole tree would hide it
    several = problem.kind == "value_error" and isinstance(problem.value, Mapping)
    return ConfigError(
        f"The value of {name or 'a setting'} in {where} is not valid",
        got=("settings that do not fit each other" if several else repr(problem.value)) + at,
        fix=" or: ".join(problem.reasons),
    )


def _owner(model: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """Return the model that holds the last key of `path`."""
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        models = [] if field is None else [one for one in _inner(field.annotation) if issubclass(one, BaseModel)]
        if not models:
            return None
        model = models[0]
    return model


def _inner(annotation: Any) -> list[type]:
    """Return the classes that an annotation consists of."""
    if isinstance(annotation, type) and not get_args(annotation):
        return [annotation]
    return [one for part in get_args(annotation) for one in _inner(part)]

"""Annotations are kept to in tests: types and shapes of arguments and results, checked by jaxtyping and beartype.

Only what is imported after `enforce` is checked, and only in the process of the test.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

import jaxtyping
from beartype import BeartypeConf, beartype

jaxtyped = jaxtyping.jaxtyped
# An int will do for a float, as for mypy.
check = beartype(conf=BeartypeConf(is_pep484_tower=True))


def enforce(*packages: str) -> None:
    """Check every function of some packages, and of those below them, whenever it is called."""
    jaxtyping.jaxtyped = guarded
    jaxtyping.install_import_hook(packages, f"{__name__}.check")


def guarded(fn: Any = None, *, typechecker: Callable[..., Any]) -> Any:
    """Decorate a function as jaxtyping does, but let it refuse a wrong argument in its own words first."""
    if fn is None:
        return lambda function: guarded(function, typechecker=typechecker)
    checked = jaxtyped(fn, typechecker=typechecker)
    if not inspect.isfunction(fn):
        return checked

    @wraps(checked)
    def call(*arguments: Any, **named: Any) -> Any:
        try:
            return checked(*arguments, **named)
        except jaxtyping.TypeCheckError:
            fn(*arguments, **named)
            raise

    return call

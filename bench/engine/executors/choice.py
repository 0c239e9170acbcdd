"""The executor that the user chose, by the name of its entry point."""

from __future__ import annotations

from bench.engine.executors.base import Executor, ExecutorOptions, ExecutorPlugin
from bench.engine.executors.in_process import InProcess
from bench.errors import ConfigError
from bench.registry import load

_EMPTY = {"jobs": 1, "gpus": (), "profile": "", "address": ""}
DEFAULT = "local"
"""The executor of a request that names none but asks for several jobs or for GPUs."""


def check_executor(name: str | None, options: ExecutorOptions) -> None:
    """Check that the chosen executor can work; nothing is started.

    Raises:
        ConfigError: there is no such executor, or it does not read an option that is given.
        MissingError: something that it needs is missing.
    """
    plugin = _plugin(name, options)
    if plugin is not None:
        plugin.check(options)


def works_elsewhere(name: str | None, options: ExecutorOptions) -> bool:
    """Return whether the chosen executor does steps on other machines; nothing is started.

    Raises:
        ConfigError: there is no such executor, or it does not read an option that is given.
    """
    plugin = _plugin(name, options)
    return plugin is not None and plugin.elsewhere(options)


def open_executor(name: str | None, options: ExecutorOptions) -> Executor:
    """Return the chosen executor, which the caller closes.

    Without a name, steps are done in this process, or in several local ones if jobs or GPUs are asked for.

    Raises:
        BenchError: it cannot work; see :func:`check_executor`.
    """
    plugin = _plugin(name, options)
    if plugin is None:
        return InProcess()
    plugin.check(options)
    return plugin.open(options)


def _plugin(name: str | None, options: ExecutorOptions) -> type[ExecutorPlugin] | None:
    if name is None and options.jobs == 1 and not (options.gpus or options.profile or options.address):
        return None
    chosen = name or DEFAULT
    plugin: type[ExecutorPlugin] = load("executors", chosen, ExecutorPlugin)
    for option in _EMPTY.keys() - plugin.reads:
        if getattr(options, option) != _EMPTY[option]:
            raise ConfigError(
                f"The executor {chosen!r} does not use --{option}",
                got=f"--{option} {_shown(getattr(options, option))}",
                fix=f"leave --{option} out, or choose an executor that uses it with --executor",
            )
    return plugin


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)

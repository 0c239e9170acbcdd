"""The executor `ray`: steps are tasks of a Ray cluster, which places them and supervises its workers."""

from __future__ import annotations

import ipaddress
import socket

from bench.engine.executors.base import Executor, ExecutorOptions, ExecutorPlugin
from bench.errors import ConfigError, MissingError
from bench.extras import check_installed

_SECONDS = 5.0
_EXAMPLE = "for example --address 10.0.0.1:6379, which `ray start --head` prints"


class Ray(ExecutorPlugin):
    """Tasks of a Ray cluster: one that runs already, by its address, or one that is started on this machine."""

    name = "ray"
    reads = frozenset({"jobs", "address"})

    @classmethod
    def check(cls, options: ExecutorOptions) -> None:
        """Check that Ray is installed and that something answers at the address."""
        check_installed("ray")
        if not options.address:
            return
        host, port = _place(options.address)
        try:
            socket.create_connection((host, port), timeout=_SECONDS).close()
        except OSError as error:
            raise MissingError(
                "No Ray cluster answers at the address",
                got=f"{options.address}: {error}",
                fix="start one with `ray start --head` and give the address that it prints, or leave --address out",
            ) from error

    @classmethod
    def elsewhere(cls, options: ExecutorOptions) -> bool:
        """Return whether the cluster is one that runs already."""
        return bool(options.address)

    @classmethod
    def open(cls, options: ExecutorOptions) -> Executor:
        """Return an executor that is connected to the cluster."""
        from bench.engine.executors.ray_tasks import RayTasks

        return RayTasks(options.address, options.jobs, options.threads)


def _place(address: str) -> tuple[str, int]:
    """Return host and port of `host:port` or `ray://host:port`."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator or not host or not port.isdigit():
        raise ConfigError("--address is not the address of a Ray cluster", got=address, fix=_EXAMPLE)
    host = host.removeprefix("[").removesuffix("]")
    if ":" in host:
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ConfigError("--address is not the address of a Ray cluster", got=address, fix=_EXAMPLE) from None
    return host, int(port)

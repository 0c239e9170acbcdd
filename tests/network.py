"""Tests reach this machine only: a connection to any other address is refused."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any


def is_home(family: int, address: Any) -> bool:
    """Return whether an address is of this machine: a loopback address, or no address of the internet at all."""
    if family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def stay_at_home() -> None:
    """Refuse connections of this process to other machines from now on."""
    for name in ("connect", "connect_ex"):
        real = getattr(socket.socket, name)

        def connect(self: socket.socket, address: Any, real: Any = real) -> Any:
            if not is_home(self.family, address):
                raise ConnectionRefusedError(f"tests reach only this machine, not {address}")
            return real(self, address)

        setattr(socket.socket, name, connect)

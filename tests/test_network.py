"""No test reaches another machine, and no command in a test fetches anything."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from bench.config import Environment


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("93.184.216.34", 443), ("weights.example", 80)])
def test_a_socket_to_another_machine_is_refused(address: tuple[str, int]) -> None:
    with socket.socket() as made:
        with pytest.raises(ConnectionRefusedError, match="tests reach only this machine"):
            made.connect(address)
        with pytest.raises(ConnectionRefusedError, match="tests reach only this machine"):
            made.connect_ex(address)


def test_a_socket_to_this_machine_is_not() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5) as made:
        assert made.getpeername() == server.getsockname()


def test_commands_are_offline() -> None:
    assert Environment.read().offline


def test_a_command_fetches_nothing(tmp_path: Path) -> None:
    from bench.cli import app
    from bench.errors import ConfigError
    from tests.bench.cli.typed import typed

    with pytest.raises(ConfigError, match="Nothing may be fetched"):
        typed(app, "weights", "get", "inception", "--weights", tmp_path)

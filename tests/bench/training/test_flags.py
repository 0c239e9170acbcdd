"""What trained weights fit is read as it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.contract import Settings
from bench.errors import DataError
from bench.training import read_flags, write_flags


class Flags(Settings):
    classes: int
    centre: tuple[float, ...] = ()


class Others(Settings):
    width: int


def test_flags_are_read_as_written(tmp_path: Path) -> None:
    flags = Flags(classes=3, centre=(0.1, -0.2))
    write_flags(tmp_path / "flags.json", flags)
    assert read_flags(tmp_path / "flags.json", Flags, "a trained toy") == flags


def test_missing_flags_say_what_was_not_trained(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot find a trained toy") as caught:
        read_flags(tmp_path / "flags.json", Flags, "a trained toy")
    assert "no flags.json" in caught.value.got


def test_flags_of_another_kind_are_refused(tmp_path: Path) -> None:
    write_flags(tmp_path / "flags.json", Flags(classes=3))
    with pytest.raises(ValidationError):
        read_flags(tmp_path / "flags.json", Others, "a trained toy")

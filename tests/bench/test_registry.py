"""Plugins by entry point: what is loaded, what is refused in words, and whose version counts."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bench import registry
from bench.errors import ConfigError
from metrics.encoders.random_convnet import RandomConvNet


def _registered(monkeypatch: pytest.MonkeyPatch, group: str, value: str) -> None:
    point = EntryPoint("mine", value, f"bench.{group}")
    monkeypatch.setattr(registry, "_points", lambda _: {"mine": point})


def test_ours_are_loaded() -> None:
    for group in registry.GROUPS:
        assert [registry.load(group, name) for name in registry.names(group)]


@pytest.mark.parametrize(
    ("group", "value", "base", "got"),
    [
        ("methods", "methods.patches:Tiles", "bench.contract.MethodBase", "methods.patches:Tiles, a class without it"),
        ("methods", "methods.patches:window_of", "bench.contract.MethodBase", "methods.patches:window_of, function"),
        ("downstream", "methods.sdm:SDM", "bench.contract.Downstream", "methods.sdm:SDM, a class without it"),
        ("encoders", "methods.sdm:SDM", "metrics.encoders.base.Encoder", "methods.sdm:SDM, a class without it"),
    ],
)
def test_a_plugin_derives_from_the_base_of_its_group(
    monkeypatch: pytest.MonkeyPatch, group: str, value: str, base: str, got: str
) -> None:
    _registered(monkeypatch, group, value)
    with pytest.raises(ConfigError) as caught:
        registry.load(group, "mine")
    assert f"'mine' does not derive from `{base}`" in caught.value.message
    assert caught.value.got == got
    assert "derive its class from this base class" in caught.value.fix


def test_a_class_of_another_package_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "encoder_of_mine.py").write_text(
        "from metrics.encoders.random_convnet import RandomConvNet\nclass Mine(RandomConvNet):\n    version = 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    _registered(monkeypatch, "encoders", "encoder_of_mine:Mine")
    found = registry.load("encoders", "mine")
    assert issubclass(found, RandomConvNet)
    assert found.version == 2


def test_a_plugin_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _registered(monkeypatch, "methods", "no_such_package.here:Mine")
    with pytest.raises(ConfigError, match="no_such_package"):
        registry.load("methods", "mine")

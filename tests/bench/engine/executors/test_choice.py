"""The chosen executor: by its name, with the options that it reads, refused before any work if it cannot work."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from bench import registry
from bench.engine.executors import (
    Executor,
    ExecutorOptions,
    ExecutorPlugin,
    InProcess,
    Processes,
    check_executor,
    open_executor,
)
from bench.errors import BenchError, ConfigError, MissingError


def options(**changes: Any) -> ExecutorOptions:
    return ExecutorOptions(store=Path("store"), **changes)


def opened(name: str | None, **changes: Any) -> Executor:
    executor = open_executor(name, options(**changes))
    executor.close()
    return executor


def test_without_a_name_steps_are_done_here_or_in_as_many_processes_as_asked_for() -> None:
    assert isinstance(opened(None), InProcess)
    several = opened(None, jobs=3)
    assert isinstance(several, Processes)
    assert several.jobs == 3
    assert isinstance(opened("local"), Processes)


def test_one_process_per_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,GPU-3f")
    executor = opened("local", gpus=("0", "GPU-3f"))
    assert isinstance(executor, Processes)
    assert executor.jobs == 2
    assert isinstance(opened("local", gpus=("0", "1"), jobs=5), Processes)


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("nowhere", {}, "use one of: local, ray, slurm"),
        ("locl", {}, "did you mean 'local'"),
        ("local", {"address": "a:1"}, "leave --address out"),
        ("slurm", {"gpus": ("0",)}, "leave --gpus out"),
        ("slurm", {"jobs": 2}, "leave --jobs out"),
        (None, {"profile": "x"}, "leave --profile out"),
        ("local", {"gpus": ("0", "0")}, "name each GPU once"),
        ("local", {"gpus": ("0",), "device": "cpu"}, "leave one of them out"),
    ],
)
def test_what_does_not_fit_is_refused(name: str | None, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        check_executor(name, options(**changes))
    assert said in refused.value.fix


def test_gpus_that_are_not_there_are_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingError) as absent:
        check_executor("local", options(gpus=("0",)))
    assert absent.value.got == "--gpus 0; no GPU was found"
    smi = tmp_path / "nvidia-smi"
    smi.write_text("#!/bin/sh\necho 0\necho 1\n")
    smi.chmod(0o755)
    check_executor("local", options(gpus=("0", "1")))
    with pytest.raises(MissingError) as absent:
        check_executor("local", options(gpus=("1", "2")))
    assert absent.value.got == "--gpus 1,2; there are 0, 1"


class Elsewhere(ExecutorPlugin):
    """An executor of a third party."""

    name = "elsewhere"
    reads = frozenset({"address"})

    @classmethod
    def check(cls, options: ExecutorOptions) -> None:
        if options.address != "there":
            raise BenchError("nobody is at the address", got=options.address)

    @classmethod
    def open(cls, options: ExecutorOptions) -> Executor:
        return InProcess()


def test_an_executor_of_a_third_party_is_found_as_ours_are(monkeypatch: pytest.MonkeyPatch) -> None:
    known = registry._points("executors")

    def points(group: str) -> Mapping[str, EntryPoint]:
        value = f"{__name__}:Elsewhere"
        return {**known, "elsewhere": EntryPoint("elsewhere", value, "bench.executors"), "no": broken}

    broken = EntryPoint("no", f"{__name__}:options", "bench.executors")
    monkeypatch.setattr(registry, "_points", points)
    with pytest.raises(BenchError, match="nobody is at the address"):
        open_executor("elsewhere", options(address="here"))
    assert isinstance(open_executor("elsewhere", options(address="there")), InProcess)
    with pytest.raises(ConfigError, match="does not derive from"):
        open_executor("no", options())

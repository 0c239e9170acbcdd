"""The profile of a Slurm site: what jobs ask for, and how they are started."""

from __future__ import annotations

import math
import re
import shlex
import sys
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from bench.contract import Settings
from bench.engine.step import Step
from bench.engine.threads import environment

_VALUE = re.compile(r"[A-Za-z0-9_.,:@+=/%&|\[\]()*-]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPTION = re.compile(r"[a-z][a-z-]*")
# What the harness itself decides.
_OURS = (
    *("array", "chdir", "cpus-per-task", "error", "export", "gpus-per-node", "job-name", "mem", "nodes"),
    *("ntasks-per-node", "open-mode", "output", "requeue", "signal", "time", "wrap"),
)
ENVIRONMENT = (
    *("CONDA_PREFIX", "HF_HOME", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "PYTHONPATH"),
    *("SHELL", "TMPDIR", "TORCH_HOME", "USER", "VIRTUAL_ENV", "XDG_CACHE_HOME"),
)
"""The variables of the driver that a job receives. Tokens, passwords and addresses of servers stay with the driver."""


def _plain(text: str) -> str:
    if not _VALUE.fullmatch(text):
        raise ValueError("use letters, digits and the signs _.,:@+=/%&|[]()*- without spaces or line breaks")
    return text


def _variable(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("name an environment variable; its value is taken from the environment of the command")
    if re.search("TOKEN|PASSWORD|SECRET|CREDENTIAL|API_KEY", text.upper()) or text.startswith("MLFLOW_"):
        raise ValueError("jobs receive no secrets: tracking and downloads are done by the command itself")
    return text


def _word(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("give one argument of a command, without line breaks")
    return text


Plain = Annotated[str, AfterValidator(_plain)]


class JobKind(Settings):
    """What a job asks Slurm for. A step that states its own memory or time has these instead.

    `cpus` are as many as the threads and the data loaders of a step need, if it is not given. `gres` may name the type
    of a GPU where a site wants that ("gpu:a100:1"); else `gpus` are asked for. At most `at_once` jobs of an array run
    at the same time.
    """

    partition: Plain | None = None
    account: Plain | None = None
    qos: Plain | None = None
    constraint: Plain | None = None
    exclude: Plain | None = None
    gres: Plain | None = None
    gpus: int = Field(default=0, ge=0, le=1)
    cpus: int | None = Field(default=None, ge=1)
    memory_gib: float = Field(default=8.0, gt=0)
    minutes: int = Field(default=60, gt=0)
    at_once: int = Field(default=64, gt=0)
    options: Mapping[str, Plain] = {}

    @model_validator(mode="after")
    def _known(self) -> JobKind:
        for name in self.options:
            if not _OPTION.fullmatch(name):
                raise ValueError(f"`options` has names of sbatch without the dashes, such as nice; not {name!r}")
            if name in _OURS:
                raise ValueError(f"`options` cannot set {name!r}, which the harness sets itself")
        return self


class Needs(NamedTuple):
    """What a step needs; steps with the same needs are sent as one array."""

    kind: Literal["cpu", "gpu"]
    memory_gib: int
    minutes: int


class SlurmProfile(Settings):
    """A Slurm site.

    `cpu` and `gpu` are the two kinds of jobs. `python` starts Python on a node, as a list of arguments: a container,
    for example (empty: the Python of this command). `modules` are loaded first. `environment` names variables that a
    job receives in addition to `ENVIRONMENT`. Steps that are ready within `collect_seconds` are sent together; states
    are asked for every `poll_seconds`. A job is asked to stop `signal_seconds` before its time is over, and is queued
    again at most `requeues` times, each time from its checkpoint. Results may reach the driver `lag_seconds` after the
    end of their job, as the shared file system takes. With `cluster: local`, jobs run here, to try a profile.
    """

    cluster: Literal["slurm", "local"] = "slurm"
    cpu: JobKind = JobKind()
    gpu: JobKind = JobKind(gpus=1, memory_gib=32.0, minutes=720)
    python: tuple[Annotated[str, AfterValidator(_word)], ...] = ()
    modules: tuple[Plain, ...] = ()
    environment: tuple[Annotated[str, AfterValidator(_variable)], ...] = ()
    collect_seconds: float = Field(default=0.5, gt=0)
    poll_seconds: float = Field(default=15.0, gt=0)
    lag_seconds: float = Field(default=30.0, gt=0)
    signal_seconds: int = Field(default=120, gt=0)
    requeues: int = Field(default=5, ge=0)

    @model_validator(mode="after")
    def _gpus(self) -> SlurmProfile:
        if self.cluster == "slurm" and not (self.gpu.gpus or self.gpu.gres):
            raise ValueError("`gpu` asks for no GPU: set `gpus: 1`, or `gres` as your site names it")
        return self

    def needs(self, step: Step) -> Needs:
        """Return what a step needs: what it states, else what its kind of job asks for."""
        name: Literal["cpu", "gpu"] = "gpu" if step.resources.accelerator else "cpu"
        kind: JobKind = getattr(self, name)
        memory = math.ceil(step.resources.memory_gib or kind.memory_gib)
        return Needs(name, memory, math.ceil(step.resources.minutes or kind.minutes))

    def command(self, threads: int) -> str:
        """Return the start of the command of a job, each argument quoted: Python with the threads of the step's key."""
        variables = {**environment(threads), "BENCH_OFFLINE": "1"}
        named = [f"{name}={value}" for name, value in variables.items()]
        return shlex.join(["env", *named, *(self.python or (sys.executable,)), "-P"])

    def parameters(self, needs: Needs, name: str, threads: int, workers: int) -> dict[str, Any]:
        """Return what submitit is to ask for."""
        if self.cluster == "local":
            return {"timeout_min": needs.minutes, "signal_delay_s": self.signal_seconds}
        kind: JobKind = getattr(self, needs.kind)
        cpus = kind.cpus or threads + workers
        asked = {key: getattr(kind, key) for key in ("partition", "account", "qos", "constraint", "exclude", "gres")}
        modules = [f"module load {shlex.quote(module)}" for module in self.modules]
        variables = ",".join(dict.fromkeys([*ENVIRONMENT, *self.environment]))
        return {
            **{key: value for key, value in asked.items() if value is not None},
            **({"gpus_per_node": kind.gpus} if kind.gpus and kind.gres is None else {}),
            "job_name": name,
            "wckey": None,
            "time": needs.minutes,
            "mem": f"{needs.memory_gib}GB",
            "nodes": 1,
            "ntasks_per_node": 1,
            "cpus_per_task": cpus,
            "signal_delay_s": self.signal_seconds,
            "array_parallelism": kind.at_once,
            "setup": ["[ -r /etc/profile ] && . /etc/profile", *modules] if modules else None,
            # without these, srun would pass on neither what the script sets nor the number of CPUs
            "srun_args": ["--export=ALL", f"--cpus-per-task={cpus}"],
            "additional_parameters": {**kind.options, "export": variables, "requeue": True},
        }

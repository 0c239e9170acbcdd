"""The GPUs of this machine that steps may use, as the NVIDIA driver numbers them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence

from bench.errors import ConfigError, MissingError

VISIBLE = "CUDA_VISIBLE_DEVICES"
_SECONDS = 10.0


def visible_gpus() -> tuple[str, ...]:
    """Return the names of the GPUs that this process may use; none if there is no driver.

    They are those of CUDA_VISIBLE_DEVICES if it is set, else the numbers that `nvidia-smi` prints.
    """
    given = os.environ.get(VISIBLE)
    if given is not None:
        return tuple(name.strip() for name in given.split(",") if name.strip())
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        asked = [program, "--query-gpu=index", "--format=csv,noheader"]
        said = subprocess.run(asked, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ()
    return tuple(line.strip() for line in said.splitlines() if line.strip())


def check_gpus(wanted: Sequence[str], device: str) -> None:
    """Check that the GPUs which the user named are there.

    Raises:
        ConfigError: one is named twice, or the run uses no GPU.
        MissingError: this machine does not have one of them.
    """
    listed = ",".join(wanted)
    if device in {"cpu", "mps"}:
        raise ConfigError(
            "--gpus needs a run on GPUs of NVIDIA",
            got=f"--gpus {listed} --device {device}",
            fix="leave one of them out",
        )
    if len(set(wanted)) < len(wanted):
        raise ConfigError("--gpus names a GPU twice", got=f"--gpus {listed}", fix="name each GPU once, e.g. --gpus 0,1")
    there = visible_gpus()
    absent = [name for name in wanted if name not in there]
    if absent:
        raise MissingError(
            f"This machine has no GPU of the name {', '.join(absent)}",
            got=f"--gpus {listed}; " + (f"there are {', '.join(there)}" if there else "no GPU was found"),
            fix="name GPUs that `nvidia-smi` lists" if there else "leave --gpus out: --jobs N runs steps on the CPU",
        )

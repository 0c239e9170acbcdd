"""Which machine a golden table was written on, as far as its bits depend on it."""

from __future__ import annotations

import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

import torch

FILE = Path(__file__).parent / "platform.json"
PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "scikit-image", "opencv-python-headless", "pillow")
# Instructions that numerical libraries choose their code by.
FLAGS = ("avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")


def here() -> dict[str, object]:
    """Describe this machine and process."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "libc": "-".join(platform.libc_ver()),
        "python": platform.python_version_tuple()[:2],
        "torch_cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "onednn_max_cpu_isa": os.environ.get("ONEDNN_MAX_CPU_ISA", ""),
        "cpu_flags": _flags(),
        "packages": {name: version(name) for name in PACKAGES},
        "threads": 1,
    }


def is_golden() -> bool:
    """Tell whether the golden tables must hold here bit for bit."""
    return bool(json.loads(json.dumps(here())) == json.loads(FILE.read_text(encoding="utf-8")))


def write() -> None:
    """Write this machine's description."""
    FILE.write_text(json.dumps(here(), indent=1) + "\n", encoding="utf-8")


def _flags() -> list[str]:
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    present = next((line.split() for line in lines if line.startswith("flags")), [])
    return [flag for flag in FLAGS if flag in present]

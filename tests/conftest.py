"""Set-up of every test process: one numerical thread a process where several share the machine."""

import os

# Read by OpenMP, MKL and OpenBLAS when torch and numpy are first imported: it must happen before that.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

pytest_plugins = ["tests.precision.plugin"]

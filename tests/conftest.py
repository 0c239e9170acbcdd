"""Set-up of every test process: numerical threads, and annotations that are kept to."""

import os

# Read by OpenMP, MKL and OpenBLAS when torch and numpy are first imported: it must happen before that.
# Where several processes share the machine, each has one thread.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")

from tests.shapes import enforce

enforce("metrics")

pytest_plugins = ["tests.precision.plugin"]

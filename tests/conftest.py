"""Set-up of every test process: numerical threads, and annotations that are kept to."""

import os

# Read by OpenMP, MKL and OpenBLAS when torch and numpy are first imported: it must happen before that.
# Where several processes share the machine, each has one thread.
if "PYTEST_XDIST_WORKER" in os.environ:
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, "1")
# Commands of tests fetch nothing, also those in processes of their own, unless a test says so.
os.environ["BENCH_OFFLINE"] = "1"
os.environ.pop("BENCH_MIRROR", None)
# readline, which pytest's debugger imports, tells the processes of xdist the width of a terminal.
os.environ.pop("COLUMNS", None)

from tests.network import stay_at_home
from tests.shapes import enforce

stay_at_home()
enforce("metrics")

pytest_plugins = ["tests.precision.plugin"]

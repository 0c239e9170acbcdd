"""augbench: does adding this synthetic data help, and can the number be trusted?"""

import sys

from bench.errors import BenchError
from bench.neighbours import check_neighbours

__version__ = "0.1.0"

try:
    check_neighbours()
except BenchError as error:
    # `python -m bench` imports the package before any code of ours could catch this
    if sys.argv[:1] != ["-m"]:
        raise
    from bench.cli.errors import print_error

    print_error(error)
    raise SystemExit(error.exit_code) from None

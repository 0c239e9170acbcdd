"""augbench: does adding this synthetic data help, and can the number be trusted?"""

import sys
from pathlib import Path

from bench.errors import BenchError
from bench.sibling_packages import check_neighbours

__version__ = "0.1.0"

try:
    check_neighbours()
except BenchError as error:
    # both ways to the command line import the package before any code of theirs could catch this
    if Path(sys.argv[0]).stem not in ("-m", "bench"):
        raise
    from bench.cli.errors import print_error

    print_error(error)
    raise SystemExit(error.exit_code) from None

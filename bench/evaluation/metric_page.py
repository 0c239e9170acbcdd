"""The page on the metrics of all installed evaluations: `python -m bench.evaluation.metric_page docs/metrics.md`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.evaluation.registered import known_metrics


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page to a file."""
    from reports.metric_docs import render

    parser = argparse.ArgumentParser(description="Write the page on the metrics of all installed evaluations.")
    parser.add_argument("path", type=Path, help="the page, docs/metrics.md in the repository")
    path: Path = parser.parse_args(arguments).path
    if not path.parent.is_dir():
        parser.error(f"the folder of {path} does not exist")
    path.write_text(render(known_metrics()), encoding="utf-8")


if __name__ == "__main__":
    main()

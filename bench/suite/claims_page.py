"""The page on the papers' claims: `python -m bench.suite.claims_page docs/claims.md`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bench.config.files import folder
from bench.suite.published import find_published, read_claims


def page(path: Path) -> str:
    """Return the page on the claims of a file.

    Raises:
        ConfigError: the file is not valid, or its claims do not agree with the published tables.
    """
    from reports.published.claims_page import render

    claims = read_claims(path)
    return render(claims, {name: find_published(name) for name in {claim.table for claim in claims.claims}})


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the page to a file."""
    parser = argparse.ArgumentParser(description="Write the page on what it takes to confirm the papers' claims.")
    parser.add_argument("path", type=Path, help="the page, docs/claims.md in the repository")
    written: Path = parser.parse_args(arguments).path
    if not written.parent.is_dir():
        parser.error(f"the folder of {written} does not exist")
    written.write_text(page(folder() / "published" / "claims.yaml"), encoding="utf-8")


if __name__ == "__main__":
    main()

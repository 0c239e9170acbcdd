"""The console command, also as `python -m bench`."""

from __future__ import annotations


def main() -> None:
    """Run the command line."""
    from bench.cli import main as run

    run()


if __name__ == "__main__":
    main()

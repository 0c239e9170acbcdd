"""The HTML report: one file with everything that one looks at, which needs no network and runs no script."""

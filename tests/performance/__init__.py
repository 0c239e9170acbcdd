"""Generated sets of many patches, and what loading them costs: `python -m tests.performance.loading`."""

"""The regression gate: a baseline, what the results say today, and how they differ."""

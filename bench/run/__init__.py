"""The driver of a run: the only package that uses all stages and evaluations."""

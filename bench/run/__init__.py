"""The driver of a run, which alone knows all stages and evaluations."""

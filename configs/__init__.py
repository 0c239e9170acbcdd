"""YAML: datasets, methods, downstream networks, presets, suites and published tables; no code."""

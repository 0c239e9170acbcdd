"""Datasets: their cards, the sources that read them, and the canonical form that all other code uses."""

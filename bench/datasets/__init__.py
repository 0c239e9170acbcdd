"""Datasets: their cards, the sources that read them, and the canonical form that everything else works on."""

"""Datasets in canonical form at the working resolution, on disk."""

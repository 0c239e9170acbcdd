"""Datasets on disk in canonical form at the working resolution."""

"""Checks of datasets and synthetic sets."""

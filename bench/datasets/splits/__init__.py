"""Divisions of a dataset: by its card, by group, into folds, and into few labelled images and a pool."""

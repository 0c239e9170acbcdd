"""Distances between sets of images in the features of an encoder."""

"""Bringing synthetic images from elsewhere in: a folder becomes a sealed set."""

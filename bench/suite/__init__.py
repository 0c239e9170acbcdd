"""Suites: many runs from one file, checked before any work starts, done one after the other."""

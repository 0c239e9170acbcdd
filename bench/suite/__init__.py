"""Suites: many runs from one file, checked before any work starts and run one after the other."""

"""Configuration: what a run is asked to do, resolved from YAML, presets and the command line."""

from bench.config.preset import BudgetSettings, Preset, load_preset, preset_names
from bench.config.request import Environment, RunRequest

__all__ = ["BudgetSettings", "Environment", "Preset", "RunRequest", "load_preset", "preset_names"]

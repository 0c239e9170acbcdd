"""The MLflow observer: the tracking database is a view of the results, written by a separate process."""

from bench.tracking.observer import default_uri, rebuild, track

__all__ = ["default_uri", "rebuild", "track"]

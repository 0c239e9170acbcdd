"""The fixed stages: the only place that combines a method, a downstream network and metrics."""

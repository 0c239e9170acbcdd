"""Instance labels of one image, read from any of the usual formats."""

from bench.formats.labels.maps import LabelMaps
from bench.formats.labels.reading import SUFFIXES, read_labels

__all__ = ["SUFFIXES", "LabelMaps", "read_labels"]

"""Instance labels of one image, read from any of the usual formats."""

from bench.formats.labels.files import Preview, label_files, preview
from bench.formats.labels.maps import LabelMaps
from bench.formats.labels.outlined import SUFFIXES as OUTLINE_SUFFIXES
from bench.formats.labels.reading import SUFFIXES, read_labels

__all__ = ["OUTLINE_SUFFIXES", "SUFFIXES", "LabelMaps", "Preview", "label_files", "preview", "read_labels"]

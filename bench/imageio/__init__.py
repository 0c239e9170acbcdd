"""Reads and writes images and instance maps: images are RGB, and nothing is guessed.

What is read as what is one table, "How images are read" in docs/datasets.md; :func:`read_picture` is its only door.
"""

from bench.imageio.encoding import Encoding, read_encoding
from bench.imageio.instances import read_instances, write_instances, write_png
from bench.imageio.picture import Picture, image_size, read_labelled_rgb, read_picture, read_rgb, require_same_view
from bench.imageio.survey import EncodingSurvey, contradictions, survey_words
from bench.imageio.traces import jpeg_traces

__all__ = [
    "Encoding",
    "EncodingSurvey",
    "Picture",
    "contradictions",
    "image_size",
    "jpeg_traces",
    "read_encoding",
    "read_instances",
    "read_labelled_rgb",
    "read_picture",
    "read_rgb",
    "require_same_view",
    "survey_words",
    "write_instances",
    "write_png",
]

"""Datasets and synthetic sets in the formats that official repositories train on."""

from bench.export.parts import Part, part_of, set_part, source_part
from bench.export.write import FORMATS, Exported, export_parts, export_samples

__all__ = ["FORMATS", "Exported", "Part", "export_parts", "export_samples", "part_of", "set_part", "source_part"]

"""A small CMYK colour profile in which cyan prints in a colour that no inversion gives."""

from __future__ import annotations

import struct

INK = (128, 0, 0)
"""sRGB of full cyan ink under the profile; without ink it is white."""
_PAPER_LAB, _INK_LAB = (255, 128, 128), (65, 176, 166)
"""L*, a*, b* in 8 bits: (100, 0, 0) and about (25.5, 48, 38)."""


def cmyk_profile() -> bytes:
    """Return an ICC profile (version 2) with a table of two points per ink: only cyan changes the paper."""
    identity = bytes(range(256))
    table = b"".join(bytes(_INK_LAB if corner & 8 else _PAPER_LAB) for corner in range(16))
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0]) + matrix + identity * 4 + table + identity * 3
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    text = b"text\0\0\0\0public domain\0"
    named = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"inks\0" + bytes(78)
    tags = [(b"desc", named), (b"cprt", text), (b"wtpt", white), (b"A2B0", lut), (b"A2B1", lut)]
    place, entries, data = 128 + 4 + 12 * len(tags), b"", b""
    for name, content in tags:
        content += bytes(-len(content) % 4)
        entries += name + struct.pack(">II", place + len(data), len(content))
        data += content
    header = struct.pack(">I4sI4s4s4s", place + len(data), b"none", 0x02100000, b"prtr", b"CMYK", b"Lab ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header + bytes(128 - len(header)) + struct.pack(">I", len(tags)) + entries + data

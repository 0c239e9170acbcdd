"""Labels in `.npz` files: one array as in a `.npy` file, or the maps `inst_map` and `type_map`."""

from __future__ import annotations

from pathlib import Path

from bench.errors import DataError
from bench.formats.labels.arrays import maps_of, maps_of_channels
from bench.formats.labels.ids import check_size
from bench.formats.labels.maps import LabelMaps
from bench.formats.npy import npz_shapes, read_npz

_FIX = "np.savez_compressed(path, inst_map=ids), with type_map=classes if there are classes"


def npz_maps(path: Path) -> LabelMaps:
    """Read `inst_map` and, if it is there, `type_map`; or else the only array of the file.

    Raises:
        DataError: the file is unreadable, holds Python objects or other arrays, or one of them is not a map.
    """
    shapes = npz_shapes(path)
    wanted: list[str] = [name for name in ("inst_map", "type_map") if name in shapes]
    if "inst_map" not in shapes:
        if len(shapes) != 1:
            got = f"keys {sorted(shapes)}"[:200]
            raise DataError(f"{path} holds neither `inst_map` nor one array", got=got, fix=_FIX)
        wanted = list(shapes)
    for name in wanted:
        check_size(shapes[name], f"array {name!r} in {path}")
    arrays = read_npz(path, wanted)
    if "inst_map" in arrays:
        return maps_of(arrays["inst_map"], arrays.get("type_map"), path)
    return maps_of_channels(arrays[wanted[0]], path)

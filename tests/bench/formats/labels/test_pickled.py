"""CellViT's pickled labels: the maps come back, and no pickle runs anything, whatever it asks for."""

from __future__ import annotations

import io
import os
import pickle
import re
import struct
import sys

import numpy as np
import pytest

from bench.errors import DataError
from bench.formats.labels import read_labels
from tests.toy_maps import contiguous, pair, type_map, typed

_, IDS = pair(3, size=90, n=25)  # ids with gaps
TYPES = typed(np.random.default_rng(3), IDS, 4)
MAPS = {"inst_map": IDS, "type_map": type_map(IDS, TYPES).astype(np.int32)}
HEADER = {"descr": "|O", "fortran_order": False, "shape": ()}


def save(path, payload: bytes, shape=()):
    """Write a `.npy` file whose pickle is any bytes at all."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {**HEADER, "shape": shape})
    path.write_bytes(header.getvalue() + payload)
    return path


def refused(path, said: str) -> DataError:
    with pytest.raises(DataError, match=said) as caught:
        read_labels(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix
    return caught.value


@pytest.mark.parametrize("kind", [np.int32, np.int64, np.uint16, np.float64, ">i4"])
def test_cellvits_dictionary_comes_back(tmp_path, kind) -> None:
    np.save(tmp_path / "a.npy", {key: value.astype(kind) for key, value in MAPS.items()}, allow_pickle=True)
    found = read_labels(tmp_path / "a.npy")
    np.testing.assert_array_equal(found.instances, contiguous(IDS))
    np.testing.assert_array_equal(found.types, TYPES)
    assert (found.instances.dtype, found.types.dtype) == (np.int32, np.uint8)


@pytest.mark.parametrize("protocol", [3, 4])
@pytest.mark.parametrize("core", ["numpy.core", "numpy._core"])
def test_files_of_either_numpy_come_back(tmp_path, protocol, core) -> None:
    content = {**MAPS, "inst_map": np.asfortranarray(IDS), "n": np.int64(3), "name": "a", "more": [1.5, (None, True)]}
    payload = pickle.dumps(np.array(content, dtype=object), protocol=protocol)
    other = core.encode()
    assert b"numpy._core.multiarray" in payload
    if protocol == 4:  # strings carry their length, and frames theirs
        payload = payload[:2] + payload[11:]
        payload = payload.replace(
            b"\x8c\x16numpy._core.multiarray", b"\x8c" + bytes([len(other) + 11]) + other + b".multiarray"
        )
    else:
        payload = payload.replace(b"cnumpy._core.multiarray\n", b"c" + other + b".multiarray\n")
    found = read_labels(save(tmp_path / "a.npy", payload))
    np.testing.assert_array_equal(found.instances, contiguous(IDS))
    np.testing.assert_array_equal(found.types, TYPES)


def test_untyped_empty_and_one_in_a_list(tmp_path) -> None:
    np.save(tmp_path / "a.npy", {"inst_map": IDS}, allow_pickle=True)
    assert read_labels(tmp_path / "a.npy").types is None
    np.save(
        tmp_path / "b.npy", {"inst_map": np.zeros((4, 6), int), "type_map": np.zeros((4, 6), int)}, allow_pickle=True
    )
    assert read_labels(tmp_path / "b.npy").instances.shape == (4, 6)
    assert read_labels(tmp_path / "b.npy").types.shape == (0,)
    np.save(tmp_path / "c.npy", np.array([MAPS], dtype=object), allow_pickle=True)
    np.testing.assert_array_equal(read_labels(tmp_path / "c.npy").types, TYPES)


def test_arrays_are_read_as_ever(tmp_path) -> None:
    np.save(tmp_path / "a.npy", IDS)
    np.testing.assert_array_equal(read_labels(tmp_path / "a.npy").instances, contiguous(IDS))


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *args) -> None:
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


@pytest.fixture
def trap(tmp_path, monkeypatch):
    """A file that a pickle would make, and an import that it would do."""
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "intruder.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    yield tmp_path / "made"
    assert not (tmp_path / "made").exists()
    assert not (tmp_path / "imported").exists()
    assert "intruder" not in sys.modules


CALLS = {
    "system": lambda made: Call(os.system, f"touch {made}"),
    "eval": lambda made: Call(eval, f"open({str(made)!r}, 'w')"),
    "exec": lambda made: Call(exec, f"open({str(made)!r}, 'w')"),
    "open": lambda made: Call(open, str(made), "w"),
    "getattr": lambda made: Call(getattr, "a", "upper"),
    "import": lambda made: Call(__import__, "intruder"),
    "loads": lambda made: Call(pickle.loads, pickle.dumps(Call(open, str(made), "w"))),
    "numpy load": lambda made: Call(np.load, str(made)),
    "numpy save": lambda made: Call(np.save, str(made), 1),
    "numpy fromfile": lambda made: Call(np.fromfile, str(made)),
    "numpy memmap": lambda made: Call(np.memmap, str(made), "u1", "w+", 0, (4,)),
    "numpy runstring": lambda made: Call(np.testing.rundocs, str(made)),
    "set": lambda made: {1, 2},
    "class": lambda made: DataError,
    "ordered": lambda made: __import__("collections").OrderedDict(a=1),
}
NAMES = {
    "system": r"(posix|nt)\.system",
    "eval": r"builtins\.eval",
    "open": r"_?io\.open",
    "numpy memmap": r"memmap",
    "class": r"bench\.errors\.DataError",
    "ordered": r"collections\.OrderedDict",
}


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("place", ["whole", "key", "object array", "nested array"])
@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_anything_is_refused_by_name_and_never_run(tmp_path, trap, name, place, protocol) -> None:
    item = CALLS[name](trap)
    content = {
        "whole": item,
        "key": {**MAPS, "more": item},
        "object array": np.array([item, None], dtype=object),
        "nested array": {**MAPS, "more": np.array([[item, MAPS]], dtype=object)},
    }[place]
    payload = pickle.dumps(content, protocol=protocol)
    error = refused(save(tmp_path / "a.npy", payload), "holds more than arrays and plain containers")
    assert "nothing was run" in error.got
    if protocol > 2 and name in NAMES:
        assert re.search(NAMES[name], error.got)


class Identified(pickle.Pickler):
    def persistent_id(self, item):
        return "anything" if item is None else None


RAW = {
    "persistent id": (b"Panything\n.", "instruction b'P'"),
    "extension": (pickle.PROTO + b"\x04" + pickle.EXT1 + b"\x01.", "instruction"),
    "inst": (b"(S'touch x'\niposix\nsystem\n.", r"instruction b'S'"),
    "inst by name": (b"(iposix\nsystem\n.", r"posix\.system"),
    "an import": (b"cintruder\nrun\n.", r"intruder\.run"),
    "dotted": (b"\x80\x04\x8c\x05numpy\x8c\x11ndarray.__class__\x93.", r"numpy\.ndarray\.__class__"),
    "new object": (b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93)\x81.", "instruction"),
    "ndarray called": (b"\x80\x04\x8c\x05numpy\x8c\x07ndarray\x93J\x00\x00\x00\x7f\x85\x85R.", "ndarray itself"),
    "function changed": (b"\x80\x04\x8c\x05numpy\x8c\x05dtype\x93}\x8c\x05_call\x8c\x01xsb.", "change to a function"),
    "buffer": (b"\x80\x05\x97.", "instruction"),
    "huge bytearray": (b"\x80\x05\x96" + struct.pack("<Q", 2**50) + b".", "instruction"),
}  # fmt: skip


@pytest.mark.parametrize("name", RAW)
def test_instructions_of_other_pickles_are_refused(tmp_path, trap, name) -> None:
    payload, said = RAW[name]
    refused(save(tmp_path / "a.npy", payload), said)


def test_a_persistent_id_inside_an_array_is_refused(tmp_path) -> None:
    stream = io.BytesIO()
    Identified(stream, protocol=4).dump({**MAPS, "more": np.array([None, 1], dtype=object)})
    refused(save(tmp_path / "a.npy", stream.getvalue()), "instruction b'Q'")


BROKEN = {
    "truncated": lambda data: data[:300],
    "empty": lambda data: b"",
    "memo of 2^31 entries": lambda data: b"\x80\x04Nr\xff\xff\xff\x7f.",
    "memo that was never written": lambda data: b"\x80\x04h\x09.",
    "a frame longer than the file": lambda data: b"\x80\x04\x95" + struct.pack("<Q", 2**60) + b"N.",
    "bytes longer than the file": lambda data: b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b".",
    "nothing on the stack": lambda data: b"\x80\x04.",
    "no end": lambda data: b"\x80\x04N",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_pickle_is_a_clear_error(tmp_path, name) -> None:
    data = pickle.dumps(np.array(MAPS, dtype=object), protocol=4)
    refused(save(tmp_path / "a.npy", BROKEN[name](data)), r"a\.npy")


def test_an_array_that_is_not_of_its_size_is_refused(tmp_path) -> None:
    array = np.arange(4, dtype=np.int32).reshape(2, 2)
    data = pickle.dumps({"inst_map": array}, protocol=3)
    assert data.count(b"K\x02K\x02\x86") == 1
    larger = data.replace(b"K\x02K\x02\x86", b"J\xff\xff\xff\x7fK\x02\x86")
    refused(save(tmp_path / "a.npy", larger), "data do not have its size")


def test_a_list_that_holds_itself_is_no_dictionary(tmp_path) -> None:
    endless: list = []
    endless.append(endless)
    refused(save(tmp_path / "a.npy", pickle.dumps(endless, protocol=4)), "one dictionary of maps")


OTHER = {
    "no maps": ({"labels": IDS}, r"keys \['labels'\]"),
    "no dictionary": ([1, 2], "2 objects"),
    "a map as list": ({"inst_map": IDS.tolist()}, "inst_map"),
    "types as list": ({"inst_map": IDS, "type_map": [1]}, "type_map"),
    "sizes": ({"inst_map": IDS, "type_map": np.ones((3, 3), int)}, "differ in size"),
    "fractions": ({"inst_map": IDS + 0.5}, "fractional"),
    "row": ({"inst_map": np.arange(3)}, r"shape \(3,\)"),
    "negative": ({"inst_map": -IDS}, "0..2147483647"),
    "text": ({"inst_map": np.array([["a"]])}, "elements of type 'U1'"),
    "two classes in one": (
        {"inst_map": (IDS > 0).astype(int), "type_map": MAPS["type_map"]},
        "An instance has several classes",
    ),
}


@pytest.mark.parametrize("name", OTHER)
def test_what_holds_no_maps_is_refused(tmp_path, name) -> None:
    content, said = OTHER[name]
    np.save(tmp_path / "a.npy", np.array(content, dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npy", said)


def test_two_dictionaries_in_a_file_are_refused(tmp_path) -> None:
    np.save(tmp_path / "a.npy", np.array([MAPS, MAPS], dtype=object), allow_pickle=True)
    refused(tmp_path / "a.npy", "2 objects")


def nested(depth: int) -> bytes:
    """Return instructions that leave a tuple on the stack, in which each of `depth` tuples holds another one thrice."""
    steps = [pickle.EMPTY_TUPLE + pickle.BINPUT + b"\0"]
    for number in range(1, depth + 1):
        before = pickle.BINGET + bytes([number - 1])
        steps.append(before * 2 + pickle.TUPLE3 + pickle.BINPUT + bytes([number]))  # and the one on the stack
    return b"".join(steps)


DTYPE = pickle.GLOBAL + b"numpy\ndtype\n"
BOMBS = {
    "a key": (pickle.EMPTY_DICT + nested(60) + pickle.NONE + pickle.SETITEM, "other keys than text"),
    "keys": (
        pickle.EMPTY_DICT + pickle.MARK + nested(60) + pickle.NONE + pickle.SETITEMS,
        "other keys than text",
    ),
    "a type": (DTYPE + nested(60) + pickle.TUPLE1 + pickle.REDUCE, "elements of no type"),
    "a value": (nested(60), "one dictionary of maps"),
}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.timeout(20)
def test_tuples_that_hold_each_other_are_neither_hashed_nor_shown(tmp_path, name) -> None:
    content, said = BOMBS[name]
    refused(save(tmp_path / "a.npy", pickle.PROTO + b"\x03" + content + pickle.STOP), said)

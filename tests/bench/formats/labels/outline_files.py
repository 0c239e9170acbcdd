"""Small files of outlines, and what a refusal must say."""

from __future__ import annotations

import json

import pytest

from bench.errors import DataError
from bench.formats.labels import read_labels

SQUARE = [[2, 3], [8, 3], [8, 9], [2, 9], [2, 3]]


def feature(*rings, name=None, kind="annotation", shape="Polygon", **more):
    classification = {} if name is None else {"classification": name}
    geometry = {"type": shape, "coordinates": list(rings)}
    return {"type": "Feature", "geometry": geometry, "properties": {"objectType": kind, **classification}, **more}


def written(tmp_path, content, name="a.json"):
    (tmp_path / name).write_text(json.dumps(content))
    return tmp_path / name


def drawn(tmp_path, *features, size=(20, 30), names=None):
    return read_labels(written(tmp_path, list(features)), size=size, names=names)


def refused(said, path, **options):
    with pytest.raises(DataError, match=said) as caught:
        read_labels(path, **{"size": (20, 30), **options})
    assert str(path) in str(caught.value)
    assert caught.value.fix
    assert "\n" not in str(caught.value)

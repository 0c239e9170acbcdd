"""Annotations in Aperio XML: what is read, and what is refused."""

from __future__ import annotations

import time

import numpy as np
import pytest

from bench.errors import DataError
from bench.formats.aperio import LARGEST_FILE, MOST_VERTICES, read_regions
from tests.bench.datasets.layouts_monusac import write_xml

REGION = '<Regions><Region Id="3"><Vertices><Vertex X="1" Y="2"/>{}</Vertices></Region></Regions>'


def annotation(content: str, head: str = "") -> str:
    return f'<?xml version="1.0"?>{head}<Annotations><Annotation Id="1">{content}</Annotation></Annotations>'


def named(content: str, name: str = "Epithelial") -> str:
    return f'<Attributes><Attribute Name="{name}"/></Attributes>{content}'


def test_outlines_come_in_document_order_with_x_first(tmp_path) -> None:
    outlines = [("Epithelial", [(1.25, 7.0), (2.0, 8.5), (0.5, 9.0)]), (" Néw  class ", [(-3.0, 1e5)])]
    write_xml(tmp_path / "a.xml", outlines)
    read = read_regions(tmp_path / "a.xml")
    assert [region.name for region in read] == [name for name, _ in outlines]
    for region, (_, vertices) in zip(read, outlines, strict=True):
        np.testing.assert_array_equal(region.vertices, vertices)


@pytest.mark.parametrize("content", ["", "<Attributes/>", named("<Regions/>"), "<Regions/>"])
def test_annotations_without_outlines_are_allowed(tmp_path, content) -> None:
    (tmp_path / "a.xml").write_text(annotation(content))
    assert read_regions(tmp_path / "a.xml") == []
    (tmp_path / "a.xml").write_text("<Annotations/>")
    assert read_regions(tmp_path / "a.xml") == []


def test_the_name_of_the_annotation_serves_where_no_attribute_names_it(tmp_path) -> None:
    text = annotation('<Attributes><Attribute Name=""/></Attributes>' + REGION.format(""))
    path = tmp_path / "a.xml"
    path.write_text(text.replace('Id="1"', 'Id="1" Name="Macrophage"'))
    assert read_regions(path)[0].name == "Macrophage"
    path.write_text(text)
    assert read_regions(path)[0].name == ""


def test_the_description_that_imagescope_writes_names_a_class_only_by_its_value(tmp_path) -> None:
    attributes = '<Attributes><Attribute Name="Description" Id="0" Value="{}"/></Attributes>'
    (tmp_path / "a.xml").write_text(annotation(attributes.format("") + REGION.format("")))
    assert read_regions(tmp_path / "a.xml")[0].name == ""
    (tmp_path / "a.xml").write_text(annotation(attributes.format("Tumor") + REGION.format("")))
    assert read_regions(tmp_path / "a.xml")[0].name == "Tumor"


def test_negative_outlines_tools_and_layers_are_kept(tmp_path) -> None:
    region = '<Region NegativeROA="{}" Type="{}"><Vertices/></Region>'
    layer = "<Annotation><Regions>{}</Regions></Annotation>"
    first, second = region.format(0, 0) + region.format(1, 2), region.format(0, 1)
    (tmp_path / "a.xml").write_text(f"<Annotations>{layer.format(first)}{layer.format(second)}</Annotations>")
    read = [(region.negative, region.shape, region.layer) for region in read_regions(tmp_path / "a.xml")]
    assert read == [(False, "0", 0), (True, "2", 0), (False, "1", 1)]


LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
HOSTILE = {
    "billion laughs": (
        f'<!DOCTYPE x [<!ENTITY l0 "ha">{LAUGHS}]>',
        named("&l9;"),
        "holds a DTD, entities or references",
    ),
    "external entity": ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>', named("&e;"), "holds a DTD"),
    "external DTD": ('<!DOCTYPE x SYSTEM "http://localhost/x.dtd">', "", "holds a DTD"),
    "parameter entity": ('<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>', "", "holds a DTD"),
    "undefined entity": ("", "&e;", "not well formed"),
    "not closed": ("", "<Regions>", "not well formed"),
    "null byte": ("", "\0", "not well formed"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_and_malformed_xml_is_refused_at_once(tmp_path, kind) -> None:
    head, content, message = HOSTILE[kind]
    (tmp_path / "a.xml").write_text(annotation(content, head))
    began = time.monotonic()
    with pytest.raises(DataError, match=message) as caught:
        read_regions(tmp_path / "a.xml")
    assert time.monotonic() - began < 2
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert "root:" not in str(caught.value)


def test_an_attribute_of_100_mb_is_refused_unread(tmp_path) -> None:
    path = tmp_path / "a.xml"
    with path.open("w") as handle:
        handle.write('<Annotations><Annotation Name="')
        handle.write("x" * 100 * 2**20)
        handle.write('"/></Annotations>')
    with pytest.raises(DataError, match=f"more than {LARGEST_FILE // 2**20} MiB"):
        read_regions(path)


def test_deep_nesting_is_no_stack_overflow(tmp_path) -> None:
    n = 100_000
    (tmp_path / "a.xml").write_text("<Annotations>" + "<a>" * n + "</a>" * n + "</Annotations>")
    assert read_regions(tmp_path / "a.xml") == []


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"<?xml version='1.0' encoding='klingon'?><a/>", b"<a/>"])
def test_other_files_are_refused(tmp_path, content) -> None:
    (tmp_path / "a.xml").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.xml"):
        read_regions(tmp_path / "a.xml")


@pytest.mark.parametrize("value", ["", "one", "nan", "inf", "-2e6", "1,5"])
def test_vertices_must_be_numbers_within_reach(tmp_path, value) -> None:
    text = annotation(named(REGION.format(f'<Vertex X="{value}" Y="2"/>')))
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"region '3' of .*a\.xml"):
        read_regions(tmp_path / "a.xml")


def test_an_outline_of_too_many_vertices_is_refused(tmp_path) -> None:
    text = annotation(named(REGION.format('<Vertex X="1" Y="2"/>' * MOST_VERTICES)))
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match="more than 10000 vertices.*got: 10001"):
        read_regions(tmp_path / "a.xml")


def test_a_missing_file_is_named(tmp_path) -> None:
    with pytest.raises(DataError, match=r"annotation .*b\.xml; got: No such file"):
        read_regions(tmp_path / "b.xml")

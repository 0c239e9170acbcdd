"""The comparison with a baseline as JUnit XML, which CI servers show as tests: one for each row."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from reports.gate.compare import FAILURES, Finding, Gate
from reports.gate.markdown import digits

# What XML 1.0 cannot contain, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(gate: Gate) -> str:
    """Return the document; rows that the baseline does not have are left out."""
    found = [one for one in gate.findings if one.outcome != "new"]
    failures, errors = len(gate.of(*FAILURES)), len(gate.of("not comparable"))
    counts = {"tests": str(len(found)), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "bench check", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _text(gate.baseline), **counts})
    for one in found:
        suite.append(_case(one))
    ElementTree.SubElement(suite, "system-out").text = _text("\n".join(gate.remarks))
    ElementTree.indent(root)
    xml = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml}\n'


def message(one: Finding) -> str:
    """Return what became of a row, in a sentence."""
    if one.outcome == "worse" and one.now is not None:
        before, after = (digits(float(row["value"])) for row in (one.row, one.now))
        return f"{one.title} is worse: {before} before, {after} now; it may be worse by {digits(one.limit)}"
    said = {
        "lost": "has no number any more",
        "missing": "is missing",
        "digest": "has another digest",
        "not comparable": "cannot be compared",
    }
    return f"{one.title} {said[one.outcome]}: {one.reason}"


def _case(one: Finding) -> ElementTree.Element:
    group = ".".join(filter(None, [one.row.get("dataset", ""), one.row.get("method", "")])) or "bench"
    case = ElementTree.Element("testcase", {"classname": _text(group), "name": _text(one.title)})
    if one.line:
        case.set("line", str(one.line))
    if one.outcome in FAILURES:
        ElementTree.SubElement(case, "failure", {"message": _text(message(one)), "type": one.outcome})
    elif one.outcome == "not comparable":
        ElementTree.SubElement(case, "error", {"message": _text(message(one)), "type": one.outcome})
    return case


def _text(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)

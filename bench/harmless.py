"""Text that reaches a terminal or a table without acting there: no control characters, no formulas, no secrets."""

from __future__ import annotations

import re

# Controls of terminals (with ESC and those of eight bits), line and paragraph separators, marks and overrides of the
# direction of writing, the byte order mark, halves of surrogate pairs, and tags.
_ACTING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\n]")
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan)|[-+]")


def harmless(text: str, *, lines: bool = True) -> str:
    r"""Return a text with its control characters written as escapes, such as `\x1b`; others are kept.

    Args:
        text: any text.
        lines: whether line feeds and tabs are kept, too.

    >>> print(harmless("\x1b[31mred" + chr(0x202e)))
    \x1b[31mred\u202e
    """
    written = _ACTING.sub(_escape, text)
    return written if lines else _BREAKS.sub(_escape, written)


def acting(text: str) -> str:
    r"""Return the first control character of a text as an escape; empty if it has none. Line feeds and tabs are some.

    >>> acting("epithelial"), acting("a\nb")
    ('', '\\n')
    """
    found = _ACTING.search(text) or _BREAKS.search(text)
    return _escape(found) if found else ""


def csv_cell(text: str) -> str:
    r"""Return a text as a cell of a CSV table: an apostrophe precedes what a spreadsheet would compute.

    Numbers are kept, and so is a single sign. `csv_text` is the inverse for texts without control characters.

    >>> csv_cell("=cmd()"), csv_cell("-0.25"), csv_cell("- x"), csv_cell("'=a"), csv_cell("it's")
    ("'=cmd()", '-0.25', "'- x", "''=a", "it's")
    """
    written = harmless(text)
    return "'" + written if _FORMULA.match(written) and not _NUMBER.fullmatch(written) else written


def csv_text(cell: str) -> str:
    """Return the text of a cell that `csv_cell` wrote.

    >>> csv_text("'=cmd()"), csv_text("''=a"), csv_text("it's"), csv_text("'quoted'")
    ('=cmd()', "'=a", "it's", "'quoted'")
    """
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _escape(found: re.Match[str]) -> str:
    return {"\t": r"\t", "\n": r"\n", "\r": r"\r"}.get(found[0]) or _code(ord(found[0]))


def _code(number: int) -> str:
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"

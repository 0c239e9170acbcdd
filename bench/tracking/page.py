"""The leaderboard of a run as a page of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.tracking import tables

if TYPE_CHECKING:
    from reports.board import Leaderboard

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>
:root { color-scheme: light dark; font: 14px/1.5 system-ui, sans-serif; }
table { border-collapse: collapse; } caption { text-align: left; font-weight: 600; padding: .5em 0; }
th, td { padding: .25em .8em; text-align: left; border-bottom: 1px solid #8884; }
thead th { vertical-align: bottom; } tbody th { font-weight: 600; } section { overflow-x: auto; }
</style></head><body><h1>{{ title }}</h1>
{% for board in boards %}<section tabindex="0" aria-label="{{ board.title }}">
<table><caption>{{ board.title }}</caption>
<thead><tr>{% for name in board.names %}<th scope="col">{{ name }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in board.rows %}<tr><th scope="row">{{ row[0] }}</th>
{%- for text in row[1:] %}<td>{{ text }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></section>
<ul>{% for remark in board.remarks %}<li>{{ remark }}</li>{% endfor %}</ul>
{% endfor %}</body></html>
"""


def leaderboard_page(boards: Sequence[Leaderboard], title: str) -> str:
    """Return the boards of a run as one HTML page, with every remark below its table."""
    from jinja2 import Environment

    from reports.remarks import remarks, warnings

    shown = []
    for board in boards:
        table = tables.arms(board)
        rows = list(zip(*table.values(), strict=True))
        said = [*warnings(board), *remarks(board)]
        shown.append({"title": board.title, "names": list(table), "rows": rows, "remarks": said})
    template = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    return template.render(title=title, boards=shown)

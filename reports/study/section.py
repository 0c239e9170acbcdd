"""Studies as a section of the HTML report."""

from __future__ import annotations

from collections.abc import Iterable

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from reports.study.results import StudyResults
from reports.study.tables import text_tables, title


def study_section(studies: Iterable[StudyResults]) -> Markup:
    """Return the tables of studies as HTML without styles of its own; empty if there is no study.

    Headings begin at level 3, every table has a caption, and all text is escaped.
    """
    shown = [(title(study), list(text_tables(study))) for study in studies]
    environment = Environment(
        loader=PackageLoader("reports", "study"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return Markup(environment.get_template("section.html.j2").render(studies=shown)) if shown else Markup("")

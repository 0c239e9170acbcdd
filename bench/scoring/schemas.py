"""JSON Schemas of the reports, written by `python -m bench.scoring.schemas docs/schemas` and checked by a test."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from bench.scoring.classes_report import ClassesReport
from bench.scoring.images_report import ImagesReport
from bench.scoring.nuclei_report import NucleiReport
from bench.scoring.output import Output
from bench.scoring.text_report import TextReport

REPORTS: dict[str, type[Output]] = {
    "nuclei": NucleiReport,
    "images": ImagesReport,
    "classes": ClassesReport,
    "text": TextReport,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(name: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of what `bench score NAME --json` prints."""
    title = f"bench score {name} --json"
    return {"$schema": DIALECT, **REPORTS[name].model_json_schema(mode="serialization"), "title": title}


def schema_text(name: str) -> str:
    """Return the schema as the file in docs/schemas holds it."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def main(folder: Path) -> None:
    """Write every schema into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in REPORTS:
        (folder / f"score-{name}.json").write_text(schema_text(name), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

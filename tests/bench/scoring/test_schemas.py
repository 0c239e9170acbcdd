"""The documented schemas are those of the models, and what is printed is what they say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from bench.scoring.schemas import REPORTS, main, schema, schema_text

DOCS = Path(__file__).parents[3] / "docs"
GUIDE = (DOCS / "score.md").read_text(encoding="utf-8")
EXAMPLES = dict(zip(REPORTS, re.findall(r"```json\n(.*?)```", GUIDE, re.DOTALL), strict=True))


@pytest.mark.parametrize("name", REPORTS)
def test_the_schema_in_the_docs_is_current(name, tmp_path) -> None:
    stored = (DOCS / "schemas" / f"score-{name}.json").read_text(encoding="utf-8")
    assert stored == schema_text(name), "python -m bench.scoring.schemas docs/schemas"
    main(tmp_path)
    assert (tmp_path / f"score-{name}.json").read_text(encoding="utf-8") == stored


@pytest.mark.parametrize("name", REPORTS)
def test_the_example_in_the_docs_is_a_report(name) -> None:
    REPORTS[name].model_validate_json(EXAMPLES[name])


@pytest.mark.parametrize("name", REPORTS)
def test_reports_hold_no_other_keys_and_no_nan(name) -> None:
    example = json.loads(EXAMPLES[name])
    with pytest.raises(ValidationError):
        REPORTS[name].model_validate({**example, "extra": 1})
    with pytest.raises(ValidationError):
        REPORTS[name].model_validate({key: value for key, value in example.items() if key != next(iter(example))})
    with pytest.raises(ValidationError):
        REPORTS["images"].model_validate({**json.loads(EXAMPLES["images"]), "fd": float("nan")})
    assert schema(name)["additionalProperties"] is False
    assert set(schema(name)["required"]) == set(example)


def test_every_field_is_explained() -> None:
    for name in REPORTS:
        definitions = [schema(name), *schema(name).get("$defs", {}).values()]
        for field in {field for definition in definitions for field in definition["properties"]}:
            assert f"`{field}`" in GUIDE, f"{field} of {name}"

"""The audit of packages: it fails for what is known, and says why it was skipped."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import pytest

from tests.audit import IGNORED, PINNED, audit

SOUND = {"name": "a", "version": "1", "vulns": []}
WRONG = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["3"], "description": ""}]}
UNKNOWN = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


def program(tmp_path: Path, code: str) -> list[str]:
    """Return a command that stands for pip-audit; `out` is the file that it is to write."""
    path = tmp_path / "program.py"
    path.write_text(f"import sys, time, pathlib\nout = pathlib.Path(sys.argv[-1])\n{code}\n")
    return [sys.executable, str(path)]


def found(tmp_path: Path, *packages: object, ignored: dict[str, str] | None = None) -> tuple[int, str]:
    text = json.dumps({"dependencies": packages})
    status, lines = audit(program(tmp_path, f"out.write_text({text!r}); sys.exit(1)"), PINNED, ignored or {}, 60)
    return status, "\n".join(lines)


def test_a_known_vulnerability_fails_unless_it_is_ignored_with_a_reason(tmp_path: Path) -> None:
    status, said = found(tmp_path, SOUND, WRONG)
    assert status == 1
    assert "b 2 has PYSEC-1, fixed in 3" in said
    status, said = found(tmp_path, SOUND, WRONG, ignored={"PYSEC-1": "we do not call it"})
    assert status == 0
    assert "we do not call it; ignored" in said
    assert "PYSEC-1 is ignored and was not found" in found(tmp_path, SOUND, ignored={"PYSEC-1": "x"})[1]


def test_packages_that_the_database_does_not_know_are_no_proof(tmp_path: Path) -> None:
    assert found(tmp_path, SOUND, UNKNOWN) == (0, "no further vulnerability is known in 1 of 2 packages")
    assert found(tmp_path, UNKNOWN, UNKNOWN) == (0, "skipped, because the database knows only 0 of 2 packages")
    assert found(tmp_path, UNKNOWN, UNKNOWN, UNKNOWN, WRONG)[0] == 1


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("sys.exit('ERROR: Could not connect to the feed')", 0, "skipped, because the database cannot be reached"),
        ("sys.exit('ERROR: invalid requirement')", 1, "failed: ERROR: invalid requirement"),
        ("sys.exit(3)", 1, "failed: nothing, exit status 3"),
    ],
)
def test_a_database_that_cannot_be_reached_skips_and_other_errors_fail(
    tmp_path: Path, code: str, status: int, said: str
) -> None:
    got, lines = audit(program(tmp_path, code), PINNED, {}, 60)
    assert got == status
    assert said in lines[0]


def test_a_database_that_does_not_answer_delays_nothing(tmp_path: Path) -> None:
    begun = time.monotonic()
    assert audit(program(tmp_path, "time.sleep(60)"), PINNED, {}, 1.5) == (
        0,
        ["skipped, because the database did not answer within 1.5 s"],
    )
    assert time.monotonic() - begun < 20


def test_every_ignored_vulnerability_has_a_reason() -> None:
    assert all(len(reason.split()) > 3 for reason in IGNORED.values())

"""A request that was killed and goes on later counts from its first session."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.run.attempt import FOLDER, begin
from tests.bench.conftest import request


def test_sessions_of_a_request_count_together_until_its_results_are_written(tmp_path: Path) -> None:
    first = begin(request(tmp_path))
    second = begin(request(tmp_path, jobs=4, tracking_uri="http://host:1"))  # the same numbers, made in another way
    other = begin(request(tmp_path, seeds=2))
    assert (first.sessions, second.sessions, other.sessions) == (1, 2, 1)
    assert second.started == first.started
    second.finish()
    assert len(list((tmp_path / FOLDER).iterdir())) == 1
    assert begin(request(tmp_path)).sessions == 1


@pytest.mark.parametrize("text", ["", "[]", '{"sessions": "two"}', '{"sessions": null}', "[" * 10**5])
def test_a_damaged_note_of_an_earlier_session_does_not_count(tmp_path: Path, text: str) -> None:
    begin(request(tmp_path)).path.write_text(text)
    assert begin(request(tmp_path)).sessions == 1

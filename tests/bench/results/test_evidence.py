"""Evidence survives its file, and a run without any says so."""

from pathlib import Path

import pytest

from bench.results.evidence import FOLDER, Balance, Confusion, Evidence, Picture


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    made = Evidence(
        dataset="phantom",
        method="diffmix",
        pictures=(Picture(gallery="copies", row="s1", column="real", file="a.png", alt="a tile", value=0.1),),
        confusions=(
            Confusion(arm="diffmix", downstream="hovernet", classes=("background", "a"), counts=((0, 2), (1, 9))),
        ),
        balances=(Balance(arm="diffmix", unit="nuclei", real={"a": 9}, synthetic={"a": 4}),),
        colours={"a": "#0072b2"},
    )
    made.write(tmp_path)
    assert Evidence.read(tmp_path) == made


def test_a_run_without_evidence_has_none(tmp_path: Path) -> None:
    assert Evidence.read(tmp_path) is None


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "evidence.json").write_text('{"pictures": 3}')
    with pytest.raises(ValueError, match="pictures"):
        Evidence.read(tmp_path)

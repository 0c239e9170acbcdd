"""Records of failed steps: complete, without passwords, and gone once the step succeeds."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from bench.engine import failures
from bench.engine.session import Session, drive
from bench.errors import ConfigError
from tests.bench.engine.toy_steps import Faulty, Interrupted, Refused, Toy


def toy(session: Session, kind: type[Toy]) -> Toy:
    return kind(place=session.numeric, title="toy", settings={"kind": kind.__name__})


def test_the_error_of_a_step_is_recorded_with_its_configuration(session: Session) -> None:
    step = toy(session, Faulty)
    with pytest.raises(ZeroDivisionError):
        drive(session.do(step))
    found = failures.read(session.store.root, step.key)
    assert found is not None
    assert (found.error, found.message, found.stage, found.title) == ("ZeroDivisionError", "by nothing", "fit", "toy")
    assert "toy_steps.py" in found.traceback
    assert found.traceback.endswith("ZeroDivisionError: by nothing\n")
    assert found.step == json.loads(json.dumps(step.document()))
    assert (found.host, found.pid) == (socket.gethostname(), os.getpid())
    assert failures.read_all(session.store.root) == [found]


def test_an_error_with_three_parts_keeps_them(session: Session) -> None:
    step = toy(session, Refused)
    with pytest.raises(ConfigError):
        drive(session.do(step))
    found = failures.read(session.store.root, step.key)
    assert found is not None
    assert (found.message, found.got, found.fix) == ("expected another step", "this one", "ask for another")


def test_success_removes_the_record(session: Session) -> None:
    step = toy(session, Toy)
    failures.write(session.store.root, step, ValueError("an earlier attempt"))
    assert failures.read(session.store.root, step.key) is not None
    drive(session.do(step))
    assert failures.read(session.store.root, step.key) is None
    assert not failures.path(session.store.root, step.key).exists()


def test_an_interrupt_is_no_failure(session: Session) -> None:
    with pytest.raises(KeyboardInterrupt):
        drive(session.do(toy(session, Interrupted)))
    assert failures.read_all(session.store.root) == []


def test_passwords_are_left_out_and_damaged_records_are_skipped(session: Session) -> None:
    step = toy(session, Toy)
    folder = failures.write(session.store.root, step, OSError("no answer from https://me:secret@host/x"))
    assert folder is not None
    said = "".join(path.read_text() for path in folder.iterdir())
    assert "secret" not in said
    assert "https://host/x" in said
    (folder / "step.json").write_text("")
    assert failures.read_all(session.store.root) == []


def test_a_configuration_with_addresses_is_kept_without_their_secrets(session: Session) -> None:
    settings = {"a": "https://host/x", "b": "me@there", "c": ["s3://me:secret@host/b?token=abc"], "d": 1}
    step = replace(toy(session, Toy), settings=settings)
    assert failures.write(session.store.root, step, OSError("\ud800 cannot be encoded")) is not None
    failure = failures.read(session.store.root, step.key)
    assert failure is not None
    kept = {"a": "https://host/x", "b": "me@there", "c": ["s3://host/b?***"], "d": 1}
    assert failure.step["config"] == kept


def test_a_store_that_cannot_be_written_does_not_hide_the_error(session: Session, tmp_path: Path) -> None:
    root = tmp_path / "a file"
    root.touch()
    assert failures.write(root, toy(session, Toy), ValueError("x")) is None

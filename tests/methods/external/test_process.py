"""Calls of an external program: settings, keys, exit codes, time limits, environments."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.config.validate import build
from bench.errors import BenchError, ConfigError, JobError
from methods.external import External
from methods.external.process import LINE, LOG_BYTES, call
from methods.external.supervisor import CappedLog
from tests.methods.external.programs import command, external


def run(tmp_path: Path, program: str, **changes: Any) -> str:
    method = external(tmp_path / "code", program, **changes)
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    call(method.config, tmp_path / "request.json", out, tmp_path / "logs" / "log")
    return (tmp_path / "logs" / "log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "both placeholders"),
        ("python a.py --request {request}", "both placeholders"),
        ("python 'a.py {request} {out}", "correct the quotes"),
    ],
)
def test_a_command_lacks_something(text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match="value of command in method 'external' is not valid") as caught:
        build(External.Config, {"command": text} if text else {}, "method 'external'")
    assert hint in caught.value.fix


def test_an_absent_program_or_folder_is_found_before_any_work(tmp_path: Path) -> None:
    for changes in (
        {"command": "no-such-program {request} {out}"},
        {"command": "./absent.sh {request} {out}", "working_directory": tmp_path},
        {"command": "sh {request} {out}", "working_directory": tmp_path / "absent"},
    ):
        with pytest.raises(ConfigError) as caught:
            External(External.Config.model_validate(changes)).check()
        assert caught.value.got
        assert caught.value.fix


def test_a_program_of_the_working_directory(tmp_path: Path) -> None:
    script = tmp_path / "paint.sh"
    script.write_text('#!/bin/sh\npwd; echo "$2"\n', encoding="utf-8")
    script.chmod(0o755)
    method = external(tmp_path, command="./paint.sh {request} {out}", working_directory=tmp_path)
    call(method.config, tmp_path / "r", tmp_path / "o o", tmp_path / "log")
    assert (tmp_path / "log").read_text().splitlines()[1:] == [str(tmp_path), str(tmp_path / "o o")]


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    method = external(tmp_path, command="echo '$HOME' ; {request} `id` {out} {other}")
    call(method.config, tmp_path / "r", tmp_path / "o", tmp_path / "log")
    assert (tmp_path / "log").read_text().splitlines()[1] == f"$HOME ; {tmp_path}/r `id` {tmp_path}/o {{other}}"


def test_another_exit_code_shows_the_last_lines(tmp_path: Path) -> None:
    program = "import sys\nfor i in range(99): print('line', i)\nsys.exit('out of luck')"
    with pytest.raises(JobError, match="exit code 0") as caught:
        run(tmp_path, program)
    assert caught.value.got.startswith("exit code 1; its last lines:\nline 85\n")
    assert caught.value.got.endswith("out of luck")
    assert str(tmp_path / "logs" / "log") in caught.value.fix
    with pytest.raises(JobError) as caught:
        run(tmp_path, "import os; os.kill(os.getpid(), 9)")
    assert "killed by SIGKILL" in caught.value.got


def test_output_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(JobError) as caught:
        run(tmp_path, "import sys; sys.stdout.buffer.write(b'\\xff\\x00 no text'); sys.exit(2)")
    assert "exit code 2" in caught.value.got


def test_the_time_limit_ends_the_program_and_what_it_started(tmp_path: Path) -> None:
    program = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[-1], "child").write_text(str(child.pid))
print("working", flush=True)
time.sleep(60)
"""
    begun = time.monotonic()
    with pytest.raises(JobError, match="within 1.5 s") as caught:
        run(tmp_path, program, time_limit=1.5)
    assert time.monotonic() - begun < 30
    assert "working" in caught.value.got
    assert "method.time_limit" in caught.value.fix
    assert _ended(int((tmp_path / "out" / "child").read_text()))


def test_nothing_that_a_program_leaves_behind_goes_on(tmp_path: Path) -> None:
    program = """
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
pathlib.Path(sys.argv[-1], "child").write_text(str(child.pid))
"""
    run(tmp_path, program)
    assert _ended(int((tmp_path / "out" / "child").read_text()))


DAEMON = """
import os, pathlib, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        pathlib.Path(sys.argv[-1], "child").write_text(str(os.getpid()))
        time.sleep(60)
    os._exit(0)
while not pathlib.Path(sys.argv[-1], "child").exists():
    time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a process that asks for them")
def test_a_process_that_leaves_its_parents_and_its_session_is_ended_too(tmp_path: Path) -> None:
    begun = time.monotonic()
    run(tmp_path, DAEMON)
    assert _ended(int((tmp_path / "out" / "child").read_text()))
    assert time.monotonic() - begun < 30


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux gives orphans to a process that asks for them")
def test_everything_ends_when_the_caller_is_killed(tmp_path: Path) -> None:
    method = external(tmp_path / "code", DAEMON + "time.sleep(60)")
    (tmp_path / "out").mkdir()
    code = (
        "import sys; from pathlib import Path; from methods.external import External; "
        "from methods.external.process import call; folder = Path(sys.argv[1]); "
        "config = External.Config.model_validate_json(sys.argv[2]); "
        "call(config, folder / 'request.json', folder / 'out', folder / 'log')"
    )
    settings = json.dumps({"command": method.config.command})
    caller = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), settings])
    child = tmp_path / "out" / "child"
    for _ in range(600):
        if child.exists() and child.read_text():
            break
        time.sleep(0.05)
    caller.kill()
    caller.wait()
    assert _ended(int(child.read_text()))


def test_of_a_long_output_the_begin_and_the_end_are_kept(tmp_path: Path) -> None:
    program = """
import sys
print("first")
line = "x" * 999
for number in range(50_000): print(line)
print("last"); sys.exit(3)
"""
    with pytest.raises(JobError) as caught:
        run(tmp_path, program)
    log = tmp_path / "logs" / "log"
    assert 2 * LOG_BYTES <= log.stat().st_size < 2 * LOG_BYTES + 1000
    text = log.read_text(encoding="utf-8")
    assert text.splitlines()[1] == "first"
    assert text.endswith("x\nlast\n")
    dropped = 6 + 50_000_000 + 5 - 2 * LOG_BYTES
    assert f"[... {dropped} bytes of output are not kept ...]" in text
    assert caught.value.got.endswith("last")
    assert max(map(len, caught.value.got.splitlines())) <= LINE


def test_what_is_between_the_limits_is_kept_in_order(tmp_path: Path) -> None:
    for size in (5, 10, 14, 20, 21, 35, 1000):
        log = CappedLog(tmp_path / f"{size}", head=10, tail=10)
        content = bytes(range(256)) * 4
        for start in range(0, size, 3):
            log.write(content[start : min(start + 3, size)])
        log.close()
        kept = (tmp_path / f"{size}").read_bytes()
        if size <= 20:
            assert kept == content[:size]
        else:
            notice = f"\n[... {size - 20} bytes of output are not kept ...]\n".encode()
            assert kept == content[:10] + notice + content[size - 10 : size]


def test_a_terminal_does_not_obey_what_a_program_prints(tmp_path: Path) -> None:
    program = r"import sys; print('\x1b]0;title\x07\x1b[2J\u202egone'); sys.exit(1)"
    with pytest.raises(JobError) as caught:
        run(tmp_path, program)
    assert r"\x1b]0;title\x07\x1b[2J\u202egone" in caught.value.got
    assert "\x1b" not in str(caught.value)


def _ended(process: int) -> bool:
    """Wait for a process to be gone, or to be a zombie that nobody has buried."""
    for _ in range(100):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{process}/stat")
        if status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False


def test_the_environment_is_handed_on_without_our_packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("OF_THE_SHELL", "seen")
    program = "import os\nfor n in ('PYTHONPATH', 'OF_THE_SHELL', 'OWN', 'COUNT'): print(n, os.environ.get(n))"
    said = run(tmp_path, program, environment={"OWN": "x y", "COUNT": 3})
    assert said.splitlines()[1:] == ["PYTHONPATH None", "OF_THE_SHELL seen", "OWN x y", "COUNT 3"]


def test_values_of_the_environment_are_recorded_nowhere(tmp_path: Path) -> None:
    config = external(tmp_path, environment={"TOKEN": "hush-hush"}).config
    for text in (repr(config), config.model_dump_json(), repr(config.part), config.part.model_dump_json()):
        assert "TOKEN" in text
        assert "hush-hush" not in text
    assert "hush-hush" not in run(tmp_path, "pass", environment={"TOKEN": "hush-hush"})


def test_what_the_keys_depend_on(tmp_path: Path) -> None:
    def keys(program: str = "pass", **changes: Any) -> tuple[str, str]:
        method = external(tmp_path, program, **changes)
        return method.config.model_dump_json(), method.parts()[0].config.model_dump_json()

    assert keys() == keys(time_limit=5)
    for changes in ({"version": 2}, {"environment": {"A": "1"}}, {"patch_size": 16}):
        assert all(old != new for old, new in zip(keys(), keys(**changes), strict=True)), changes
    edited = keys("print('edited')")
    assert all(old != new for old, new in zip(keys(), edited, strict=True))
    # what is only asked of a fitted program leaves the fit as it is
    assert keys()[0] != keys(plan="diffmix")[0]
    assert keys()[1] == keys(plan="diffmix", source_images=True, chunk=3)[1]


def test_large_files_of_the_command_are_not_hashed(tmp_path: Path) -> None:
    weights = tmp_path / "weights.bin"
    weights.write_bytes(bytes((1 << 20) + 1))
    text = command(tmp_path, "pass") + f" --weights {weights}"
    scripts = external(tmp_path, command=text).config.scripts
    assert str(tmp_path / "program.py") in scripts
    assert str(weights) not in scripts


def test_settings_travel(tmp_path: Path) -> None:
    method = external(tmp_path, environment={"A": "1"})
    assert pickle.loads(pickle.dumps(method.config)) == method.config


def test_a_method_without_a_fit_phase_has_no_parts(tmp_path: Path) -> None:
    method = external(tmp_path, fit=False)
    assert list(method.parts()) == []
    assert (method.chunk, method.draws_any_mask, method.ratio) == (256, True, 1.0)
    assert issubclass(ConfigError, BenchError)

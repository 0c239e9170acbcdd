"""A Slurm of one machine for tests: the commands `sbatch`, `srun`, `sacct`, `squeue`, `scancel` and `scontrol`.

Jobs really run: the script that was sent is executed with the variables that it exports, up to `slots` at a time.
A job that runs longer than its time receives the signal that it asked for and is then killed; the time counts from when
it can catch signals. `preempt` does what Slurm does when another user needs the node. The state of the cluster is one
JSON file under a lock.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

PROGRAMS = ("sbatch", "srun", "sacct", "squeue", "scancel", "scontrol")
_FINAL = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")


class FakeSlurm:
    """The cluster in a folder; `minute` is the length of a minute of its time limits, in seconds."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def install(cls, root: Path, *, slots: int = 2, minute: float = 60.0, refuse: str = "") -> FakeSlurm:
        """Put the commands into `root/bin`; `refuse` is a partition that does not exist."""
        (root / "bin").mkdir(parents=True)
        for program in PROGRAMS:
            path = root / "bin" / program
            call = shlex.join([sys.executable, str(Path(__file__).resolve()), str(root), program])
            path.write_text(f'#!/bin/bash\nexec {call} "$@"\n')
            path.chmod(0o755)
        cluster = cls(root)
        with cluster.state() as state:
            state |= {"slots": slots, "minute": minute, "refuse": refuse, "next": 100, "tasks": {}, "calls": []}
        return cluster

    @contextmanager
    def state(self) -> Iterator[dict[str, Any]]:
        """Read and write the state under the lock."""
        path = self.root / "state.json"
        with FileLock(self.root / "state.lock"):
            state = json.loads(path.read_text()) if path.exists() else {}
            yield state
            temporary = path.with_suffix(".tmp")
            temporary.write_text(json.dumps(state))
            os.replace(temporary, path)

    def tasks(self) -> dict[str, dict[str, Any]]:
        """Return what is known of every job, by its id."""
        with self.state() as state:
            return dict(state["tasks"])

    def calls(self, program: str) -> list[list[str]]:
        """Return the arguments of all calls of a program."""
        with self.state() as state:
            return [call[1:] for call in state["calls"] if call[0] == program]

    def preempt(self, job: str, *, signals: bool = True) -> None:
        """Take the node of a job away: signals, a moment of grace, SIGKILL; then the job is queued again."""
        with self.state() as state:
            task = state["tasks"][job]
            task["requeue"] = True
        if signals:
            _signal(task["pid"], signal.SIGTERM)
            time.sleep(0.2)
        _signal(task["pid"], signal.SIGKILL)

    def end(self, job: str, final: str) -> None:
        """Kill a job, which then has the given final state (NODE_FAIL, for example)."""
        with self.state() as state:
            task = state["tasks"][job]
            task["final"] = final
        _signal(task["pid"], signal.SIGKILL)

    def stop(self) -> None:
        """Kill everything."""
        with self.state() as state:
            state["stopped"] = True
        for task in self.tasks().values():
            if task["state"] == "RUNNING":
                _signal(task["pid"], signal.SIGKILL)

    # commands

    def sbatch(self, arguments: list[str]) -> int:
        script = Path(arguments[-1])
        asked: dict[str, str] = {}
        for line in script.read_text().splitlines():
            if line.startswith("#SBATCH "):
                name, _, value = shlex.split(line)[1].removeprefix("--").partition("=")
                asked[name] = value
        with self.state() as state:
            if state["refuse"] and asked.get("partition") == state["refuse"]:
                print("sbatch: error: invalid partition specified: " + state["refuse"], file=sys.stderr)
                return 1
            number = state["next"]
            state["next"] += 1000
            last = int(asked["array"].partition("%")[0].partition("-")[2]) if "array" in asked else None
            for index in [None] if last is None else range(last + 1):
                job = str(number) if index is None else f"{number}_{index}"
                environment = {name: os.environ[name] for name in asked["export"].split(",") if name in os.environ}
                state["tasks"][job] = {
                    "state": "PENDING",
                    "script": script.read_text(),
                    "asked": asked,
                    "environment": environment,
                    "folder": str(Path.cwd()),
                    "raw": number + (index or 0),
                    "restarts": 0,
                    "pid": 0,
                }
            alive = state.get("daemon") and psutil.pid_exists(state["daemon"])
            if not alive:
                daemon = [sys.executable, str(Path(__file__).resolve()), str(self.root), "daemon"]
                none = subprocess.DEVNULL  # sbatch ends when nobody holds its pipes any more
                state["daemon"] = subprocess.Popen(daemon, start_new_session=True, stdout=none, stderr=none).pid
        print(f"Submitted batch job {number}")
        return 0

    def srun(self, arguments: list[str]) -> int:
        while arguments[0].startswith("-"):
            option = arguments.pop(0)
            if option in ("--output", "--error"):
                task = os.environ.get("SLURM_ARRAY_TASK_ID", "")
                array = os.environ.get("SLURM_ARRAY_JOB_ID", "")
                name = arguments.pop(0).replace("%j", os.environ["SLURM_JOB_ID"]).replace("%t", "0")
                handle = os.open(name.replace("%A", array).replace("%a", task), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
                os.dup2(handle, 1 if option == "--output" else 2)
        os.execvp(arguments[0], arguments)

    def sacct(self, arguments: list[str]) -> int:
        wanted = {arguments[i + 1] for i, argument in enumerate(arguments) if argument == "-j"}
        print("JobID|State|NodeList")
        for job, task in self.tasks().items():
            if job.partition("_")[0] in wanted:
                print(f"{job}|{task['state']}{' by 1000' if task['state'] == 'CANCELLED' else ''}|node1")
        return 0

    def squeue(self, arguments: list[str]) -> int:
        for job, task in self.tasks().items():
            if task["state"] not in _FINAL:
                print(job, task["state"])
        return 0

    def scancel(self, arguments: list[str]) -> int:
        name = next((one.partition("=")[2] for one in arguments if one.startswith("--name=")), None)
        with self.state() as state:
            for job, task in state["tasks"].items():
                if task["asked"].get("job-name") == name or job in arguments:
                    task["final"] = "CANCELLED"
                    if task["state"] == "PENDING":
                        task["state"] = "CANCELLED"
                    elif task["state"] == "RUNNING":
                        _signal(task["pid"], signal.SIGKILL)
        return 0

    def scontrol(self, arguments: list[str]) -> int:
        assert arguments[0] == "requeue"
        with self.state() as state:
            state["tasks"][arguments[1]]["requeue"] = True
        return 0

    # the daemon

    def daemon(self, arguments: list[str]) -> int:
        running: dict[str, subprocess.Popen[bytes]] = {}
        begun: dict[str, float] = {}
        ready: dict[str, bool] = {}
        warned: set[str] = set()
        idle = time.monotonic()
        while time.monotonic() - idle < 20:
            with self.state() as state:
                if state.get("stopped"):
                    break
                for job, process in [*running.items()]:
                    task = state["tasks"][job]
                    limit = _seconds(task["asked"], state["minute"])
                    early = float(task["asked"]["signal"].partition("@")[2]) * state["minute"] / 60
                    if not ready[job]:  # on a busy machine Python itself may take longer than these short limits
                        begun[job] = time.monotonic()
                        ready[job] = any(_catches(one.pid, signal.SIGUSR2) for one in _group(process.pid))
                    ran = time.monotonic() - begun[job]
                    if process.poll() is not None and not _group(process.pid):
                        del running[job]
                        _ended(task, process.returncode)
                        continue
                    if ran > limit:
                        task["final"] = "TIMEOUT"
                        _signal(process.pid, signal.SIGKILL)
                    elif ran > limit - early and job not in warned:
                        warned.add(job)
                        _signal(
                            process.pid, signal.Signals[f"SIG{task['asked']['signal'].partition('@')[0]}"], steps=True
                        )
                for job, task in state["tasks"].items():
                    if task["state"] == "PENDING" and len(running) < state["slots"]:
                        warned.discard(job)
                        ready[job] = False
                        running[job], begun[job] = _start(job, task), time.monotonic()
                        task |= {"state": "RUNNING", "pid": running[job].pid}
                if running or any(task["state"] == "PENDING" for task in state["tasks"].values()):
                    idle = time.monotonic()
            time.sleep(0.05)
        return 0


def _start(job: str, task: dict[str, Any]) -> subprocess.Popen[bytes]:
    array, _, index = job.partition("_")
    names = {"SLURM_JOB_ID": str(task["raw"]), "SLURM_NTASKS": "1", "SLURM_JOB_NUM_NODES": "1", "SLURM_PROCID": "0"}
    if index:
        names |= {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index}
    output = task["asked"]["output"].replace("%A", array).replace("%a", index).replace("%j", str(task["raw"]))
    with Path(output).open("ab") as handle:
        return subprocess.Popen(
            ["bash", "-s"],
            stdin=_script(task["script"]),
            stdout=handle,
            stderr=handle,
            cwd=task["folder"],
            env={**task["environment"], **names},
            start_new_session=True,
        )


def _script(text: str) -> int:
    read, write = os.pipe()
    os.write(write, text.encode())
    os.close(write)
    return read


def _ended(task: dict[str, Any], code: int) -> None:
    if task.pop("requeue", False):
        task |= {"state": "PENDING", "restarts": task["restarts"] + 1}
    else:
        task["state"] = task.pop("final", "COMPLETED" if code == 0 else "FAILED")


def _seconds(asked: dict[str, str], minute: float) -> float:
    return float(asked["time"]) * minute


def _group(pid: int) -> list[psutil.Process]:
    """Return the processes of a job, whose script is the first."""
    found = []
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == pid and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.Error, ProcessLookupError):
            continue
    return sorted(found, key=lambda process: process.pid != pid)


def _catches(pid: int, number: signal.Signals) -> bool:
    """Return whether a process has a handler of a signal."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def _signal(pid: int, number: signal.Signals, *, steps: bool = False) -> None:
    """Signal the processes of a job; with `steps`, not its script."""
    for process in _group(pid):
        if not (steps and process.pid == pid):
            try:
                process.send_signal(number)
            except psutil.Error:
                continue


if __name__ == "__main__":
    fake = FakeSlurm(Path(sys.argv[1]))
    if sys.argv[2] in PROGRAMS and sys.argv[2] != "srun":
        with fake.state() as known:
            known["calls"].append(sys.argv[2:])
    sys.exit(getattr(fake, sys.argv[2])(sys.argv[3:]))

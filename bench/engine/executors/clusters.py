"""What the executor `slurm` needs of a cluster: send jobs, ask for their states, give up jobs. Through submitit."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import psutil

from bench.engine.executors.slurm_profile import SlurmProfile
from bench.engine.executors.submitted import StepJob
from bench.errors import JobError

ALIVE = frozenset(
    {
        *("completing", "configuring", "pending", "requeue_hold", "requeued", "resizing", "running", "signaling"),
        *("special_exit", "stage_out", "stopped", "suspended"),
    }
)
"""The states of jobs that have not ended."""
_SECONDS = 60.0
# Processes that this one started as jobs; they are to outlive it.
_STARTED: dict[int, subprocess.Popen[bytes]] = {}


class Cluster(Protocol):
    """A queue of jobs, each of which has a folder for its pickles and logs."""

    def submit(self, folder: Path, python: str, asked: Mapping[str, Any], jobs: Sequence[StepJob]) -> list[str]:
        """Send jobs as one array and return their ids.

        Raises:
            JobError: the cluster refused them.
        """
        ...

    def states(self, jobs: Sequence[str]) -> Mapping[str, str] | None:
        """Return the states of jobs in lower case, without those that are not known (yet); None without an answer."""
        ...

    def cancel(self, name: str) -> None:
        """Cancel all jobs of a name."""
        ...


def cluster_of(profile: SlurmProfile) -> Cluster:
    """Return the cluster of a profile."""
    return OnSlurm(profile.requeues) if profile.cluster == "slurm" else OnThisMachine(profile.requeues)


class OnSlurm:
    """Slurm, by its commands."""

    def __init__(self, requeues: int) -> None:
        """Let jobs be queued again at most `requeues` times after their time was over."""
        self._requeues = requeues

    def submit(self, folder: Path, python: str, asked: Mapping[str, Any], jobs: Sequence[StepJob]) -> list[str]:
        """Send jobs as one array with `sbatch`."""
        import submitit

        executor = submitit.SlurmExecutor(folder, max_num_timeout=self._requeues, python=python)
        return [job.job_id for job in _submit(executor, asked, jobs)]

    def states(self, jobs: Sequence[str]) -> Mapping[str, str] | None:
        """Ask `sacct` once for all arrays."""
        from submitit.slurm.slurm import SlurmInfoWatcher

        arrays = dict.fromkeys(job.partition("_")[0] for job in jobs)
        command = ["sacct", "-X", "-o", "JobID,State,NodeList", "--parsable2"]
        command += [part for array in arrays for part in ("-j", array)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
        except (OSError, subprocess.SubprocessError):
            return None
        known = SlurmInfoWatcher().read_info(done.stdout)
        # "CANCELLED by 1000" names the user; "PENDING+" was cut off
        return {job: known[job]["State"].split()[0].rstrip("+").lower() for job in jobs if job in known}

    def cancel(self, name: str) -> None:
        """Call `scancel`."""
        subprocess.run(["scancel", f"--name={name}"], capture_output=True, timeout=_SECONDS, check=False)


class OnThisMachine:
    """Jobs as processes of this machine, which outlive the driver; to try a profile without Slurm."""

    def __init__(self, requeues: int) -> None:
        """Let jobs be started again at most `requeues` times after their time was over."""
        self._requeues = requeues

    def submit(self, folder: Path, python: str, asked: Mapping[str, Any], jobs: Sequence[StepJob]) -> list[str]:
        """Start all jobs."""
        import submitit

        executor = submitit.LocalExecutor(folder, max_num_timeout=self._requeues, python=python)
        with _without_interrupts():
            sent = _submit(executor, asked, jobs)
        _STARTED.update({int(job.job_id): job._process for job in sent})
        return [job.job_id for job in sent]

    def states(self, jobs: Sequence[str]) -> Mapping[str, str]:
        """Look at the processes whose ids are those of the jobs."""
        return {job: "running" if _runs(int(job)) else "failed" for job in jobs}

    def cancel(self, name: str) -> None:
        """Do nothing: processes have no names."""


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Block Ctrl-C for this thread and for processes that it starts, which inherit it: the terminal sends it to all."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _runs(pid: int) -> bool:
    if pid in _STARTED:
        return _STARTED[pid].poll() is None
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _submit(executor: Any, asked: Mapping[str, Any], jobs: Sequence[StepJob]) -> list[Any]:
    from submitit.core.utils import FailedJobError, FailedSubmissionError

    try:
        executor.update_parameters(**asked)
        sent: list[Any] = executor.submit_array(list(jobs))
        return sent
    except (FailedJobError, FailedSubmissionError, OSError) as error:
        raise JobError(
            "Slurm did not accept the jobs",
            got=str(error).strip() or type(error).__name__,
            fix="correct the profile (partition, account, gres, minutes): `sinfo` and `sacctmgr show assoc` say what "
            "your site allows",
        ) from error

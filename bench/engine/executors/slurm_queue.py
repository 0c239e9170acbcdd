"""Steps in the queue of a cluster: sent as arrays, awaited, found again by the next driver, sent again if lost."""

from __future__ import annotations

import asyncio
import pickle
import shutil
import threading
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.engine import failures
from bench.engine.executors import job_files, records
from bench.engine.executors.answer import taken
from bench.engine.executors.base import Surroundings
from bench.engine.executors.clusters import ALIVE, Cluster
from bench.engine.executors.records import Queued
from bench.engine.executors.slurm_profile import Needs, SlurmProfile
from bench.engine.executors.submitted import AGAIN, StepJob, out_of_time
from bench.engine.step import Finished, Step
from bench.errors import JobError

Answer = tuple[str, Any]
GONE = "gone"
"""The state of a job of which the cluster knows nothing any more."""
PATIENCE = 60.0
"""Seconds for which the shared file system may fail before the steps do."""
# Ends that are not the step's fault: it is sent again and continues from its checkpoint.
_AGAIN = frozenset({"boot_fail", "deadline", "node_fail", "preempted", "revoked", "timeout", GONE})


@dataclass
class _Task:
    """A step that was asked for: who awaits it, and what is known of its job."""

    step: Step
    session: Surroundings
    futures: list[Future[Answer]]
    asked: float
    record: Queued | None = None
    attempt: int = 0
    ended: float | None = None
    """When the job was first seen to have ended without a result."""


@dataclass
class SlurmQueue:
    """Sends steps to a queue and awaits them.

    One thread collects what is ready into arrays, looks for results in the shared file system and asks the cluster
    for states. Closing it leaves jobs in the queue: the next driver of the same store awaits them.
    """

    profile: SlurmProfile
    cluster: Cluster
    _new: list[_Task] = field(default_factory=list)
    _tasks: dict[str, _Task] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wake: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _closed: bool = False
    _polled: float = 0.0
    _trouble: float = 0.0
    """When the shared file system was first seen to fail; 0 if it works."""

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Have a job do a step and return it finished.

        Raises:
            BenchError: the error that the step raised.
            JobError: the cluster refused the job, or the job ended without a result.
        """
        session.reporter.begins(step)
        begun = time.perf_counter()
        return taken(await asyncio.wrap_future(self._ask(step, session)), step, session.reporter, begun)

    def states(self) -> Mapping[str, str]:
        """Return the state of every step that was asked for and is not done: `waiting`, or what the queue says."""
        with self._lock:
            return {key: task.record.state if task.record else "waiting" for key, task in self._tasks.items()}

    def close(self) -> None:
        """Stop awaiting; jobs stay in the queue."""
        with self._lock:
            self._closed = True
            left = [task for task in self._tasks.values() if task.record is not None]
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        for reporter, count in Counter(task.session.reporter for task in left).items():
            steps = "1 step stays" if count == 1 else f"{count} steps stay"
            reporter.say(f"{steps} in the queue; run the same command again to collect the results")

    def _ask(self, step: Step, session: Surroundings) -> Future[Answer]:
        future: Future[Answer] = Future()
        with self._lock:
            if self._closed:
                raise JobError("The executor was closed", fix="run the same command again to continue")
            known = self._tasks.get(step.key)
            if known is not None:
                known.futures.append(future)
                return future
            task = _Task(step, session, [future], time.monotonic())
            self._tasks[step.key] = task
            self._new.append(task)
            if self._thread is None:
                self._thread = threading.Thread(target=self._keep, daemon=True, name="slurm-queue")
                self._thread.start()
        self._wake.set()
        return future

    # the thread

    def _keep(self) -> None:
        while not self._closed:
            try:
                self._send()
                self._watch()
            except Exception as error:  # whatever goes wrong here must not leave steps awaited for ever
                self._fail_all(error)
            self._wake.wait(self._pause())
            self._wake.clear()

    def _pause(self) -> float | None:
        with self._lock:
            if self._new:
                return self.profile.collect_seconds / 4
            return min(1.0, self.profile.poll_seconds) if self._tasks else None

    def _fail_all(self, error: Exception) -> None:
        known = _unexpected(error)
        with self._lock:
            tasks = [*self._tasks.values()]
            self._new.clear()
        for task in tasks:
            self._settle(task, ("error", known))

    def _send(self) -> None:
        """Send the steps that are ready, unless more are about to come."""
        with self._lock:
            if not self._new or time.monotonic() - self._new[0].asked < self.profile.collect_seconds:
                return
            ready, self._new = self._new, []
        groups: dict[tuple[Needs, int, int], list[_Task]] = {}
        adopted = 0
        for task in ready:
            if all(future.cancelled() for future in task.futures):
                self._forget(task)
            elif self._adopt(task):
                adopted += 1
            else:
                of = (self.profile.needs(task.step), task.session.threads, task.session.workers)
                groups.setdefault(of, []).append(task)
        if adopted:
            ready[0].session.reporter.say(f"{adopted} steps are in the queue already; waiting for them")
        for (needs, threads, workers), tasks in groups.items():
            self._submit(tasks, needs, threads, workers)

    def _adopt(self, task: _Task) -> bool:
        """Await the job that an earlier or another driver sent for the step; false if there is none."""
        root = task.session.store.root
        found = records.read(root, task.step.key)
        if found is None or found.attempt < task.attempt:
            return False
        if found.abandoned:
            if not job_files.of_batch(root, found.batch):
                self.cluster.cancel(found.batch)  # jobs of this array would not find their pickles
            found = job_files.recover(root, found)
            if found is None:
                return False
        task.record, task.attempt = found, found.attempt
        return True

    def _submit(self, tasks: Sequence[_Task], needs: Needs, threads: int, workers: int) -> None:
        """Send steps with the same needs as one array."""
        root = tasks[0].session.store.root
        batch = f"bench-{uuid.uuid4().hex[:8]}"
        claimed: list[_Task] = []
        for task in tasks:
            step = task.step
            new = Queued(step.key, step.stage, step.title, batch, len(claimed), task.attempt, time.time())
            if not records.claim(root, new, over=task.attempt > 0):
                # another driver was faster
                if self._adopt(task):
                    continue
                records.claim(root, new, over=True)
            task.record, task.ended = new, None
            claimed.append(task)
        if not claimed:
            return
        folder = job_files.folder(root, batch)
        jobs = [_job(task) for task in claimed]
        asked = self.profile.parameters(needs, batch, threads, workers)
        try:
            ids = self.cluster.submit(folder, self.profile.command(threads), asked, jobs)
        except Exception as error:
            refused = error if isinstance(error, JobError) else _unexpected(error)
            for task in claimed:
                self._error(task, refused)
            shutil.rmtree(folder, ignore_errors=True)
            return
        for task, job in zip(claimed, ids, strict=True):
            assert task.record is not None
            log = job_files.log(root, batch, job)
            task.record = replace(task.record, job=job, state="pending", since=time.time(), log=log)
            records.update(root, task.record)
        where = f"job {ids[0].partition('_')[0]}" if "_" in ids[0] or len(ids) == 1 else f"jobs {ids[0]} to {ids[-1]}"
        need = f"{needs.kind}, {needs.memory_gib} GiB, {needs.minutes} min"
        claimed[0].session.reporter.say(f"sent {len(claimed)} steps to the queue as {where} ({need} each)")

    def _watch(self) -> None:
        """Look at the jobs; a file system that is away for moments fails no step."""
        try:
            self._look()
        except OSError:
            self._trouble = self._trouble or time.monotonic()
            if time.monotonic() - self._trouble > PATIENCE:
                raise
        else:
            self._trouble = 0.0

    def _look(self) -> None:
        """Take results that have arrived, and from time to time ask for the states of the other jobs."""
        with self._lock:
            tasks = [task for task in self._tasks.values() if task.record is not None]
        listed: dict[Path, frozenset[str]] = {}
        left = []
        for task in tasks:
            assert task.record is not None
            if not task.record.job:  # another driver is about to send it
                self._follow(task)
                continue
            folder = job_files.folder(task.session.store.root, task.record.batch)
            if folder not in listed:
                listed[folder] = job_files.names(folder)
            if job_files.result_name(task.record.job) not in listed[folder] or not self._take(task, folder):
                left.append(task)
        if left and time.monotonic() - self._polled >= self.profile.poll_seconds:
            self._poll(left)
            self._polled = time.monotonic()

    def _follow(self, task: _Task) -> None:
        """Look whether another driver has sent a step, or died before it did."""
        root = task.session.store.root
        found = records.read(root, task.step.key)
        if found is not None and not found.abandoned:
            task.record = found
        elif not self._done(task):
            task.record, task.asked = None, time.monotonic()
            with self._lock:
                self._new.append(task)

    def _take(self, task: _Task, folder: Path) -> bool:
        """Hand a result over; false if it cannot be read (yet): the state of its job then decides."""
        root, record = task.session.store.root, task.record
        assert record is not None
        try:
            outcome, value = pickle.loads((folder / job_files.result_name(record.job)).read_bytes())
        except Exception:  # a damaged pickle raises anything
            return False  # not whole yet, taken by another driver, or with a class that is not installed here
        answer: Answer
        if outcome == "success":
            answer = value
        elif "timed-out" in str(value):
            answer = ("error", out_of_time(task.step))
        else:
            lines = str(value).strip().splitlines()
            answer = ("error", self._ended(task, lines[-1] if lines else outcome))
        if answer[0] == "error" and outcome != "success":
            failures.write(root, task.step, answer[1])
        job_files.clean(root, record, keep_log=answer[0] == "error")
        if answer[0] != AGAIN:
            records.remove(root, task.step.key)
            self._settle(task, answer)
        elif task.attempt < self.profile.requeues:
            self._again(task, "stopped by a signal")
        else:
            self._error(task, out_of_time(task.step))
        return True

    def _poll(self, tasks: Sequence[_Task]) -> None:
        known = self.cluster.states([task.record.job for task in tasks if task.record is not None])
        if known is None:
            return  # the cluster does not answer: asked again at the next poll
        for task in tasks:
            record = task.record
            assert record is not None
            state = known.get(record.job, GONE if time.time() - record.sent > 20 * self.profile.lag_seconds else "")
            if not state:
                continue
            if state != record.state:
                task.record = replace(record, state=state, since=time.time())
                records.update(task.session.store.root, task.record)
                name = f"{task.step.stage}: {task.step.title}"
                task.session.reporter.detail(f"{name}: job {record.job} is {state}")
            if state in ALIVE:
                task.ended = None
            elif task.ended is None:
                task.ended = time.monotonic()
            elif time.monotonic() - task.ended > self.profile.lag_seconds:
                self._lost(task, state)

    def _lost(self, task: _Task, state: str) -> None:
        """Decide about a step whose job ended without a result."""
        assert task.record is not None
        if self._done(task):
            return
        if state in _AGAIN and task.attempt < self.profile.requeues:
            self._again(task, state)
        elif state == "timeout":
            self._error(task, out_of_time(task.step))
        else:
            self._error(task, self._ended(task, state))

    def _again(self, task: _Task, why: str) -> None:
        """Send a step once more, which continues from its checkpoint."""
        job = "" if task.record is None else f"job {task.record.job} ended"
        task.session.reporter.warn(f"{task.step.stage}: {task.step.title}: {job} ({why}); it is sent again")
        task.attempt += 1
        task.record, task.ended, task.asked = None, None, time.monotonic()
        with self._lock:
            self._new.append(task)

    def _done(self, task: _Task) -> bool:
        """Take what another driver has taken: the finished step, or its failure."""
        store = task.session.store
        found = store.find(task.step)
        if found is not None:
            records.remove(store.root, task.step.key)
            self._settle(task, ("done", found))
            return True
        failed = failures.read(store.root, task.step.key)
        sent = 0.0 if task.record is None else task.record.sent
        if failed is None or failures.path(store.root, task.step.key).stat().st_mtime < sent:
            return False
        records.remove(store.root, task.step.key)
        fix = failed.fix or f"run the same command again to continue; the traceback is in {failed.folder}"
        self._settle(task, ("error", JobError(failed.message, got=failed.got or failed.error, fix=fix)))
        return True

    def _ended(self, task: _Task, why: str) -> JobError:
        assert task.record is not None
        memory = why == "out_of_memory"
        return JobError(
            f"A job ended while it did {task.step.stage}: {task.step.title}",
            got=f"job {task.record.job}: {why}",
            fix=("raise `memory_gib` in the profile and run the same command again" if memory else "")
            or f"run the same command again: finished work is kept; the job's messages are in {task.record.log}",
        )

    def _error(self, task: _Task, error: JobError) -> None:
        """End a step that no job of it could record as failed."""
        failures.write(task.session.store.root, task.step, error)
        records.remove(task.session.store.root, task.step.key)
        self._settle(task, ("error", error))

    def _settle(self, task: _Task, answer: Answer) -> None:
        self._forget(task)
        for future in task.futures:
            if future.set_running_or_notify_cancel():
                future.set_result(answer)

    def _forget(self, task: _Task) -> None:
        with self._lock:
            self._tasks.pop(task.step.key, None)


def _unexpected(error: Exception) -> JobError:
    known = JobError(
        "The queue of the cluster cannot be used",
        got=f"{type(error).__name__}: {error}",
        fix="run the same command again: jobs in the queue are found again",
    )
    known.__cause__ = error
    return known


def _job(task: _Task) -> StepJob:
    session = task.session
    return StepJob(task.step, session.store, {**session.reporter.remote(), "quiet": False}, session.workers)

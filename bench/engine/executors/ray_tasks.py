"""Steps as tasks of Ray: placed by what they need, tried again if their worker or node is lost, never if they fail."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from bench.engine import failures
from bench.engine.executors.answer import answer, taken
from bench.engine.executors.base import Surroundings
from bench.engine.step import Finished, Step
from bench.engine.store import Store
from bench.engine.store.lease import is_held
from bench.engine.threads import environment
from bench.errors import BenchError, JobError, MissingError

RETRIES = 5
"""How often a step is sent again after its worker or its node was lost."""
_GIB = 1024**3


class RayTasks:
    """Sends steps to a Ray cluster, which is started on this machine if no address is given.

    A worker is Python with a safe path (as `python -P`) and the threads of the step's key in its environment, so that
    its numbers are those of the executor `local`. Every node must see the store under the same path.
    """

    def __init__(self, address: str, jobs: int, threads: int) -> None:
        """Connect.

        Raises:
            MissingError: the cluster does not answer, or has another version of Ray or Python.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        self._ray: Any = ray
        self._stores: dict[str, Path] = {}
        self._refs: dict[str, Any] = {}
        quiet = {"log_to_driver": False, "logging_level": "error", "configure_logging": False}
        # "local" starts a new one; without it, Ray looks for one that may have ended long ago
        local = {"address": "local", "num_cpus": max(os.cpu_count() or 1, jobs * threads), "include_dashboard": False}
        try:
            self._ray.init(**({"address": address} if address else local), **quiet)
        except Exception as error:  # Ray raises many kinds
            raise MissingError(
                "Ray cannot be used" if not address else f"Ray cannot connect to {address}",
                got=f"{type(error).__name__}: {error}".splitlines()[0],
                fix="run this on a node of the cluster, with its versions of Python and Ray (`ray status` must work)",
            ) from error
        self._task = self._ray.remote(do)

    async def run(self, step: Step, session: Surroundings) -> Finished:
        """Have a worker do a step and return it finished.

        Raises:
            BenchError: the error that the step raised.
            JobError: no node can do the step, or its workers died again and again.
        """
        asked = self._asked(step, session)
        session.reporter.begins(step)
        begun = time.perf_counter()
        session.reporter.say(f"{step.stage}: {step.title}", "bold")
        said = {**session.reporter.remote(), "quiet": True}
        self._stores[step.key] = session.store.root
        # Ray would look into the pickle of a value for references
        ref = self._task.options(**asked).remote(step, session.store, said, session.workers, _own_folders())
        self._refs[step.key] = ref
        future: Future[tuple[str, Any]] = ref.future()
        try:
            answered = await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            self._ray.cancel(ref, force=True)
            raise
        except Exception as error:
            lost = self._lost(step, error)
            failures.write(session.store.root, step, lost)
            raise lost from error
        finally:
            self._stores.pop(step.key, None)
            self._refs.pop(step.key, None)
        return taken(answered, step, session.reporter, begun)

    def states(self) -> Mapping[str, str]:
        """Return the state of every step that was asked for and is not done: `running` if a worker holds its lease."""
        return {key: "running" if is_held(root, key) else "waiting" for key, root in [*self._stores.items()]}

    def close(self) -> None:
        """Cancel what runs and leave the cluster; one that was started here ends."""
        for ref in [*self._refs.values()]:
            self._ray.cancel(ref, force=True)
        self._ray.shutdown()

    def _asked(self, step: Step, session: Surroundings) -> dict[str, Any]:
        """Return what Ray is to place a step by.

        Raises:
            JobError: no node has so much.
        """
        needs = step.resources
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        most = max((node.get("CPU", 0.0) for node in nodes), default=0.0)
        wanted = {"CPU": min(float(session.threads), most)}
        if needs.accelerator:
            wanted["GPU"] = 1 / max(session.sharing, 1)
        if needs.memory_gib:
            wanted["memory"] = float(int(needs.memory_gib * _GIB))
        if not any(all(node.get(name, 0.0) >= amount for name, amount in wanted.items()) for node in nodes):
            listed = ", ".join(f"{name} {amount:g}" for name, amount in wanted.items())
            error = JobError(
                f"No node of the Ray cluster can do {step.stage}: {step.title}",
                got=f"it needs {listed}; there are {len(nodes)} nodes",
                fix="add a node with enough of it (`ray status` shows what there is)",
            )
            failures.write(session.store.root, step, error)
            raise error
        # PYTHONSAFEPATH is what `python -P` sets, for the Python of each node
        variables = {**environment(session.threads), "PYTHONSAFEPATH": "1", "BENCH_OFFLINE": "1"}
        return {
            "num_cpus": wanted["CPU"],
            "num_gpus": wanted.get("GPU", 0),
            **({"memory": wanted["memory"]} if "memory" in wanted else {}),
            "max_retries": RETRIES,
            "retry_exceptions": False,
            "runtime_env": {"env_vars": variables},
            "name": f"{step.stage}: {step.title}",
        }

    def _lost(self, step: Step, error: Exception) -> BenchError:
        if isinstance(error, BenchError):
            return error
        return JobError(
            f"Ray could not do {step.stage}: {step.title}",
            got=f"{type(error).__name__}: {_first_line(error)}",
            fix=f"run the same command again: finished work is kept; its worker or node was lost {RETRIES + 1} times",
        )


def do(
    step: Step, store: Store, said: Mapping[str, Any], workers: int, driver_folders: Sequence[str]
) -> tuple[str, Any]:
    """Do a step in a worker of Ray; see :func:`bench.engine.executors.answer.answer`.

    Ray puts the working directory and the script's folder of the driver before everything else on the path of
    workers, where a folder of the user could be taken for one of our packages.
    """
    given = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [path for path in sys.path if path in given or path not in driver_folders]
    return answer(step, store, said, workers)


def _own_folders() -> list[str]:
    script = str(Path(sys.argv[0]).resolve().parent) if sys.argv and sys.argv[0] else ""
    return [str(Path.cwd()), *([script] if script else [])]


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else socket.gethostname()

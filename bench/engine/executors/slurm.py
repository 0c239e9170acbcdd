"""The executor `slurm`: steps are jobs in the queue of a Slurm cluster, sent through submitit."""

from __future__ import annotations

import shutil

from bench.engine.executors.base import Executor, ExecutorOptions, ExecutorPlugin
from bench.engine.executors.slurm_profile import SlurmProfile
from bench.errors import ConfigError, MissingError
from bench.extras import check_installed

PROGRAMS = ("sbatch", "srun", "sacct", "scancel", "scontrol")


class Slurm(ExecutorPlugin):
    """Jobs in the queue of a Slurm cluster."""

    name = "slurm"
    reads = frozenset({"profile"})

    @classmethod
    def check(cls, options: ExecutorOptions) -> None:
        """Check submitit, the profile, and that the commands of Slurm are on the path."""
        check_installed("submitit")
        profile = _profile(options)
        store = str(options.store)
        if "%" in store or not store.isprintable():  # Slurm replaces %j and others in names of files
            raise ConfigError(
                "Slurm cannot use a store of this name", got=repr(store), fix="choose --store without a %"
            )
        if profile.cluster != "slurm":
            return
        absent = [program for program in PROGRAMS if shutil.which(program) is None]
        if absent:
            raise MissingError(
                "The commands of Slurm are not on the path of this machine",
                got=f"no {', '.join(absent)}",
                fix="run this on a login node of the cluster, or choose --executor local",
            )

    @classmethod
    def elsewhere(cls, options: ExecutorOptions) -> bool:
        """Return whether jobs go to Slurm, and not to this machine to try a profile."""
        return _profile(options).cluster == "slurm"

    @classmethod
    def open(cls, options: ExecutorOptions) -> Executor:
        """Return a queue; nothing is sent yet."""
        from bench.engine.executors import job_files
        from bench.engine.executors.clusters import cluster_of
        from bench.engine.executors.slurm_queue import SlurmQueue

        profile = _profile(options)
        job_files.sweep(options.store)
        return SlurmQueue(profile, cluster_of(profile))


def _profile(options: ExecutorOptions) -> SlurmProfile:
    return options.read_profile(SlurmProfile, options.profile or "slurm")

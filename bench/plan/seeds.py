"""The seeds of a run's replicates: which set each trained network sees, and how rows say so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from bench.results.table import ALL_SEEDS


class Under(NamedTuple):
    """The seeds that one number was made under: of training, and of generation (0 if no set is drawn)."""

    seed: int
    generation: int

    @property
    def columns(self) -> dict[str, int]:
        """The seeds as columns of a row."""
        return {"seed": self.seed, "generation": self.generation}


class Replicates(NamedTuple):
    """The numbers of seeds of a run.

    If `generation` is None, a network that is trained under seed s sees the set that is drawn under seed s, so that one
    spread contains both. Otherwise every training seed is used with each of the sets, and the two can be separated.
    If `own_generators`, the set of a generation seed is drawn by a generator that was trained under the same seed;
    otherwise one generator, trained under seed 0, draws all sets.
    """

    training: int
    generation: int | None = None
    own_generators: bool = False

    @property
    def sets(self) -> list[Under]:
        """The seeds of each set; where generation is a factor of its own, a set has no training seed (0)."""
        if self.generation is None:
            return [Under(seed, seed) for seed in range(self.training)]
        return [Under(0, generation) for generation in range(self.generation)]

    @property
    def generators(self) -> list[Under]:
        """The seeds that the generator is trained under, as those of the sets that it draws."""
        return self.sets if self.own_generators else [Under(0, 0)]

    def generator(self, under: Under) -> int:
        """Return the seed of a set's generator."""
        return under.generation if self.own_generators else 0

    def networks(self, *, drawn: bool) -> list[Under]:
        """Return the seeds of each network of an arm; an arm without a set that is `drawn` has no generation seeds."""
        if not drawn:
            return [Under(seed, 0) for seed in range(self.training)]
        if self.generation is None:
            return self.sets
        return [Under(seed, generation) for seed in range(self.training) for generation in range(self.generation)]

    def title(self, under: Under, *, drawn: bool) -> str:
        """Return the seeds as users see them, for an arm whose set is `drawn` or another one."""
        name = f"seed {under.seed}"
        return f"{name}, generation {under.generation}" if drawn and self.generation is not None else name

    def title_of_set(self, under: Under) -> str:
        """Return the seed of a set as users see it."""
        return f"seed {under.seed}" if self.generation is None else f"generation {under.generation}"


def over(several: Sequence[Under]) -> dict[str, int]:
    """Return the columns of a row that stands for several numbers together.

    >>> over([Under(0, 0), Under(1, 1)])
    {'seed': -1, 'seeds': 2, 'generation': -1, 'generations': 2}
    >>> over([Under(0, 0), Under(1, 0)])
    {'seed': -1, 'seeds': 2, 'generation': 0, 'generations': 1}
    """
    seeds = {under.seed for under in several}
    generations = {under.generation for under in several}
    return {
        "seed": ALL_SEEDS if len(seeds) > 1 else min(seeds),
        "seeds": len(seeds),
        "generation": ALL_SEEDS if len(generations) > 1 else min(generations),
        "generations": len(generations),
    }


def crossed(several: Sequence[Under]) -> tuple[int, int] | None:
    """Return the numbers of training and of generation seeds if each is used with each and there are several of both.

    >>> crossed([Under(0, 0), Under(0, 1), Under(1, 0), Under(1, 1)]), crossed([Under(0, 0), Under(1, 1)])
    ((2, 2), None)
    """
    columns = over(several)
    shape = columns["seeds"], columns["generations"]
    return shape if min(shape) > 1 and len(several) == shape[0] * shape[1] else None


def covered(method: str, several: Sequence[Under]) -> str:
    """Return what an interval covers: the seeds are those of generation if there is only one training seed.

    >>> covered("groups+seeds", [Under(0, 0), Under(0, 1)])
    'groups+generations'
    """
    columns = over(several)
    only_sets = columns["seeds"] == 1 and columns["generations"] > 1
    return method.replace("seeds", "generations") if only_sets else method

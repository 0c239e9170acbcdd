"""Label maps at every feature size, and the modulations that the network computes from them."""

from __future__ import annotations

from typing import Protocol

import torch.nn.functional as F  # noqa: N812, the conventional name
from jaxtyping import Float
from torch import Tensor


class Modulated(Protocol):
    """A layer whose scale and shift come from label maps."""

    def modulation(self, labels: Float[Tensor, "n l h w"]) -> tuple[Tensor, Tensor]:
        """Return gamma and beta for label maps; they depend on nothing else."""
        ...


class Labels:
    """The condition of a batch; with a budget of `keep` bytes, modulations are computed once for all steps.

    A sampler calls the network many times with the same labels, and gamma and beta do not depend on the time step.
    Keeping them saves about half of the decoder's work. They are kept as long as they fit into the budget.
    """

    def __init__(self, maps: Float[Tensor, "n l h w"], keep: int = 0) -> None:
        self._maps, self._room = maps, keep
        self._sizes: dict[tuple[int, int], Tensor] = {}
        self._kept: dict[int, tuple[Tensor, Tensor]] = {}

    def at(self, size: tuple[int, int]) -> Float[Tensor, "n l a b"]:
        """Return the maps at a feature size, by nearest neighbours."""
        if size not in self._sizes:
            same = size == tuple(self._maps.shape[2:])
            self._sizes[size] = self._maps if same else F.interpolate(self._maps, size=size, mode="nearest")
        return self._sizes[size]

    def modulation(self, norm: Modulated, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
        """Return gamma and beta of a layer."""
        if id(norm) in self._kept:
            return self._kept[id(norm)]
        gamma, beta = norm.modulation(self.at(size))
        needed = 2 * gamma.numel() * gamma.element_size()
        if needed <= self._room:
            self._room -= needed
            self._kept[id(norm)] = (gamma, beta)
        return gamma, beta

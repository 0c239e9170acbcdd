"""Controls: arms with a known answer, with which every table is compared."""

from methods.controls.baseline import RealOnly
from methods.controls.classic import Classic
from methods.controls.noise import Noise
from methods.controls.real import Copy, MoreReal
from methods.controls.recompressed import RecompressedReal
from methods.controls.shuffled import ShuffledLabels

__all__ = ["Classic", "Copy", "MoreReal", "Noise", "RealOnly", "RecompressedReal", "ShuffledLabels"]

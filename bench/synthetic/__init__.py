"""Synthetic sets: what a method made, sealed on disk with its provenance."""

from bench.synthetic.opened import SyntheticSet, verify_set
from bench.synthetic.record import EVALUATION, METADATA, TRAINING, SyntheticRecord, sample_digest, tile_role
from bench.synthetic.seal import MANIFEST, SCHEMA_VERSION
from bench.synthetic.writer import SyntheticSetWriter

__all__ = [
    "EVALUATION",
    "MANIFEST",
    "METADATA",
    "SCHEMA_VERSION",
    "TRAINING",
    "SyntheticRecord",
    "SyntheticSet",
    "SyntheticSetWriter",
    "sample_digest",
    "tile_role",
    "verify_set",
]

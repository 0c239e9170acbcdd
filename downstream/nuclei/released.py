"""A released network instead of a trained one."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from bench.contract import TrainingMix
from bench.errors import ConfigError, DataError
from bench.training import save_weights, seeded
from downstream.nuclei.family import Family, Subject
from downstream.nuclei.fit import WEIGHTS, write_settings
from downstream.nuclei.settings import NucleusSettings


def read_released(family: Family) -> nn.Module:
    """Return the released network that the settings name, in evaluation mode.

    Raises:
        ConfigError: no weights of this kind of network are released.
        DataError: the file has other classes, or holds another network.
    """
    path, subject = family.config.released, family.subject
    assert path is not None
    if not family.release:
        raise ConfigError(f"No weights of {family.name} are released", got=f"released={path}", fix="train the network")
    from downstream.released import read

    return read(family.release, path, subject.classes, tissues=subject.tissues, **family.release_settings)


def adopt(kind: type[Family], config: NucleusSettings, mix: TrainingMix, out: Path) -> None:
    """Write the released network that `config` names to `out`, in the form in which training leaves a network.

    Raises:
        ConfigError: no weights of this kind of network are released.
        DataError: the file has other classes, or another network than the settings describe.
    """
    family = kind(config, Subject.of(mix.real.info), {})
    released = read_released(family)
    with seeded(0):  # initial weights are replaced below; the global generator is not changed
        network = family.build()
    try:
        network.load_state_dict(released.state_dict())
    except RuntimeError as error:
        raise DataError(
            f"The released weights in {config.released} do not fit the network that the settings describe",
            got=str(error).splitlines()[0],
            fix=f"choose the settings of {kind.name} that the release was trained with",
        ) from error
    save_weights(out / WEIGHTS, network)
    write_settings(out, family, {"trained": "released"})

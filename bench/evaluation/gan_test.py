"""GAN-test: what share of synthetic images a network that knows real images alone takes for the class asked for.

Shmelkov et al., How good is my GAN?, ECCV 2018, section 3.2. Every network of a run is asked; one that also chose the
images agrees with itself, and its rows say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import UInt8

from bench.engine.session import Session
from bench.evaluation.columns import entry_columns, over_seeds, share_columns
from bench.evaluation.evidence import ArmWork, Judged, Tested
from bench.plan.arms import Network
from bench.stages.train import predict, read_prediction
from bench.synthetic import SyntheticSet

METRIC = "gan_test"


def gan_test(
    session: Session,
    networks: Sequence[Network],
    baseline: Sequence[Tested],
    made: SyntheticSet,
    seed: int,
    title: str,
) -> list[Judged]:
    """Show a set to the baseline's networks of the same seed; to none where its images have no class."""
    if made.info.task != "tissue":
        return []
    by_name = {network.name: network for network in networks}

    def images() -> Iterable[UInt8[np.ndarray, "h w 3"]]:
        return (made[index].image for index in range(len(made)))

    judged = []
    for tested in baseline:
        if tested.seed == seed:
            named = f"{tested.network} of real images on {title}"
            inputs = {"synthetic": made.digest}
            network = by_name[tested.network]
            seen = predict(session, network, tested.model, images, len(made), inputs, named)
            judged.append(Judged(seed, tested.network, seen))
    return judged


def gan_test_rows(arm: ArmWork, selector: str) -> Iterator[dict[str, Any]]:
    """Yield the columns of every row: under each seed, then over seeds. `selector` is the network that chooses sets."""
    by_network: dict[str, list[dict[str, Any]]] = {}
    for judged in arm.judged:
        made = arm.sets[judged.seed]
        if made is None:
            continue
        chose = judged.network == selector and arm.arm.selection is not None and arm.arm.selection.chooses
        row = {
            **entry_columns(METRIC),
            "seed": judged.seed,
            "downstream": judged.network,
            "set_digest": made[1].digest,
            **_share(judged, made[1]),
            "reason": "this network chose the images" if chose else "",
        }
        by_network.setdefault(judged.network, []).append(row)
        yield row
    for rows in by_network.values():
        if len(rows) > 1:
            yield over_seeds(rows, rows[0]["reason"])


def _share(judged: Judged, made: SyntheticSet) -> dict[str, Any]:
    from metrics.proportion import proportion

    asked = [record.label for record in made.records]
    seen = [read_prediction(judged.finished.path / f"{index:05d}.npz").scores for index in range(len(asked))]
    right = sum(
        int(np.argmax(scores)) == label for scores, label in zip(seen, asked, strict=True) if scores is not None
    )
    found = proportion(right, len(asked))
    return share_columns(found, len(asked), "images of the set")

"""Settings of networks: for all of a run, or for one, which wins; what fits none is refused with the nearest."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bench.config import RunRequest, load_preset
from bench.config.overrides import parse
from bench.errors import ConfigError
from bench.plan.networks import make_networks
from bench.run.resolve import resolve

BOTH = ("vit", "colour-histogram")
VITS = ("vit", "vit-pretrained")


def made(wanted: tuple[str, ...], *items: str) -> dict[str, Any]:
    networks = make_networks(wanted, load_preset("tiny"), parse(items).downstream)
    assert tuple(network.name for network in networks) == wanted
    return {network.name: dict(network.config) for network in networks}


def test_without_settings_each_has_its_own() -> None:
    assert made(BOTH) == {**made(BOTH[:1]), **made(BOTH[1:])}


def test_a_setting_of_one_network_leaves_the_others_alone() -> None:
    plain, changed = made(BOTH), made(BOTH, "downstream.vit.batch=16", "downstream.vit.recipe.jitter=0.2")
    assert changed["vit"]["batch"] == 16
    assert changed["vit"]["recipe"] == {**plain["vit"]["recipe"], "jitter": 0.2}
    assert changed["colour-histogram"] == plain["colour-histogram"]


@pytest.mark.parametrize("reverse", [False, True])
def test_the_setting_of_one_wins_over_that_of_all_in_any_order(reverse: bool) -> None:
    items = ["downstream.batch=16", "downstream.vit.batch=4", "downstream.recipe.jitter=0.1"]
    found = made(VITS, *(reversed(items) if reverse else items))
    assert [found[name]["batch"] for name in VITS] == [4, 16]
    assert [found[name]["recipe"]["jitter"] for name in VITS] == [0.1, 0.1]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        (["downstream.vitt.batch=16"], r"vitt.*did you mean 'vit'"),
        (["downstream.recip.jitter=0.1"], r"recip"),
        (["downstream.hovernet.batch=16"], r"not part of the run, which has vit, colour-histogram.*hovernet.*--down"),
        (["downstream.vit.bacth=16"], r"downstream network 'vit'.*did you mean 'batch'"),
        (["downstream.vit=16"], r"The settings of 'vit' are not given by key.*downstream\.vit=16"),
        (["downstream.recipe.jitter=0.1"], r"colour-histogram lacks.*--set downstream\.vit\.recipe"),
        (["downstream.batch=16"], r"colour-histogram lacks.*--set downstream\.vit\.batch"),
        (["downstream.vit.batch=none"], r"valid batch in downstream network 'vit'"),
    ],
)
def test_what_fits_no_network_is_refused(items: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        made(BOTH, *items)
    found = raised.value
    assert re.search(message, f"{found.message} {found.got} {found.fix}"), found


def test_one_network_names_its_nearest_keys() -> None:
    with pytest.raises(ConfigError, match="network of this run") as raised:
        made(("vit",), "downstream.recip.jitter=0.1")
    assert "did you mean 'recipe'" in raised.value.fix
    with pytest.raises(ConfigError) as raised:
        made(("vit",), "downstream.bacth=16")
    assert "did you mean 'batch'" in raised.value.fix


def test_a_run_gives_each_network_its_own_and_says_so_in_its_preset() -> None:
    request = RunRequest(
        method="copy",
        dataset="phantom-tissue",
        preset="tiny",
        downstream=BOTH,
        overrides=("downstream.vit.batch=6",),
    )
    resolved = resolve(request)
    assert [network.config.get("batch") for network in resolved.networks] == [6, None]
    assert resolved.preset_label == "tiny+downstream.vit.batch=6"

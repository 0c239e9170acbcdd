"""What a run lacks: each cause once, with all that wants it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.contract import Downstream
from bench.engine.device import Device
from bench.engine.executors import InProcess
from bench.engine.reporter import Reporter
from bench.engine.store import Store
from bench.errors import DataError
from bench.run.missing import find_missing
from bench.run.program import open_session
from bench.run.resolve import resolve
from tests.bench.conftest import request


def test_arms_of_a_method_that_does_not_fit_are_two_causes_and_two_items(tmp_path: Path) -> None:
    resolved = resolve(request(tmp_path, method="histodiffusion"))
    assert len(resolved.arms) > 3
    role, label = find_missing(resolved)
    assert role.expected == "The dataset offers no 'pool' data, which histodiffusion reads"
    assert role.got == "phantom offers fresh, test, train"
    assert label.expected == "The method 'histodiffusion' needs a dataset of tissue classes"
    assert label.got == "phantom, a dataset of nuclei"


def test_methods_that_want_the_same_are_listed_in_one_item(tmp_path: Path) -> None:
    asked = request(tmp_path, method="diffmix", controls=("sdm", "gradmix"), dataset="phantom-tissue")
    (label,) = find_missing(resolve(asked))
    assert label.expected == "The methods 'sdm', 'gradmix' and 'diffmix' need a dataset of nuclei"
    assert label.got == "phantom-tissue, a dataset of tissue classes"


def test_networks_that_want_the_same_are_listed_in_one_item(tmp_path: Path) -> None:
    asked = request(tmp_path, method="copy", downstream=("vit", "colour-histogram"))
    (track,) = find_missing(resolve(asked))
    assert track.expected == "The downstream networks 'vit' and 'colour-histogram' need a dataset of tissue classes"
    assert "phantom-tissue" in track.fix


def test_methods_that_read_the_same_role_are_listed_in_one_item(tmp_path: Path) -> None:
    asked = request(tmp_path, method="histodiffusion", controls=("stylegan2", "copy"), dataset="phantom-tissue")
    assert find_missing(resolve(asked)) == []
    missing = find_missing(resolve(asked.model_copy(update={"dataset": "phantom"})))
    assert [item.expected for item in missing] == [
        "The dataset offers no 'pool' data, which histodiffusion reads",
        "The methods 'stylegan2' and 'histodiffusion' need a dataset of tissue classes",
    ]


def test_masks_come_from_the_dataset_that_is_named(tmp_path: Path) -> None:
    asked = request(tmp_path, method="controlnet-t", dataset="pathcap", controls=())
    what = "The control branch is trained on masks, and there are none"
    (masks,) = [item for item in find_missing(resolve(asked)) if item.expected == what]
    assert "--data mask=NAME" in masks.fix
    named = asked.model_copy(update={"data": {"mask": "phantom"}})
    assert what not in [item.expected for item in find_missing(resolve(named))]
    # PathDiff's branch is also trained on captions
    joint = asked.model_copy(update={"method": "pathdiff-t"})
    assert what not in [item.expected for item in find_missing(resolve(joint))]


def test_classes_of_a_network_that_is_not_trained_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(self: Downstream, nuclei, labels) -> None:
        asked.append((tuple(nuclei), tuple(labels)))
        raise DataError("The file has two classes", got="four")

    monkeypatch.setattr("downstream.hovernet.HoVerNet.check_classes", refuse)
    (found,) = find_missing(resolve(request(tmp_path, method="copy")))
    assert found.expected == "The file has two classes"
    assert asked == [(("miscellaneous", "inflammatory", "epithelial", "spindle"), ())]


@pytest.mark.parametrize(
    ("method", "overrides", "asked"),
    [
        ("histodiffusion", ("encoders=[inception]",), True),
        ("histodiffusion", ("encoders=[random-convnet]",), False),
        ("histodiffusion", ("encoders=[inception]", "evaluations=[distances,tissue]"), False),
        ("stylegan2", ("encoders=[inception]",), False),  # it decodes no latents
    ],
)
def test_lpips_is_missing_before_any_work(tmp_path: Path, method: str, overrides: tuple[str, ...], asked: bool) -> None:
    resolved = resolve(request(tmp_path, method=method, dataset="phantom-tissue", controls=(), overrides=overrides))
    found = [item for item in find_missing(resolved) if "'reconstruction'" in item.expected]
    assert bool(found) == asked
    for item in found:
        assert "alexnet-owt-7be5be79.pth" in item.expected
        assert "--set evaluations" in item.fix


def test_devices_that_no_training_can_share_are_refused_before_any_work(tmp_path: Path) -> None:
    (shared,) = find_missing(resolve(request(tmp_path, method="gradmix", devices=2)))
    assert shared.expected == "No training of this run can be divided among 2 devices"
    assert "gradmix" in shared.got
    assert shared.fix.startswith("leave out --devices")
    assert find_missing(resolve(request(tmp_path, method="sdm", devices=2))) == []


def test_a_batch_that_the_devices_cannot_share_equally_is_refused_before_any_work(tmp_path: Path) -> None:
    asked = request(tmp_path, method="sdm", devices=2, overrides=("method.training.batch_size=3",))
    (odd,) = find_missing(resolve(asked))
    assert odd.expected == "The batches of 'sdm' cannot be divided equally among 2 devices"
    assert odd.got == "batches of 3"
    assert "--devices" in odd.fix
    assert find_missing(resolve(asked.model_copy(update={"devices": 3}))) == []


def test_more_devices_than_there_are_is_one_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.engine.device._find", lambda wanted: Device("cuda", "a GPU"))
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    (short,) = find_missing(resolve(request(tmp_path, method="sdm", devices=4)))
    assert short.expected == "--devices asks for 4 devices of kind 'cuda'"
    assert (short.got, short.fix) == ("2", "use --devices 2")
    assert find_missing(resolve(request(tmp_path, method="sdm", devices=2))) == []


def test_the_gpus_of_a_cluster_are_not_looked_for_on_its_login_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    on_slurm, here = tmp_path / "slurm.yaml", tmp_path / "here.yaml"
    on_slurm.write_text("requeues: 1\n")
    here.write_text("cluster: local\n")
    asked = request(tmp_path, executor="slurm", profile=str(on_slurm), device="cuda")
    assert find_missing(resolve(asked)) == []
    session = open_session(resolve(asked), Store(tmp_path), Reporter(quiet=True), InProcess())
    assert session.torch.device == "cuda"
    assert session.numeric.device == "cpu"
    (absent,) = find_missing(resolve(asked.model_copy(update={"profile": str(here)})))
    assert absent.expected == "There is no device of kind 'cuda'"
    (unsaid,) = find_missing(resolve(asked.model_copy(update={"device": "auto", "preset": "small"})))
    assert unsaid.fix == "use --device cuda, if the nodes of the cluster have GPUs"


def test_one_device_is_not_part_of_a_request_and_several_are(tmp_path: Path) -> None:
    assert "devices" not in request(tmp_path).what()
    assert request(tmp_path, devices=2).what()["devices"] == 2

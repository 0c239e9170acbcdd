"""The table of metrics is complete, and only published weights have published names."""

import dataclasses

import pytest

import metrics
from bench.errors import ConfigError
from metrics.classification import ClassificationScores
from metrics.faithfulness import Faithfulness
from metrics.families import PUBLISHED
from metrics.instances import InstanceScores
from metrics.manifold import ManifoldScores
from metrics.table import FAMILIES, METRICS, distance_name, metric, reading_position
from metrics.types import TypeScores


def test_every_score_has_an_entry():
    instances = ("dice", "jaccard", "dice_2", "aji", "aji_plus", "dq", "sq", "pq", "f1")
    assert set(instances) <= {field.name for field in dataclasses.fields(InstanceScores)}
    assert {f"{name}/image" for name in instances} <= set(METRICS)
    names = {"precision": "precision_d", "recall": "recall_d"}
    fields = {names.get(field.name, field.name) for field in dataclasses.fields(TypeScores)} - {"undefined"}
    assert fields <= set(METRICS)
    assert {f.name for f in dataclasses.fields(ClassificationScores)} - {"confusion"} <= set(METRICS)
    assert {f"{f.name}/image" for f in dataclasses.fields(Faithfulness)} <= set(METRICS)
    for field in dataclasses.fields(ManifoldScores):
        if field.name not in ("k", "n_real", "n_synthetic"):
            assert metric(f"{field.name}@net").title.endswith("(net)")


@pytest.mark.parametrize("entry", METRICS.values(), ids=list(METRICS))
def test_entries_are_complete(entry):
    assert METRICS[entry.id] is entry is metric(entry.id)
    assert entry.title
    assert entry.inputs
    assert entry.aggregation
    assert entry.reference
    assert entry.protocol_version >= 1
    low, high = entry.bounds
    assert low is None or high is None or low < high


def test_main_label_metrics_declare_a_smallest_effect():
    declared = {id for id, entry in METRICS.items() if entry.smallest_effect is not None}
    labels = {"instances", "types", "images"}
    assert declared == {id for id, entry in METRICS.items() if entry.main and entry.group in labels}
    assert {"pq/image", "aji/image", "dice/image", "f_type", "accuracy"} <= declared
    assert all(0 < METRICS[id].smallest_effect < 0.1 for id in declared)


def test_only_published_weights_have_published_names():
    assert distance_name("fd", "inception") == "fid"
    assert distance_name("kd", "inception") == "kid"
    assert distance_name("fd", "clip-vit-b-32") == "clip_fid"
    assert distance_name("kd", "clip-vit-b-32") == "kd@clip-vit-b-32"
    assert distance_name("fd", "inception-0a1b2c3d") == "fd@inception-0a1b2c3d"
    assert distance_name("clip_similarity", "plip") == "plip"
    assert distance_name("clip_similarity", "plip-0a1b2c3d") == "clip_similarity@plip-0a1b2c3d"
    assert distance_name("perceptual", "lpips-alex") == "lpips"
    assert distance_name("perceptual", "lpips-vgg") == "lpips_vgg"
    with pytest.raises(ConfigError, match="family"):
        distance_name("pq", "inception")
    with pytest.raises(ConfigError, match="fid"):
        metric("fd@inception")


def test_a_metrics_name_outside_its_family_is_the_published_one_alone():
    for (family, encoder), entry in PUBLISHED.items():
        assert METRICS[entry.id] is entry
        assert distance_name(family, encoder) == entry.id
        same = ("direction", "bounds", "unit", "aggregation", "inputs", "group")
        assert {name: getattr(entry, name) for name in same} == {name: getattr(FAMILIES[family], name) for name in same}


def test_tables_are_read_from_sets_to_classes():
    ids = [
        "auroc",
        "f_type",
        "f_d",
        "pq/image",
        "dice/image",
        "kd@net",
        "kid",
        "fd@net",
        "fid",
        "clip_fid",
        "train/seconds",
    ]
    ordered = sorted(ids, key=reading_position)
    assert ordered[:5] == ["clip_fid", "fid", "fd@net", "kid", "kd@net"]
    assert ordered[5:] == ["dice/image", "pq/image", "f_d", "f_type", "auroc", "train/seconds"]


def test_distances_resolve_for_any_encoder():
    found = metric("kd@torchscript:net-0123abcd")
    assert (found.id, found.direction, found.bounds) == ("kd@torchscript:net-0123abcd", "lower", (None, None))
    assert metric("fd@x").bounds == (0.0, None)


@pytest.mark.parametrize("name", ["pq", "fd@", "xd@net", ""])
def test_unknown_names_are_refused(name):
    with pytest.raises(ConfigError, match="id of a metric"):
        metric(name)


def test_public_names_resolve():
    for name in metrics.__all__:
        assert getattr(metrics, name) is not None
    assert dir(metrics) == sorted(metrics.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        metrics.nonsense  # noqa: B018

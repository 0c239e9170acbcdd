"""What a run lacks on this machine: data, weights, memory and devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bench.engine.device import resolve_device
from bench.engine.executors import works_elsewhere
from bench.errors import BenchError
from bench.evaluation.registered import evaluations
from bench.plan.checks import (
    Missing,
    check_accelerator,
    check_classes,
    check_conditions,
    check_data,
    check_devices,
    check_files,
    check_labels,
    check_memory,
    check_other,
    check_roles,
    check_test,
    check_tracks,
    check_unseen,
    check_weights,
)
from bench.plan.protocol import check_protocol
from bench.plan.ratios import capped
from bench.plan.roles import asked_of
from bench.run.driver import device_of, executor_options
from bench.run.resolve import Resolved
from bench.stages.prepare import offered_roles
from bench.track import Track, track_of


def find_missing(resolved: Resolved) -> list[Missing]:
    """Return the data, weights, memory and devices that this machine lacks for a run; nothing is written."""
    request, preset = resolved.request, resolved.preset
    track = track_of(resolved.card)
    missing: list[Missing] = []
    elsewhere = False
    try:
        elsewhere = works_elsewhere(request.executor, executor_options(request))
        device = device_of(request)
    except BenchError as error:
        missing.append(Missing.from_error(error))
        device = resolve_device("cpu")
    missing.extend(check_devices(request.devices, {arm.name: arm.method for arm in resolved.arms if arm.draws}))
    missing.extend(check_unseen({arm.name: asked_of(arm.method) for arm in resolved.arms}))
    try:
        resolved.source.locate()
    except BenchError as error:
        missing.append(check_data(resolved.card, request.data_root, error))
    else:
        missing.extend(_of_dataset(resolved, track))
    masks = resolved.others.get("mask")
    nuclei = resolved.card.class_names or (masks.card.class_names if masks is not None else ())
    cards = [resolved.card] if masks is None else [resolved.card, masks.card]
    outlined = [card for card in cards if track_of(card).label == "mask"]
    if outlined:
        missing.extend(check_labels({arm.name: arm.method for arm in resolved.arms}, outlined[0]))
    for arm in {id(arm.method): arm for arm in resolved.arms}.values():
        missing.extend(check_files(arm.name, arm.method))
        if nuclei or not outlined or not arm.method.reads_classes:  # else it is reported already
            missing.extend(check_classes(arm.method, nuclei, resolved.card.labels))
    for role, other in resolved.others.items():
        if role not in resolved.roles:  # given for other runs of a suite: no method of this run reads it
            continue
        missing.extend(check_other(role, other.card))
        try:
            other.locate()
        except BenchError as error:
            found = check_data(other.card, request.data_root, error)
            missing.append(replace(found, fix=f"{found.fix}; or choose other data: --data {role}=NAME"))
    made_for = {network.name: track_of(network.plugin) for network in resolved.networks}
    missing.extend(check_tracks(made_for, resolved.card.name, track))
    for network in resolved.networks:
        needed = network.plugin.weights()
        missing.extend(check_weights(f"downstream network {network.name!r}", needed, "leave the network out"))
        missing.extend(check_classes(network.plugin, resolved.card.class_names, resolved.card.labels))
    for handle in resolved.encoders:
        missing.extend(handle.missing())
    aligned = resolved.text_encoder
    if aligned is not None and aligned.plugin.training() is None:
        missing.extend(aligned.missing("--set text_encoder=caption-clip:smoke"))
    named = [handle.name for handle in resolved.encoders]
    for one in evaluations(only=preset.evaluations):
        needed = one.weights(request.weights, resolved.arms, named)
        instead = "choose the evaluations to make with --set evaluations=[NAME, ...]"
        missing.extend(check_weights(f"evaluation {one.name!r}", needed, instead))
    needs, forced = preset.needs_accelerator, request.device == "cpu"
    missing.extend(check_accelerator(preset.name, needs, device.kind, forced, preset.duration, elsewhere=elsewhere))
    if not elsewhere:
        missing.extend(check_memory(preset.memory_gib))
    return list(dict.fromkeys(missing))


def _of_dataset(resolved: Resolved, track: Track) -> Iterator[Missing]:
    """Yield what a dataset that is there lacks for the run."""
    request, preset = resolved.request, resolved.preset
    try:
        yield from check_test(resolved.source.splits(), resolved.card.name, track)
        offered = offered_roles(resolved.source) | resolved.other.roles
        read = {arm.name: arm.method.roles for arm in resolved.arms}
        shows = {arm.name: arm.method.conditions for arm in resolved.arms}
        yield from check_roles(read, offered, resolved.card.name)
        yield from check_conditions(shows, resolved.card.name, track, preset)
        yield from check_protocol(resolved.protocol, resolved.source)
        whole = request.fold is None and resolved.protocol is None and resolved.card.labelled is None
        if request.ratios and whole:
            n_real = len(resolved.source.ids("train")) * track.patches(preset.patches_per_tile)
            yield from capped(resolved.subjects, n_real, preset)
    except BenchError as error:
        yield Missing.from_error(error)

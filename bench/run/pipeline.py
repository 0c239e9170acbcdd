"""A run from request to results: preflight, then arm by arm, every step a job that is found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.config import Preset, RunRequest, load_preset
from bench.config.overrides import parse
from bench.config.request import SHARED_ROLES
from bench.contract import Dataset
from bench.datasets.card import DatasetCard
from bench.datasets.opening import open_source
from bench.datasets.source import DatasetSource
from bench.engine.device import resolve_device
from bench.engine.job import Finished
from bench.engine.reporter import Reporter
from bench.engine.session import Session
from bench.engine.store import JobStore, check_writable
from bench.errors import BenchError, ConfigError
from bench.evaluation.distances.jobs import Fidelity
from bench.evaluation.evidence import ArmWork, Distances, Judge, Judged, Outcome, Tested
from bench.evaluation.faithfulness import faithfulness
from bench.evaluation.gan_test import gan_test
from bench.evaluation.leakage import leakage
from bench.evaluation.statistics import evaluate
from bench.importing.store import open_imported
from bench.plan.arms import BASELINE, Arm, Network, make_arm
from bench.plan.checks import (
    Missing,
    check_accelerator,
    check_conditions,
    check_files,
    check_memory,
    check_roles,
    check_test,
    check_track,
    check_weights,
    stop_if_missing,
)
from bench.plan.encoders import EncoderHandle, encoder_handle
from bench.plan.imported import ready_arm, untrainable
from bench.plan.networks import make_networks
from bench.run.publish import publish
from bench.stages.prepare import apply_fold, apply_labelled, offered_roles, prepare_others, prepare_splits
from bench.stages.select import choose_set, expand
from bench.stages.synthesize import fit_parts, synthesize
from bench.stages.train import predict_test, train_network
from bench.synthetic import TRAINING, SyntheticSet
from bench.track import track_of

_MEMORY_GIB = {"tiny": 1.0, "smoke": 2.0, "small": 6.0, "paper": 12.0}


@dataclass(frozen=True)
class Resolved:
    """A request with everything looked up and nothing done yet."""

    request: RunRequest
    preset: Preset
    preset_label: str
    source: DatasetSource
    others: Mapping[str, DatasetSource]
    arms: Sequence[Arm]
    subjects: Sequence[Arm]
    networks: Sequence[Network]
    encoders: Sequence[EncoderHandle]

    @property
    def card(self) -> DatasetCard:
        """The card of the dataset."""
        return self.source.card

    @property
    def subject(self) -> Arm:
        """The arm that the run is about, the first of them where its method compares several selections."""
        return self.subjects[0]

    @property
    def roles(self) -> frozenset[str]:
        """The roles of data that the arms read."""
        return frozenset[str]().union(*(arm.method.roles for arm in self.arms))

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits of the dataset that the arms read, and the test split."""
        read = self.roles & set(self.source.splits()) - {"train", "test", *self.others}
        return ("train", "test", *sorted(read))


def resolve(request: RunRequest) -> Resolved:
    """Look everything up.

    Raises:
        ConfigError: an unknown name, key or value; the nearest one is suggested.
    """
    source = open_source(request.dataset, request.data_root)
    others = {role: open_source(name, request.data_root) for role, name in request.data.items()}
    overrides = parse(request.overrides)
    name = request.preset or source.card.default_preset
    preset = load_preset(name, overrides.preset, source.card.task)
    controls = dict.fromkeys([BASELINE, *(preset.controls if request.controls is None else request.controls)])
    if request.synthetic is not None:
        made = open_imported(request.store, source.card.name, request.synthetic)
        subject = ready_arm(made, overrides.method, overrides.method_text)
    else:
        subject = make_arm(str(request.method), preset, overrides.method, overrides.method_text)
        subject = _with_others(subject, others)
    subjects = expand(subject)
    arms = [arm for name in controls for arm in (subjects if name == subject.name else [make_arm(name, preset)])]
    arms += [] if subjects[0] in arms else subjects
    _check_roles(request.data, arms)
    wanted = request.downstream or preset.downstream or source.card.networks
    networks = make_networks(wanted, preset, overrides.downstream, request.weights)
    encoders = [encoder_handle(encoder, request.weights) for encoder in preset.encoders]
    label = f"{name}+{overrides.protocol_text}" if overrides.protocol_text else name
    return Resolved(request, preset, label, source, others, arms, subjects, networks, encoders)


def _check_roles(named: Mapping[str, str], arms: Sequence[Arm]) -> None:
    """Refuse data for roles that no method has; captions and a pool are known, whether or not a method reads them."""
    read = {role for arm in arms for role in arm.method.roles} - {"train", "test"}
    for role in named.keys() - read - set(SHARED_ROLES):
        fix = f"methods of this run read {', '.join(sorted(read)) or 'no data beside the dataset'}"
        raise ConfigError("expected a role of data that a method of this run reads", got=repr(role), fix=fix)


def _with_others(arm: Arm, others: Mapping[str, DatasetSource]) -> Arm:
    """Name the other datasets that an arm reads in its variant: it is another arm with them."""
    read = [f"{role}={source.card.name}" for role, source in others.items() if role in arm.method.roles]
    return replace(arm, variant=" ".join(filter(None, [arm.variant, *read])))


def preflight(resolved: Resolved) -> Session:
    """Check data, weights, memory and device, and open the session.

    Raises:
        MissingError: something is absent; all of it is listed.
    """
    stop_if_missing(find_missing(resolved))
    check_writable(resolved.request.store)
    return open_session(resolved, JobStore(resolved.request.store), Reporter())


def open_session(resolved: Resolved, store: JobStore, reporter: Reporter) -> Session:
    """Open the session of a request over a store."""
    request = resolved.request
    precision = request.precision or resolved.preset.precision
    return Session(store, reporter, resolve_device(request.device), precision, request.threads, request.workers)


def find_missing(resolved: Resolved) -> list[Missing]:
    """List what this machine lacks of data, weights, memory and devices; nothing is written."""
    request, preset = resolved.request, resolved.preset
    missing: list[Missing] = []
    try:
        device = resolve_device(request.device)
    except BenchError as error:
        missing.append(Missing.from_error(error))
        device = resolve_device("cpu")
    track = track_of(resolved.card)
    try:
        resolved.source.locate()
        missing.extend(check_test(resolved.source.splits(), resolved.card.name, track))
        offered = offered_roles(resolved.source) | set(resolved.others)
        for arm in resolved.arms:
            missing.extend(check_roles(arm.name, arm.method.roles, offered, resolved.card.name))
            missing.extend(check_conditions(arm.name, arm.method.conditions, resolved.card.name, track))
    except BenchError as error:
        missing.append(Missing.from_error(error))
    for method in {id(arm.method): arm.method for arm in resolved.arms}.values():
        missing.extend(check_files(method))
    for role, other in resolved.others.items():
        if role not in resolved.roles:  # named for others of a suite: nobody reads it here
            continue
        try:
            other.locate()
        except BenchError as error:
            missing.append(Missing.from_error(error))
    for network in resolved.networks:
        wanted = track_of(network.plugin)
        missing.extend(check_track(network.name, wanted, resolved.card.name, track_of(resolved.card)))
        requirement = getattr(network.plugin, "requirement", None)  # networks that start from random weights have none
        missing.extend(check_weights(network.name, None if requirement is None else requirement()))
    for handle in resolved.encoders:
        missing.extend(handle.missing())
    missing.extend(
        check_accelerator(preset.name, preset.needs_accelerator, device.kind, request.device == "cpu", preset.duration)
    )
    missing.extend(check_memory(_MEMORY_GIB.get(preset.name, 4.0)))
    return missing


def run_request(request: RunRequest) -> Outcome:
    """Do a run, or find it done, and publish its results."""
    resolved = resolve(request)
    session = preflight(resolved)
    data, worked = do_jobs(session, resolved)
    return publish(session, resolved, data, worked)


def do_jobs(session: Session, resolved: Resolved) -> tuple[dict[str, Dataset], list[ArmWork]]:
    """Do the jobs of a run, or find them done; publish nothing."""
    prepared = prepare_splits(session, resolved.source, resolved.preset, resolved.splits)
    data = apply_labelled(apply_fold(prepared, resolved.request.fold), resolved.source)
    data |= prepare_others(session, resolved.others, resolved.preset, resolved.roles)
    baseline, *others = resolved.arms
    worked = [work_arm(session, resolved, baseline, data)]
    worked += [work_arm(session, resolved, arm, data, worked[0]) for arm in others]
    return data, worked


def work_arm(
    session: Session, resolved: Resolved, arm: Arm, data: dict[str, Dataset], baseline: ArmWork | None = None
) -> ArmWork:
    """Fit, synthesize, score, train and test one arm under every seed; the baseline's networks judge what it draws."""
    real_only = () if baseline is None else baseline.tested
    judge = Judge(resolved.networks[0], real_only[0].model) if real_only else None
    fitted = fit_parts(session, arm, data)
    sets: list[tuple[Finished, SyntheticSet] | None] = []
    distances: list[Distances] = []
    tested: list[Tested] = []
    leaks: list[Finished] = []
    judged: list[Judged] = []
    track = track_of(resolved.card)
    untested = track.untrained if arm.ready is None else untrainable(arm.ready, track)
    for seed in range(resolved.request.seeds):
        if arm.selection is not None and judge is not None:
            choice = choose_set(session, arm, data, fitted, resolved.preset, seed, judge)
            made = None if choice.made is None or choice.finished is None else (choice.finished, choice.made)
            if made is None:  # without a set of every seed the arm is none
                session.reporter.warn(f"{arm.title}: {choice.reason}")
                return ArmWork(arm, fitted, [], [], [], None, choice.reason)
        else:
            made = synthesize(session, arm, data, fitted, resolved.preset, seed)
        sets.append(made)
        synthetic = None if made is None else made[1]
        # a set that is there already is one and the same under every seed
        compares = synthetic is not None and synthetic.use == TRAINING and (arm.ready is None or seed == 0)
        if synthetic is not None and compares:
            title = f"{arm.title}, seed {seed}"
            compared = Fidelity(session, resolved.encoders, data, synthetic, resolved.preset)
            distances += compared.jobs(seed, title)
            if arm in resolved.subjects:
                leaks.append(leakage(session, synthetic, data["train"], data["test"], resolved.preset, title))
            judged += gan_test(session, resolved.networks, real_only, synthetic, seed, title)
        for network in resolved.networks if not untested else ():
            model = train_network(session, network, arm, data["train"], synthetic, resolved.preset, seed)
            title = f"{network.name} on {arm.title}, seed {seed}"
            predictions = predict_test(session, network, model, data["test"], title)
            scores = evaluate(session, predictions, data["test"], title)
            tested.append(Tested(seed, network.name, model, predictions, scores))
    faithful = None
    if judge is not None:
        faithful = faithfulness(session, arm, data, fitted, sets, judge, resolved.preset)
    return ArmWork(arm, fitted, sets, distances, tested, faithful, untested, leaks, judged)

"""The entries of metrics of reader studies: what people see in images."""

from __future__ import annotations

from metrics.entry import Bounds, Direction, Metric

_UNIT: Bounds = (0.0, 1.0)
_TURING = "answers of readers: is this image real or synthetic?"
_PREFERENCE = "answers of readers: which of these images of one mask looks most real?"
_REPEATED = "answers of readers to questions that they were asked twice"
_EXPERTS = "PathDiff, Bhosale et al., ICCV 2025, section 4.5"


def _readers(
    id: str, title: str, inputs: str, direction: Direction, aggregation: str, reference: str, *, main: bool = False
) -> Metric:
    return Metric(id, title, "readers", inputs, direction, _UNIT, "", aggregation, reference, main=main)


def _agreement(id: str, title: str, inputs: str) -> Metric:
    aggregation = "over images that all readers answered"
    reference = "Fleiss, Psychological Bulletin 1971"
    return Metric(id, title, "readers", inputs, "higher", (-1.0, 1.0), "", aggregation, reference)


READER_METRICS = (
    _readers(
        "turing_accuracy",
        "accuracy of readers",
        _TURING,
        "lower",
        "mean of the shares of real and of synthetic images that were recognised; 0.5 is chance",
        _EXPERTS,
    ),
    _readers(
        "turing_sensitivity",
        "sensitivity of readers",
        _TURING,
        "lower",
        "share of the synthetic images that were called synthetic",
        _EXPERTS,
    ),
    _readers(
        "turing_specificity",
        "specificity of readers",
        _TURING,
        "none",
        "share of the real images that were called real",
        _EXPERTS,
    ),
    _readers(
        "taken_for_real",
        "synthetic images taken for real",
        _TURING,
        "higher",
        "share of the synthetic images that were called real",
        _EXPERTS,
        main=True,
    ),
    _readers(
        "preference_share",
        "preference of readers",
        _PREFERENCE,
        "higher",
        "share of the questions in which the method's image was chosen; 1 / number of methods is chance",
        _EXPERTS,
        main=True,
    ),
    _agreement("fleiss_kappa/turing", "agreement of readers on real and synthetic", _TURING),
    _agreement("fleiss_kappa/preference", "agreement of readers on the most real image", _PREFERENCE),
    _readers(
        "repeat_agreement/turing",
        "agreement of readers with themselves on real and synthetic",
        _REPEATED,
        "higher",
        "share of the repeated questions with the same answer",
        "intra-reader agreement",
    ),
    _readers(
        "repeat_agreement/preference",
        "agreement of readers with themselves on the most real image",
        _REPEATED,
        "higher",
        "share of the repeated questions with the same answer",
        "intra-reader agreement",
    ),
)

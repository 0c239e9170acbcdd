"""How probable it is that a published gain is none, given the printed numbers and how much such numbers vary."""

from __future__ import annotations

import math

from scipy.special import ndtr

from metrics.planning import Design, Spreads, standard_error


def false_claim(gain: float, spreads: Spreads, design: Design) -> float:
    """Return the probability, 0 to 1, that the true difference of two arms is 0 or of the other sign.

    Args:
        gain: the printed difference of the arms in the unit of the spreads, positive in the claimed direction.
        spreads: how much the metric varies between groups, trainings and generators; they count as known.
        design: how often the comparison repeated each of them, at least once; infinitely often leaves a source out.

    With a flat prior of the difference and a normal error, it is Φ(-gain / SE), where SE is the standard error of
    :func:`metrics.planning.standard_error`. The form is that of Claims Reloaded (Christodoulou et al., arXiv
    2505.04720), which counts the choice of test images only and takes the spread of their differences from the
    agreement ("congruence") of models; here the spread of the paired difference between groups is given. A gain of 0
    has a probability of .5, a NaN gain NaN.

    >>> spreads = Spreads(groups=0.02, training=0.01, generator=0.005)
    >>> round(false_claim(0.022, spreads, Design(groups=14, trainings=5, generators=1)), 4)
    0.0115
    >>> round(false_claim(0.003, spreads, Design(groups=14, trainings=float("inf"))), 4)  # test images only
    0.2873
    """
    se, _ = standard_error(spreads, design)
    if math.isnan(gain):
        return math.nan
    if se == 0:
        return 0.5 if gain == 0 else float(gain < 0)
    return float(ndtr(-gain / se))

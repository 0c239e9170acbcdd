"""What a comparison can find: the smallest difference that it would show with a given probability."""

from __future__ import annotations

from scipy.special import stdtrit


def smallest_detectable(se: float, dof: float, *, power: float = 0.8, level: float = 0.95) -> float:
    """Return the smallest difference whose interval excludes 0 with probability `power`.

    It is (t(dof, (1 + level) / 2) + t(dof, power)) · se, where t(dof, p) is the quantile of Student's distribution.

    Args:
        se: standard error of the difference, over all sources that its interval covers.
        dof: degrees of freedom of this error; infinite if the error is known.
        power: probability of finding a true difference of the returned size.
        level: coverage of the two-sided interval.

    >>> round(smallest_detectable(0.01, 10), 4), round(smallest_detectable(0.01, float("inf")), 4)
    (0.0311, 0.028)
    """
    return float((stdtrit(dof, (1 + level) / 2) + stdtrit(dof, power)) * se)

"""Values of the metrics of readers, for a better and a worse generator."""

import numpy as np

from metrics.groups import mean_statistics
from metrics.raters import fleiss_kappa
from metrics.readers import BALANCED, balanced_statistics, of_readers

WRONG = {"better": 0.1, "worse": 0.6}


def recognised(kind):
    """Readers of 200 images, half of them real: images that look real are recognised less often."""
    real = np.arange(200) < 100

    def value(which):
        rng = np.random.default_rng(4)
        right = rng.random((3, 200)) < {"better": 0.6, "worse": 0.9}[which]
        groups = [str(index) for index in range(200)]
        if kind == "turing_accuracy":
            answers = balanced_statistics(right.astype(float), real)
            return of_readers(answers, groups, BALANCED).these.value
        shown = {"turing_sensitivity": right[:, ~real], "turing_specificity": right[:, real]}.get(
            kind, ~right[:, ~real]
        )
        return of_readers(mean_statistics(shown.astype(float)), groups[:100]).these.value

    return value


def agreed(which):
    """Three raters of 50 items; the better ones agree more often."""
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 2, (50, 1))
    chosen = np.where(rng.random((50, 3)) < 1 - WRONG[which], truth, 1 - truth)
    return fleiss_kappa(np.stack([(chosen == value).sum(axis=1) for value in (0, 1)], axis=1))


def repeated(which):
    same = np.random.default_rng(6).random((3, 40)) < 1 - WRONG[which]
    return of_readers(mean_statistics(same.astype(float)), [str(index) for index in range(40)]).these.value


READERS = {
    **{name: recognised(name) for name in ("turing_accuracy", "turing_sensitivity", "turing_specificity")},
    "taken_for_real": recognised("taken_for_real"),
    "preference_share": repeated,
    **{f"fleiss_kappa/{task}": agreed for task in ("turing", "preference")},
    **{f"repeat_agreement/{task}": repeated for task in ("turing", "preference")},
}

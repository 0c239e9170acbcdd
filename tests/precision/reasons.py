"""Why a metric has no row of its own in docs/precision.md."""

from metrics.families import PUBLISHED

REASONS = {
    entry.id: f"is `{family}` on a published network, whose weights are not ours to ship; tests "
    "compare the network with its original, on random weights"
    for (family, _), entry in PUBLISHED.items()
}
REASONS |= dict.fromkeys(
    ("gan_test", "acceptance"), "is a share of counted images; its interval is compared with scipy's in the tests"
)
REASONS["fd_inf"] = "is extrapolated from `fd` of subsets; a test compares it with known normal distributions"
REASONS["test_copies"] = "is a share of counted images; tests plant copies of many kinds and count those found"
REASONS["test_nearness"] = "is a share of counted slides, with a permutation test; a test counts its false alarms"
REASONS["clip_similarity_shuffled"] = "is `clip_similarity` of images with the captions of others; a test pairs them"
REASONS |= dict.fromkeys(
    (
        *("turing_accuracy", "turing_sensitivity", "turing_specificity", "taken_for_real", "preference_share"),
        *("repeat_agreement/turing", "repeat_agreement/preference"),
    ),
    "is a share of counted answers; its exact interval is compared with statsmodels' in the tests",
)
REASONS |= dict.fromkeys(
    ("fleiss_kappa/turing", "fleiss_kappa/preference"), "is Fleiss' kappa; tests compare it with statsmodels'"
)

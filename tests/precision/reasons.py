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
REASONS["clip_similarity_shuffled"] = "is `clip_similarity` of images with the captions of others; a test pairs them"

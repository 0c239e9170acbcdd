"""What a user should know about a request that is valid: options that do less than one may think."""

from __future__ import annotations

from collections.abc import Iterator

from bench.run.resolve import Resolved


def remarks(resolved: Resolved) -> Iterator[str]:
    """Yield remarks on a request, before any work."""
    if resolved.request.generator_seeds is None:
        return
    for arm in resolved.subjects:
        if arm.ready is not None:
            yield f"--generator-seeds changes nothing for {arm.title}: the set was made elsewhere"
        elif not arm.method.parts():
            yield f"--generator-seeds changes only what {arm.title} draws: the method trains nothing"

"""What a user should know about a request that is valid: options that do less than one may think."""

from __future__ import annotations

from collections.abc import Iterator

from bench.importing.store import card_of, path_of_card
from bench.run.resolve import Resolved


def remarks(resolved: Resolved) -> Iterator[str]:
    """Yield remarks on a request, before any work."""
    request = resolved.request
    if request.synthetic is not None:
        given, own = card_of(request.store, resolved.card.name, request.synthetic), path_of_card(request.dataset)
        if given and own and given != own:
            yield f"the set {request.synthetic} was imported for the card {given}, and this run is of {own}"
    if request.generator_seeds is None:
        return
    for arm in resolved.subjects:
        if arm.ready is not None:
            yield f"--generator-seeds changes nothing for {arm.title}: the set was made elsewhere"
        elif not arm.method.parts():
            yield f"--generator-seeds changes only what {arm.title} draws: the method trains nothing"

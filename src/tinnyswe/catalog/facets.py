"""Facets: the words of a box, and the few that fit every box."""

from __future__ import annotations

from tinnyswe.model.lab import Box, Catalog

COMMON_FACETS = frozenset(
    {
        "contract",  # the plain promise, nothing disturbed
        "crash",  # a process or engine killed in the middle
        "economy",  # requests, bytes or operations bounded
        "errors",  # refusals and failures said the way the contract says
        "progress",  # work goes on while something else is held
        "prediction",  # an experiment's questions as a whole
        "secrecy",  # what must not leak
    }
)


def uncovered(catalog: Catalog, box: Box) -> tuple[str, ...]:
    """Return the facets no check of the box's core labs tests; empty while a core lab is not shipped."""
    if not catalog.shipped(box.id):
        return ()
    tested = {facet for lab in box.core for check in catalog.labs[lab].checks for facet in check.facets}
    return tuple(facet for facet in box.facets if facet not in tested)

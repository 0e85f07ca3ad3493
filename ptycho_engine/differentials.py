"""Extraction and placement as frameworks differentiate them: each is the adjoint of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .arrays.operation import Operation
from .request.extraction import ExtractionRequest
from .request.placement import PlacementRequest, adjoint_of, extraction_of

Forward = Callable[[], Any]
Extract = Callable[[ExtractionRequest], Any]
Place = Callable[[PlacementRequest], Any]
Differentiate = Callable[[ExtractionRequest, Any], Any]


def extraction(
    request: ExtractionRequest, forward: Forward, place: Place, differentiate: Differentiate
) -> Operation:
    """Describe an extraction.

    Parameters
    ----------
    request : ExtractionRequest
        Of arrays of the framework.
    forward : callable
        Returns its patches, in these arrays.
    place : callable
        What serves a placement in these arrays.
    differentiate : callable
        From an extraction and the gradient of its patches to that of the positions.

    Returns
    -------
    Operation
        Its values are the object.
    """
    return Operation(
        forward,
        lambda where, cotangent: place(adjoint_of(replace(request, positions=where), cotangent)),
        lambda image, where, cotangent: differentiate(
            replace(request, image=image, positions=where), cotangent
        ),
        steady=request.shared,
    )


def placement(
    request: PlacementRequest, forward: Forward, extract: Extract, differentiate: Differentiate
) -> Operation:
    """Describe a placement; the arguments are those of `extraction`, the adjoint an extraction.

    Returns
    -------
    Operation
        Its values are the patches. A loss changes with a position as ``<extract(G), y>`` does,
        where G is the gradient of the object and y the patches: the two are adjoint.
    """
    return Operation(
        forward,
        lambda where, cotangent: extract(
            extraction_of(replace(request, positions=where), cotangent)
        ),
        lambda patches, where, cotangent: differentiate(
            extraction_of(replace(request, positions=where), cotangent), patches
        ),
    )

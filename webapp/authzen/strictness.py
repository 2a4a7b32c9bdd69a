"""The standard's errors: whatever is malformed is 400, in whichever of our words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import Response

from engine.problems import BylawError, InvalidError
from webapp.api import dispatch
from webapp.api.operation import Operation
from webapp.problems import status_of

MALFORMED = "authzen.malformed"
ONE_OF_OURS = frozenset({406, 415, 422})
"""Statuses that the project's own API tells apart and the standard does not."""


def view_of(operation: Operation) -> Callable[..., Response]:
    """The function that Flask calls for an operation."""

    def view(**path: str) -> Response:
        try:
            return dispatch.answer(operation, path)
        except BylawError as error:
            if status_of(error) not in ONE_OF_OURS:
                raise
            raise InvalidError(replace(problem, code=MALFORMED) for problem in error.problems) from None

    return view

"""What a request needs from outside: the wiring and the instant. Kept on the application, never global."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from flask import current_app, g

from engine.service.rehearsal import rehearsed

if TYPE_CHECKING:
    from adapters.wiring import Wiring
    from engine.ports import Ports
    from webapp.violations import Told

EXTENSION = "bylaw"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """One for each application. `clock` gives the present instant in UTC; `document` is the OpenAPI document.

    `violations` knows which of those that browsers report were told.
    """

    wiring: Wiring
    clock: Callable[[], datetime]
    document: dict[str, Any]
    document_bytes: bytes
    violations: Told


def surroundings() -> Surroundings:
    """Those of the application that answers now."""
    return cast("Surroundings", current_app.extensions[EXTENSION])


def wiring() -> Wiring:
    """Everything that was built from the settings."""
    return surroundings().wiring


def ports() -> Ports:
    """What the use cases take."""
    return cast("Ports", g.ports) if "ports" in g else surroundings().wiring.ports


@contextmanager
def rehearsing() -> Iterator[None]:
    """Within the block use cases check and refuse as ever, and nothing that they do stays."""
    g.ports = rehearsed(surroundings().wiring.ports)
    try:
        yield
    finally:
        del g.ports


def now() -> datetime:
    """The request's one instant: the same for all that is done to answer it."""
    if "now" not in g:
        g.now = surroundings().clock()
    return cast("datetime", g.now)

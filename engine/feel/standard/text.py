"""Values of the standard's meaning as text."""

from __future__ import annotations

from typing import Any, cast

from engine.feel import text
from engine.feel.calendar import Calendar
from engine.feel.standard import temporal
from engine.feel.values import Fault


def literal(value: Any) -> str:
    """A value as FEEL writes it, with dates and durations as their plain text. Raises `Fault` `feel.size_limit`."""
    return text.literal(value, cast("Calendar", temporal))


def shown(value: Any) -> str:
    """A value for people to see, however long it is."""
    try:
        return literal(value)
    except Fault as fault:
        return f"... ({fault.message})"

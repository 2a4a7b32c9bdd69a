"""Values as text: what `string()` gives."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.feel.lexer import is_plain_name, quoted
from engine.feel.limits import MAX_TEXT_CHARACTERS
from engine.feel.standard.temporal import Date, DateTime, Duration, Time
from engine.feel.text import number_text
from engine.feel.values import Fault, Range, YearMonthDuration


def feel_text(value: Any) -> str:
    """What `string(value)` gives: texts as they are, everything else as FEEL writes it. Raises `Fault` if too long."""
    return value if isinstance(value, str) else literal(value)


def literal(value: Any) -> str:
    """A value as FEEL writes it, with dates and durations as their plain text. Raises `Fault` `feel.size_limit`."""
    return _literal(value, _Room())


def shown(value: Any) -> str:
    """A value for people to see, however long it is."""
    try:
        return literal(value)
    except Fault as fault:
        return f"... ({fault.message})"


class _Room:
    """The characters left for one text: a small value may share its parts so often that its text has no end."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_TEXT_CHARACTERS

    def take(self, text: str) -> str:
        self.left -= len(text) + 1
        if self.left < 0:
            raise Fault("feel.size_limit", f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
        return text


def _literal(value: Any, room: _Room) -> str:
    if isinstance(value, Mapping):
        entries = [f"{_key(key)}: {_literal(item, room)}" for key, item in value.items()]
        return f"{{{room.take(', '.join(entries))}}}"
    if isinstance(value, list | tuple):
        return f"[{room.take(', '.join([_literal(item, room) for item in value]))}]"
    return room.take(_simple(value))


def _simple(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Date | Time | DateTime | Duration | YearMonthDuration):
        return str(value)
    if isinstance(value, Range):
        return _range_text(value)
    return "function"


def _key(key: str) -> str:
    return key if is_plain_name(key) else quoted(key)


def _range_text(value: Range) -> str:
    opening, closing = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
    return f"{opening}{_end(value.low)}..{_end(value.high)}{closing}"


def _end(value: Any) -> str:
    if isinstance(value, Date | Time | DateTime | Duration | YearMonthDuration):
        return f'@"{value}"'
    return _simple(value)

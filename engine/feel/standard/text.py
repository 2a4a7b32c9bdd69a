"""Values as text: what `string()` gives."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.feel.lexer import is_plain_name, quoted
from engine.feel.standard.temporal import Date, DateTime, Duration, Time
from engine.feel.text import number_text
from engine.feel.values import Range, YearMonthDuration


def feel_text(value: Any) -> str:
    """What `string(value)` gives: texts as they are, everything else as FEEL writes it."""
    return value if isinstance(value, str) else literal(value)


def literal(value: Any) -> str:
    """A value as FEEL writes it, with dates and durations as their plain text."""
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
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_key(key)}: {literal(item)}' for key, item in value.items())}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return "function"


def _key(key: str) -> str:
    return key if is_plain_name(key) else quoted(key)


def _range_text(value: Range) -> str:
    opening, closing = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
    return f"{opening}{_end(value.low)}..{_end(value.high)}{closing}"


def _end(value: Any) -> str:
    if isinstance(value, Date | Time | DateTime | Duration | YearMonthDuration):
        return f'@"{value}"'
    return literal(value)

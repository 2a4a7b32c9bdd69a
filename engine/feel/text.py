"""Values as text: what `string()` gives, and values as literals of the language."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal

from engine.feel import temporal
from engine.feel.lexer import is_plain_name, quoted
from engine.feel.values import Range, Value, YearMonthDuration


def number_text(value: Decimal) -> str:
    """A number in plain digits; with an exponent only where plain digits would be absurdly long."""
    plain = value.as_tuple()
    exponent = plain.exponent
    if isinstance(exponent, int) and (exponent > 34 or value.adjusted() < -40):  # longer than any amount
        return str(value)
    return f"{value:f}"


def feel_text(value: Value) -> str:
    """What `string(value)` gives: texts as they are, everything else as FEEL writes it."""
    return value if isinstance(value, str) else literal(value)


def literal(value: Value) -> str:  # one line a kind of value reads best flat
    """A value as an expression that gives it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return number_text(value)
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, dt.date | dt.time | dt.timedelta | YearMonthDuration):
        return temporal.text_of(value)
    if isinstance(value, Range):
        opening, closing = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
        return f"{opening}{literal(value.low)}..{literal(value.high)}{closing}"
    if isinstance(value, Mapping):
        entries = (f"{key if is_plain_name(key) else quoted(key)}: {literal(item)}" for key, item in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(literal, value))}]"
    return "function"


def at_literal(value: Value) -> str:
    """A value as it is written in an expression; dates and durations as `@"..."`."""
    if isinstance(value, dt.date | dt.time | dt.timedelta | YearMonthDuration):
        return f'@"{temporal.text_of(value)}"'
    return literal(value)

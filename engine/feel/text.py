"""Values as text: what `string()` gives, and values as literals of the language."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, cast

from engine.feel import temporal
from engine.feel.calendar import Calendar
from engine.feel.lexer import is_plain_name, quoted
from engine.feel.limits import MAX_TEXT_CHARACTERS
from engine.feel.values import Fault, Range, Value, YearMonthDuration

_STRICT: Final = cast("Calendar", temporal)


def number_text(value: Decimal) -> str:
    """A number in plain digits; with an exponent only where plain digits would be absurdly long."""
    plain = value.as_tuple()
    exponent = plain.exponent
    if isinstance(exponent, int) and (exponent > 34 or value.adjusted() < -40):  # longer than any amount
        return str(value)
    return f"{value:f}"


def feel_text(value: Any, calendar: Calendar = _STRICT) -> str:
    """What `string(value)` gives: texts as they are, all else as FEEL writes it. Raises `Fault` if it is too long."""
    return value if isinstance(value, str) else literal(value, calendar)


def literal(value: Any, calendar: Calendar = _STRICT) -> str:
    """A value as FEEL writes it, dates and durations as their plain text. Raises `Fault` `feel.size_limit`."""
    return _Writer(calendar).written(value)


def at_literal(value: Value) -> str:
    """A value as it is written in an expression; dates and durations as `@"..."`."""
    return _Writer(_STRICT).end(value)


class _Writer:
    """Writes one value, within the limit: a small value may share its parts so often that its text has no end."""

    __slots__ = ("calendar", "left")

    def __init__(self, calendar: Calendar) -> None:
        self.calendar = calendar
        self.left = MAX_TEXT_CHARACTERS

    def take(self, text: str) -> str:
        self.left -= len(text) + 1
        if self.left < 0:
            raise Fault("feel.size_limit", f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
        return text

    def written(self, value: Any) -> str:
        if isinstance(value, Mapping):
            entries = [f"{_key(key)}: {self.written(item)}" for key, item in value.items()]
            return f"{{{self.take(', '.join(entries))}}}"
        if isinstance(value, list | tuple):
            return f"[{self.take(', '.join([self.written(item) for item in value]))}]"
        return self.take(self.simple(value))

    def simple(self, value: Any) -> str:
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, Decimal):
            return number_text(value)
        if isinstance(value, str):
            return quoted(value)
        if isinstance(value, Range):
            opening, closing = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
            return f"{opening}{self.end(value.low)}..{self.end(value.high)}{closing}"
        return self.calendar.text_of(value) if self.is_temporal(value) else "function"

    def end(self, value: Any) -> str:
        return f'@"{self.calendar.text_of(value)}"' if self.is_temporal(value) else self.simple(value)

    def is_temporal(self, value: Any) -> bool:
        return isinstance(value, YearMonthDuration) or type(value) in self.calendar.KINDS


def _key(key: str) -> str:
    return key if is_plain_name(key) else quoted(key)

"""Values the language adds to Python's own, the number context, and what kind of thing a value is."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Clamped, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Final, Protocol

from engine.feel.limits import MAX_EXPONENT, MIN_EXPONENT, NUMBER_DIGITS

NUMBERS: Final = Context(
    prec=NUMBER_DIGITS,
    rounding=ROUND_HALF_EVEN,
    Emin=MIN_EXPONENT,
    Emax=MAX_EXPONENT,
    capitals=1,
    clamp=0,
    flags=[],
    traps=[DivisionByZero, InvalidOperation, Overflow],
)
"""Decimal arithmetic as DMN defines it: 34 digits, half-even, never a NaN or infinity. Do not change its settings."""

_ = Clamped  # named so that readers see it is deliberately not trapped: a clamped exponent changes no value


@dataclass(frozen=True, slots=True, order=True)
class YearMonthDuration:
    """A number of whole months, negative for the past."""

    months: int

    @property
    def years(self) -> int:
        """Whole years, rounded towards zero."""
        return abs(self.months) // 12 * (1 if self.months >= 0 else -1)

    def __str__(self) -> str:
        years, months = divmod(abs(self.months), 12)
        sign = "-" if self.months < 0 else ""
        return f"{sign}P{f'{years}Y' if years else ''}{f'{months}M' if months or not years else ''}"


@dataclass(frozen=True, slots=True)
class Range:
    """An interval. A bound that is None is open to that side without end."""

    low: Value
    high: Value
    low_closed: bool = True
    high_closed: bool = True


class Function(Protocol):
    """A function as a value: what `function(x) x + 1` gives."""

    def __call__(self, *args: Value) -> Value:
        """Apply it."""


Value = (
    Decimal
    | str
    | bool
    | dt.date
    | dt.datetime
    | dt.time
    | dt.timedelta
    | YearMonthDuration
    | Range
    | Sequence["Value"]
    | Mapping[str, "Value"]
    | Function
    | None
)

Facts = Mapping[str, Value]

KINDS: Final[dict[type, str]] = {
    Decimal: "number",
    str: "string",
    bool: "boolean",
    type(None): "null",
    dt.date: "date",
    dt.datetime: "date and time",
    dt.time: "time",
    dt.timedelta: "days and time duration",
    YearMonthDuration: "years and months duration",
    Range: "range",
    tuple: "list",
    list: "list",
    dict: "context",
}


def kind_of(value: object) -> str:
    """FEEL's name for what a value is; `unknown` for what is no FEEL value (a float, an int)."""
    kind = KINDS.get(type(value))
    if kind is not None:
        return kind
    if isinstance(value, Mapping):
        return "context"
    return "function" if callable(value) else "unknown"


class Fault(Exception):  # noqa: N818  # it never leaves the language: evaluation turns it into an InvalidError with a place
    """Something that cannot be computed: division by zero, a bad date text, a limit reached."""

    def __init__(self, code: str, message: str, help: str = "") -> None:
        """`code` and `message` as in a `Problem`."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help
        self.span: tuple[int, int] | None = None

"""Numbers, dates and number formats as SpreadsheetML holds them (ECMA-376 part 1, 18.8.30 and 18.17.4)."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation
from typing import Final

_NUMBER: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_BINARY_DIGITS: Final = 15
"""A number with more digits was not typed but computed: spreadsheets show and take 15."""

_DATE_FORMATS: Final = frozenset(map(str, (*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59))))
_PERCENT_FORMATS: Final = frozenset(("9", "10"))
_NOT_SHOWN: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')
_SECONDS: Final = 86_400


def exact_number(text: str) -> Decimal | None:
    """The number that a cell's text stands for, None for what is no number.

    A text of more than 15 digits is a binary number that a spreadsheet wrote out, such as `0.30000000000000004`: of it
    the shortest decimal is taken that stands for the same binary number.
    """
    stripped = text.strip()
    if _NUMBER.fullmatch(stripped) is None:
        return None
    digits = stripped.lower().partition("e")[0].replace("-", "").replace(".", "").strip("0")
    try:
        number = Decimal(stripped) if len(digits) <= _BINARY_DIGITS else Decimal(repr(float(stripped)))
    except (InvalidOperation, OverflowError):
        return None
    return number if number.is_finite() else None


def is_date_format(number: str, code: str) -> bool:
    """Whether a number format shows a date or a time; `code` is the workbook's own for this number, if it has one."""
    if not code:
        return number in _DATE_FORMATS
    shown = _NOT_SHOWN.sub("", code).lower()
    return "general" not in shown and any(letter in shown for letter in "ymdhs")


def is_percentage(number: str, code: str) -> bool:
    """Whether a number format shows the number times 100."""
    return "%" in _NOT_SHOWN.sub("", code) if code else number in _PERCENT_FORMATS


def date_of(value: Decimal | str, *, since_1904: bool = False) -> dt.date | dt.time | dt.datetime | None:
    """A day, an instant without a zone, or a time of day below 1; to the second. None for what no calendar has.

    Days count from 1899-12-30; before March 1900 spreadsheets count a 29 February that there was not, so those days are
    refused rather than guessed. `value` may be an ISO text, as strict files have it.
    """
    try:
        if isinstance(value, str):
            found = dt.datetime.fromisoformat(value.strip())
            return found.date() if found.time() == dt.time() and "T" not in value else found
        days, part = divmod(value, 1)
        seconds = int((part * _SECONDS).to_integral_value())
        if value < 0 or (days == 0 and not part):
            return None
        if days == 0:
            return (dt.datetime(2000, 1, 1) + dt.timedelta(seconds=seconds)).time()  # noqa: DTZ001  # a time of day
        if days <= 60 and not since_1904:
            return None
        start = dt.datetime(1904, 1, 1) if since_1904 else dt.datetime(1899, 12, 30)  # noqa: DTZ001  # without a zone
        moment = start + dt.timedelta(days=int(days), seconds=seconds)
    except (ValueError, OverflowError):
        return None
    return moment if seconds else moment.date()

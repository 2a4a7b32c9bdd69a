"""Periods that people are paid for: a year, a quarter or a month, half-open `[from, to)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from engine.problems import InvalidError, Problem

_FORM = re.compile(r"(?P<year>[0-9]{4})(?:-(?:Q(?P<quarter>[1-4])|(?P<month>0[1-9]|1[0-2])))?\Z")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """`to` is the first day after the period; `label` is how people write it."""

    from_: date
    to: date
    label: str
    unit: Literal["month", "quarter", "year"]

    def to_json(self) -> dict[str, str]:
        """Shape: `{from, to, label}`, as the fact schema `payee-period/1` wants it."""
        return {"from": self.from_.isoformat(), "to": self.to.isoformat(), "label": self.label}


def parse_period(text: str) -> Period:
    """The period of `2017-Q3`, `2017-07` or `2017`. Raises `InvalidError` (`period.malformed`)."""
    found = _FORM.match(text)
    if found is None or not 1 <= int(found["year"]) <= 9998:
        raise InvalidError(
            Problem(
                "period.malformed",
                f"`{text[:40]}` is not a period",
                help="write a quarter as `2017-Q3`, a month as `2017-07`, a year as `2017`",
            )
        )
    year = int(found["year"])
    if found["quarter"]:
        return quarter(year, int(found["quarter"]))
    if found["month"]:
        month = int(found["month"])
        return Period(date(year, month, 1), _first_of(year, month + 1), text, "month")
    return Period(date(year, 1, 1), date(year + 1, 1, 1), text, "year")


def quarter(year: int, number: int) -> Period:
    """The quarter 1 to 4 of a year."""
    month = 3 * number - 2
    return Period(date(year, month, 1), _first_of(year, month + 3), f"{year}-Q{number}", "quarter")


def quarter_before(day: date) -> Period:
    """The last quarter that had ended on this day."""
    number = (day.month - 1) // 3
    return quarter(day.year, number) if number else quarter(day.year - 1, 4)


def _first_of(year: int, month: int) -> date:
    return date(year + 1, month - 12, 1) if month > 12 else date(year, month, 1)

"""Functions that make dates, times and durations, and ask about them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from engine.feel.calendar import Calendar
from engine.feel.functions.signature import Builtin, form, function
from engine.feel.operations import Budget, number
from engine.feel.types import ANY, DATE, DATE_TIME, NUMBER, STRING, TIME, YEARS_MONTHS_DURATION
from engine.feel.values import NUMBERS, Fault

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_DAY: Final = "date|date and time"
_CLOCK: Final = "hour: number, minute: number, second: number"
_MOMENT: Final = f"year: number, month: number, day: number, {_CLOCK}"


def dates(calendar: Calendar) -> tuple[Builtin, ...]:
    """The functions of this module over a mode's calendar."""

    def date(year: Decimal, month: Decimal, day: Decimal) -> Any:
        return calendar.date_of(_whole(year), _whole(month), _whole(day))

    def time(hour: Decimal, minute: Decimal, second: Decimal, offset: Any = None) -> Any:
        return clock((hour, minute, second), None if offset is None else calendar.offset_of(offset))

    def clock(parts: Sequence[Decimal], zone: Any = None) -> Any:
        hour, minute, second = parts
        return calendar.time_of(_whole(hour), _whole(minute), second, zone)

    def moment(*parts: Decimal) -> Any:
        return calendar.combine(date(*parts[:3]), clock(parts[3:]))

    def moment_at_offset(*parts: Decimal) -> Any:
        seconds = _whole(number(NUMBERS.multiply, parts[6], Decimal(3600)))
        return calendar.combine(date(*parts[:3]), clock(parts[3:6], calendar.zone_of_offset(seconds)))

    def moment_in_zone(*parts: Any) -> Any:
        return calendar.combine(date(*parts[:3]), clock(parts[3:6], calendar.zone_named(parts[6])))

    def now(run: Budget) -> Any:
        return calendar.from_python(run.now())

    day_of = calendar.day_of
    return (
        Builtin(
            "date",
            (
                form("from: string", DATE, calendar.date_from),
                form(f"from: {_DAY}", DATE, day_of, total=True),
                form("year: number, month: number, day: number", DATE, date),
            ),
        ),
        Builtin(
            "time",
            (
                form("from: string", TIME, calendar.time_from),
                form("from: time|date and time|date", TIME, calendar.clock_of, total=True),
                form(f"{_CLOCK}, offset?: days and time duration?", TIME, time),
            ),
        ),
        Builtin(
            "date and time",
            (
                form("from: string", DATE_TIME, calendar.date_time_from),
                form("from: date and time|date", DATE_TIME, calendar.moment_of, total=True),
                form(f"date: {_DAY}, time: time", DATE_TIME, calendar.combine, total=True),
                form(_MOMENT, DATE_TIME, moment),
                form(f"{_MOMENT}, hour offset: number", DATE_TIME, moment_at_offset),
                form(f"{_MOMENT}, timezone: string", DATE_TIME, moment_in_zone),
            ),
        ),
        function("duration", "from: string", ANY, calendar.duration_from),
        function(
            "years and months duration",
            f"from: {_DAY}, to: {_DAY}",
            YEARS_MONTHS_DURATION,
            lambda start, end: calendar.whole_months(day_of(start), day_of(end)),
        ),
        function("now", "", DATE_TIME, now, wants_run=True, reads_clock=True),
        function("today", "", DATE, lambda run: day_of(now(run)), wants_run=True, reads_clock=True),
        *(
            function(name, f"date: {_DAY}", result, call, total=True)
            for name, result, call in (
                ("day of week", STRING, lambda day: _DAYS[calendar.weekday(day_of(day)) - 1]),
                ("day of year", NUMBER, lambda day: Decimal(calendar.day_of_year(day_of(day)))),
                ("month of year", STRING, lambda day: _MONTHS[day_of(day).month - 1]),
                ("week of year", NUMBER, lambda day: Decimal(calendar.iso_week(day_of(day)))),
            )
        ),
    )


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value() or abs(value) > 10**18:  # further away than any part of a date
        raise Fault("feel.wrong_arguments", f"`{value}` is not a whole number of a date or time")
    return int(value)

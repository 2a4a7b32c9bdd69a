"""Dates, instants, times and durations as ISO 8601 texts write them; None for what is not one."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from engine.feel.values import YearMonthDuration

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})")
_TIME = re.compile(r"\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?([Zz]|[+-]\d{2}:\d{2})?")
_DAYS = re.compile(
    r"(?P<sign>-?)P(?=.)(?:(?P<days>\d{1,9})D)?"
    r"(?:T(?=.)(?:(?P<hours>\d{1,12})H)?(?:(?P<minutes>\d{1,12})M)?(?:(?P<seconds>\d{1,12}(?:\.\d{1,6})?)S)?)?"
)
_MONTHS = re.compile(r"(?P<sign>-?)P(?=.)(?:(?P<years>\d{1,9})Y)?(?:(?P<months>\d{1,9})M)?")


def parse_date(text: str) -> date | None:
    """`2026-10-01`."""
    try:
        return date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def parse_instant(text: str) -> datetime | None:
    """`2026-11-02T09:00:00Z` or with an offset; a local time without zone is no instant."""
    try:
        return datetime.fromisoformat(text.upper()) if _INSTANT.fullmatch(text) else None
    except ValueError:
        return None


def parse_time(text: str) -> time | None:
    """`09:30`, `09:30:00`, with or without an offset."""
    try:
        return time.fromisoformat(text.upper()) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def parse_duration(text: str) -> timedelta | None:
    """A days and time duration: `P14D`, `PT1H30M`, `-P1DT2H`."""
    found = _DAYS.fullmatch(text)
    if found is None:
        return None
    seconds, _, fraction = (found["seconds"] or "0").partition(".")
    try:
        made = timedelta(
            days=int(found["days"] or 0),
            hours=int(found["hours"] or 0),
            minutes=int(found["minutes"] or 0),
            seconds=int(seconds),
            microseconds=int(fraction.ljust(6, "0")) if fraction else 0,
        )
    except OverflowError:
        return None
    return -made if found["sign"] else made


def parse_months(text: str) -> YearMonthDuration | None:
    """A years and months duration: `P1Y6M`."""
    found = _MONTHS.fullmatch(text)
    if found is None:
        return None
    months = int(found["years"] or 0) * 12 + int(found["months"] or 0)
    return YearMonthDuration(-months if found["sign"] else months)

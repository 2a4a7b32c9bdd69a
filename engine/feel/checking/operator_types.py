"""The types of operators and of the parts of values, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.feel import syntax
from engine.feel.types import (
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    Type,
)

_CLOCK_PARTS: Final = {
    "hour": NUMBER,
    "minute": NUMBER,
    "second": NUMBER,
    "time offset": DAYS_TIME_DURATION,
    "timezone": STRING,
}
_DAY_PARTS: Final = {"year": NUMBER, "month": NUMBER, "day": NUMBER, "weekday": NUMBER}
PROPERTIES: Final[Mapping[Type, Mapping[str, Type]]] = {
    DATE: _DAY_PARTS,
    TIME: _CLOCK_PARTS,
    DATE_TIME: {**_DAY_PARTS, **_CLOCK_PARTS, "date": DATE, "time": TIME},
    DAYS_TIME_DURATION: {"days": NUMBER, "hours": NUMBER, "minutes": NUMBER, "seconds": NUMBER},
    YEARS_MONTHS_DURATION: {"years": NUMBER, "months": NUMBER},
}
"""The parts of temporal values."""
NULLABLE_PARTS: Final = {"time offset", "timezone"}
RANGE_PROPERTIES: Final = ("start", "end", "start included", "end included")
PROPERTY_NAMES: Final = ("time offset", "start included", "end included")
"""The properties of several words, for the parser."""

DURATIONS: Final = (DAYS_TIME_DURATION, YEARS_MONTHS_DURATION)
ARITHMETIC: Final[Mapping[tuple[str, Type, Type], Type]] = {
    **{(op, NUMBER, NUMBER): NUMBER for op in syntax.ARITHMETIC},
    ("+", STRING, STRING): STRING,
    **{(op, d, d): d for op in "+-" for d in DURATIONS},
    **{(op, t, DAYS_TIME_DURATION): t for op in "+-" for t in (DATE, DATE_TIME, TIME)},
    **{(op, t, YEARS_MONTHS_DURATION): t for op in "+-" for t in (DATE, DATE_TIME)},
    **{("+", DAYS_TIME_DURATION, t): t for t in (DATE, DATE_TIME, TIME)},
    **{("+", YEARS_MONTHS_DURATION, t): t for t in (DATE, DATE_TIME)},
    **{("-", a, b): DAYS_TIME_DURATION for a in (DATE, DATE_TIME) for b in (DATE, DATE_TIME)},
    ("-", TIME, TIME): DAYS_TIME_DURATION,
    **{(op, d, NUMBER): d for op in "*/" for d in DURATIONS},
    **{("*", NUMBER, d): d for d in DURATIONS},
    **{("/", d, d): NUMBER for d in DURATIONS},
}

"""Dates, times and durations with the range and exactness that the standard asks for.

Years go from -999,999,999 to 999,999,999, time is counted in nanoseconds, zones are offsets or names. The calendar is
the proleptic Gregorian one of ISO 8601. The module is the standard mode's calendar (`engine.feel.calendar`).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from engine.feel.calendar import NO_PART
from engine.feel.values import NUMBERS, Fault, YearMonthDuration

MAX_YEAR: Final = 999_999_999
SECOND: Final = 1_000_000_000
DAY: Final = 86_400 * SECOND
"""Nanoseconds in a second and in a day."""
_MAX_NANOSECONDS: Final = 2 * (MAX_YEAR + 1) * 366 * DAY  # longer than from the first date to the last
_UNIX_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAY_OF_TIMES: Final = dt.date(2000, 1, 1).toordinal() - _UNIX_EPOCH

_YEAR = r"(-?(?:[1-9][0-9]{4,8}|[0-9]{4}))"
_DATE: Final = re.compile(_YEAR + r"-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?|@[A-Za-z0-9_+\-/]{1,64})?"
)
_END_OF_DAY: Final = re.compile(r"24:00:00(\.0+)?(?![.0-9])")
_DAYS: Final = re.compile(
    r"(-)?P(?:([0-9]{1,18})D)?(?:T(?:([0-9]{1,18})H)?(?:([0-9]{1,18})M)?(?:([0-9]{1,18})(?:\.([0-9]*))?S)?)?"
)
_MONTHS: Final = re.compile(r"(-)?P(?:([0-9]{1,18})Y)?(?:([0-9]{1,18})M)?")


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone: a fixed offset in seconds east of Greenwich, or a name of the time zone database."""

    offset: int = 0
    name: str = ""

    def seconds(self, day_number: int, second: int) -> int | None:
        """The offset in seconds at a local time: `day_number` days after 1970-01-01 and `second` of that day."""
        if not self.name:
            return self.offset
        # The calendar repeats every 400 years, and so do the zone's last rules.
        ordinal = day_number + _UNIX_EPOCH
        if ordinal > 3_000_000:  # the year 8214
            ordinal = 2_500_000 + (ordinal - 2_500_000) % 146_097
        moment = dt.datetime.combine(dt.date.fromordinal(max(2, ordinal)), dt.time()) + dt.timedelta(seconds=second)
        offset = _named_zone(self.name).utcoffset(moment)
        return None if offset is None else int(offset.total_seconds())

    def __str__(self) -> str:
        if self.name:
            return f"@{self.name}"
        if not self.offset:
            return "Z"
        total = abs(self.offset)
        tail = f":{total % 60:02}" if total % 60 else ""
        return f"{'-' if self.offset < 0 else '+'}{total // 3600:02}:{total // 60 % 60:02}{tail}"


UTC: Final = Zone()


@lru_cache(maxsize=256)
def _named_zone(name: str) -> dt.tzinfo:
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # rarely needed, and it keeps the import light

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Fault("feel.bad_zone", f"`{name}` is not a known time zone", "for instance `Europe/Berlin`") from None


@dataclass(frozen=True, slots=True)
class Date:
    """A calendar date."""

    year: int
    month: int
    day: int

    @property
    def number(self) -> int:
        """Days since 1970-01-01."""
        year = self.year - (self.month <= 2)  # the computed year begins in March
        era, within = divmod(year, 400)
        of_year = (153 * ((self.month + 9) % 12) + 2) // 5 + self.day - 1
        return era * 146_097 + within * 365 + within // 4 - within // 100 + of_year - 719_468

    @property
    def weekday(self) -> int:
        """1 for Monday to 7 for Sunday."""
        return (self.number + 3) % 7 + 1

    def __str__(self) -> str:
        return f"{'-' if self.year < 0 else ''}{abs(self.year):04}-{self.month:02}-{self.day:02}"


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day in nanoseconds since midnight, with its zone if it has one."""

    nanoseconds: int
    zone: Zone | None = None

    @property
    def hour(self) -> int:
        """0 to 23."""
        return self.nanoseconds // (3600 * SECOND)

    @property
    def minute(self) -> int:
        """0 to 59."""
        return self.nanoseconds // (60 * SECOND) % 60

    @property
    def second(self) -> Decimal:
        """0 to 59, with its fraction."""
        whole, fraction = divmod(self.nanoseconds % (60 * SECOND), SECOND)
        return Decimal(whole) if not fraction else _seconds(whole * SECOND + fraction)

    @property
    def offset(self) -> int | None:
        """Seconds east of Greenwich; of a named zone those of a winter day in 2000, since a time alone has no day."""
        if self.zone is None:
            return None
        return self.zone.seconds(_DAY_OF_TIMES, self.nanoseconds // SECOND)

    @property
    def utc(self) -> int:
        """Nanoseconds since midnight in Greenwich; as it is for a local time."""
        return self.nanoseconds - (self.offset or 0) * SECOND

    def __str__(self) -> str:
        whole, fraction = divmod(self.nanoseconds, SECOND)
        tail = f".{fraction:09}".rstrip("0") if fraction else ""
        return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{tail}{self.zone or ''}"


@dataclass(frozen=True, slots=True)
class DateTime:
    """A date and a time of that day."""

    date: Date
    time: Time

    @property
    def offset(self) -> int | None:
        """Seconds east of Greenwich, or None for a local time."""
        zone = self.time.zone
        return None if zone is None else zone.seconds(self.date.number, self.time.nanoseconds // SECOND)

    @property
    def instant(self) -> int:
        """Nanoseconds since 1970-01-01T00:00:00, in Greenwich if it has a zone."""
        return self.date.number * DAY + self.time.nanoseconds - (self.offset or 0) * SECOND

    def __str__(self) -> str:
        return f"{self.date}T{self.time}"


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A length of time in nanoseconds, negative for the past."""

    nanoseconds: int

    def __str__(self) -> str:
        length = abs(self.nanoseconds)
        if not length:
            return "PT0S"
        days, rest = divmod(length, DAY)
        whole, fraction = divmod(rest, SECOND)
        hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
        clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
        if seconds or fraction:
            clock += f"{seconds}{f'.{fraction:09}'.rstrip('0') if fraction else ''}S"
        return f"{'-' if self.nanoseconds < 0 else ''}P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


KINDS: Final[Mapping[type, str]] = {
    Date: "date",
    Time: "time",
    DateTime: "date and time",
    Duration: "days and time duration",
}
"""The classes of temporal values, with FEEL's names for them."""


def _seconds(nanoseconds: int) -> Decimal:
    return Decimal(f"{nanoseconds // SECOND}.{nanoseconds % SECOND:09}".rstrip("0"))


# -- making


def date_of(year: int, month: int, day: int) -> Date:
    """A date by its numbers. Raises `Fault` `feel.bad_date`."""
    if abs(year) > MAX_YEAR or not 1 <= month <= 12 or not 1 <= day <= _days_in(year, month):
        raise Fault("feel.bad_date", f"there is no date `{year}-{month}-{day}`", "the day must exist in the month")
    return Date(year, month, day)


def _days_in(year: int, month: int) -> int:
    if month == 2:  # February
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31


def date_at(number: int) -> Date:
    """The date `number` days after 1970-01-01. Raises `Fault` `feel.date_range`."""
    era, of_era = divmod(number + 719_468, 146_097)
    within = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * within + within // 4 - within // 100)
    shifted = (5 * of_year + 2) // 153
    month = (shifted + 2) % 12 + 1
    year = era * 400 + within + (month <= 2)  # the computed year begins in March
    if abs(year) > MAX_YEAR:
        raise Fault("feel.date_range", "the date is out of range", f"years go from -{MAX_YEAR} to {MAX_YEAR}")
    return Date(year, month, of_year - (153 * shifted + 2) // 5 + 1)


def time_of(hour: int, minute: int, second: Decimal, zone: Zone | None = None) -> Time:
    """A time by its numbers. Raises `Fault` `feel.bad_time`."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second < 60):  # the clock's own bounds
        raise Fault("feel.bad_time", "there is no such time", "hours go to 23, minutes and seconds to 59")
    return Time((hour * 3600 + minute * 60) * SECOND + int(NUMBERS.scaleb(second, Decimal(9))), zone)


def duration_of(nanoseconds: int) -> Duration:
    """A duration. Raises `Fault` `feel.date_range`."""
    if abs(nanoseconds) > _MAX_NANOSECONDS:
        raise Fault("feel.date_range", "the duration is too long", "it must fit between the first date and the last")
    return Duration(nanoseconds)


def months_of(months: int) -> YearMonthDuration:
    """A duration of months. Raises `Fault` `feel.date_range`."""
    if abs(months) > 24 * MAX_YEAR:
        raise Fault("feel.date_range", "the duration is too long", "it must fit between the first date and the last")
    return YearMonthDuration(months)


def zone_of_offset(seconds: int) -> Zone:
    """A zone of a fixed offset. Raises `Fault` `feel.bad_zone`."""
    if abs(seconds) > 18 * 3600:  # the widest offset of the standard's Java heritage
        raise Fault("feel.bad_zone", "there is no such time offset", "offsets go from -18:00 to +18:00")
    return Zone(seconds)


def zone_named(name: str) -> Zone:
    """A zone of the time zone database. Raises `Fault` `feel.bad_zone`."""
    _named_zone(name)
    return Zone(name=name)


def offset_of(length: Duration) -> Zone:
    """The zone whose offset is a duration. Raises `Fault` `feel.bad_zone`."""
    return zone_of_offset(length.nanoseconds // SECOND)


def from_python(value: dt.datetime) -> DateTime:
    """A Python datetime with an offset, or without one."""
    nanoseconds = ((value.hour * 60 + value.minute) * 60 + value.second) * SECOND + value.microsecond * 1000
    offset = value.utcoffset()
    zone = None if offset is None else Zone(int(offset.total_seconds()))
    key = getattr(value.tzinfo, "key", None)
    return DateTime(
        Date(value.year, value.month, value.day), Time(nanoseconds, Zone(name=key) if key and key != "UTC" else zone)
    )


# -- from text


def date_from(text: str) -> Date:
    """`2026-11-02`. Raises `Fault` `feel.bad_date`."""
    match = _DATE.fullmatch(text)
    if match is None or match[1] == "-0000":
        raise Fault("feel.bad_date", f"`{text[:60]}` is not a date", "dates are written `2026-11-02`")
    return date_of(*map(int, match.groups()))


def time_from(text: str) -> Time:
    """`09:30:00`, `09:30:00.5Z`, `09:30:00@Europe/Berlin`. Raises `Fault` `feel.bad_time`."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise Fault("feel.bad_time", f"`{text[:60]}` is not a time", "times are written `09:30:00`")
    hour, minute, second, fraction, zone = match.groups()
    return time_of(int(hour), int(minute), Decimal(f"{second}.{(fraction or '0')[:9]}"), _zone_from(zone))


def _zone_from(text: str | None) -> Zone | None:
    if not text:
        return None
    if text in {"Z", "z"}:
        return UTC
    if text[0] == "@":
        return zone_named(text[1:])
    hours, minutes, *seconds = map(int, text[1:].split(":"))
    if minutes > 59 or (seconds and seconds[0] > 59):  # the clock's own bounds
        raise Fault("feel.bad_zone", f"`{text}` is not a time offset")
    total = hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)
    return zone_of_offset(-total if text[0] == "-" else total)


def date_time_from(text: str) -> DateTime:
    """`2026-11-02T09:30:00Z`; a date alone is its midnight. Raises `Fault`."""
    day, separator, clock = text.partition("T")
    if _END_OF_DAY.match(clock):  # the last moment of a day is the first of the next
        start = time_from(f"00{clock[2:]}")
        return DateTime(date_at(date_from(day).number + 1), start)
    return DateTime(date_from(day), time_from(clock) if separator else Time(0))


def duration_from(text: str) -> Duration | YearMonthDuration:
    """`P1DT2H` or `P1Y6M`. Raises `Fault` `feel.bad_duration`."""
    months = _MONTHS.fullmatch(text)
    if months is not None and (months[2] or months[3]):
        total = int(months[2] or 0) * 12 + int(months[3] or 0)
        return months_of(-total if months[1] else total)
    days = _DAYS.fullmatch(text)
    if days is None or not any(part is not None for part in days.groups()[1:5]) or text.endswith("T"):
        raise Fault("feel.bad_duration", f"`{text[:60]}` is not a duration", "for instance `P14D`, `PT8H` or `P1Y6M`")
    sign, day, hour, minute, second, fraction = days.groups()
    whole = ((int(day or 0) * 24 + int(hour or 0)) * 60 + int(minute or 0)) * 60 + int(second or 0)
    length = whole * SECOND + int(((fraction or "") + "000000000")[:9])
    return duration_of(-length if sign else length)


Temporal = Date | Time | DateTime | Duration | YearMonthDuration


def temporal_from(text: str) -> Temporal:
    """The value of `@"text"`. Raises `Fault`."""
    if text[:1] == "P" or text[:2] == "-P":
        return duration_from(text)
    if text[2:3] == ":":
        return time_from(text)
    return date_time_from(text) if "T" in text else date_from(text)


def text_of(value: Temporal) -> str:
    """The text that a value can be read from again."""
    return str(value)


# -- parts


def day_of(value: Date | DateTime) -> Date:
    """The date of a date, or of a date and time."""
    return value.date if isinstance(value, DateTime) else value


def clock_of(value: Date | Time | DateTime) -> Time:
    """The time of a time or of a date and time; of a date its midnight in Greenwich."""
    if isinstance(value, Date):
        return Time(0, UTC)
    return value.time if isinstance(value, DateTime) else value


def combine(day: Date | DateTime, clock: Time) -> DateTime:
    """A date and time of a date and a time."""
    return DateTime(day_of(day), clock)


def moment_of(value: Date | DateTime) -> DateTime:
    """A date and time as it is, a date as its local midnight."""
    return value if isinstance(value, DateTime) else midnight(value)


def number_of(day: Date) -> int:
    """Days since 1970-01-01."""
    return day.number


def weekday(day: Date) -> int:
    """1 for Monday to 7 for Sunday."""
    return day.weekday


def day_of_year(day: Date) -> int:
    """1 to 366."""
    return day.number - Date(day.year, 1, 1).number + 1


def part(value: Any, name: str) -> Any:
    """A part of a temporal value by its name, or `NO_PART`."""
    match value:
        case Date():
            return _date_part(value, name)
        case DateTime():
            found = _date_part(value.date, name)
            return _clock_part(value.time, value.offset, name) if found is NO_PART else found
        case Time():
            return NO_PART if name == "time" else _clock_part(value, value.offset, name)
        case Duration():
            return _duration_part(value, name)
    return NO_PART


def _date_part(value: Date, name: str) -> Any:
    match name:
        case "year" | "month" | "day" | "weekday":
            return Decimal(getattr(value, name))
        case "date":
            return value
    return NO_PART


def _clock_part(value: Time, offset: int | None, name: str) -> Any:
    match name:
        case "hour" | "minute":
            return Decimal(getattr(value, name))
        case "second":
            return value.second
        case "time offset":
            return None if offset is None else Duration(offset * SECOND)
        case "timezone":
            return value.zone.name or None if value.zone else None
        case "time":
            return value
    return NO_PART


def _duration_part(value: Duration, name: str) -> Any:
    sign = -1 if value.nanoseconds < 0 else 1
    rest = abs(value.nanoseconds)
    match name:
        case "days":
            return Decimal(sign * (rest // DAY))
        case "hours":
            return Decimal(sign * (rest // (3600 * SECOND) % 24))
        case "minutes":
            return Decimal(sign * (rest // (60 * SECOND) % 60))
        case "seconds":
            return sign * Time(rest % DAY).second
    return NO_PART


def order_keys(left: Any, right: Any) -> tuple[Any, Any]:
    """What decides the order of two values of one kind. Raises `Fault` `feel.mixed_zones`."""
    if (_zone(left) is None) != (_zone(right) is None):
        raise mixed_zones()
    return _key(left), _key(right)


def _key(value: Any) -> Any:
    match value:
        case DateTime():
            return value.instant
        case Date():
            return value.number
        case Time():
            return value.utc
    return value


def _zone(value: Any) -> Zone | None:
    if isinstance(value, DateTime):
        return value.time.zone
    return value.zone if isinstance(value, Time) else None


def same_moment(left: Any, right: Any) -> bool:
    """Whether two values of one kind are equal; a local time never is to one with a zone."""
    if (_zone(left) is None) != (_zone(right) is None):
        return False
    if isinstance(left, Time):
        return bool(left.utc % DAY == right.utc % DAY)
    return bool(_key(left) == _key(right))


# -- arithmetic

D = TypeVar("D", Date, DateTime)


def add_months(value: D, duration: YearMonthDuration) -> D:
    """A date or date and time moved by months; a day the month lacks becomes its last day. Raises `Fault`."""
    day = value.date if isinstance(value, DateTime) else value
    year, month = divmod(day.year * 12 + day.month - 1 + duration.months, 12)
    if abs(year) > MAX_YEAR:
        raise Fault("feel.date_range", "the date is out of range", f"years go from -{MAX_YEAR} to {MAX_YEAR}")
    moved = Date(year, month + 1, min(day.day, _days_in(year, month + 1)))
    if isinstance(value, DateTime):
        return replace(value, date=moved)
    return moved


def add_duration(value: Date | Time | DateTime, length: Duration) -> Date | Time | DateTime:
    """A date, time or date and time moved by a duration; times wrap at midnight. Raises `Fault`."""
    if isinstance(value, Time):
        return replace(value, nanoseconds=(value.nanoseconds + length.nanoseconds) % DAY)
    if isinstance(value, Date):
        return date_at((value.number * DAY + length.nanoseconds) // DAY)
    day, rest = divmod(value.date.number * DAY + value.time.nanoseconds + length.nanoseconds, DAY)
    return DateTime(date_at(day), Time(rest, value.time.zone))


def add_lengths(left: Duration, right: Duration) -> Duration:
    """The sum of two durations. Raises `Fault` `feel.date_range`."""
    return duration_of(left.nanoseconds + right.nanoseconds)


def negated(length: Duration) -> Duration:
    """A duration the other way round."""
    return Duration(-length.nanoseconds)


def scale(length: Duration, factor: Decimal) -> Duration:
    """A duration times a number, to the nanosecond, half-even. Raises `Fault` and decimal's own signals."""
    return _length(NUMBERS.multiply(units(length), factor))


def divided(length: Duration, divisor: Decimal) -> Duration:
    """A duration divided by a number that is not zero, to the nanosecond, half-even. Raises as `scale` does."""
    return _length(NUMBERS.divide(units(length), divisor))


def _length(exact: Decimal) -> Duration:
    return duration_of(int(exact.to_integral_value(rounding=ROUND_HALF_EVEN)))


def units(length: Duration) -> Decimal:
    """A duration's length in nanoseconds."""
    return Decimal(length.nanoseconds)


def midnight(day: Date, zone: Zone | None = None) -> DateTime:
    """The beginning of a day."""
    return DateTime(day, Time(0, zone))


def between(later: Date | Time | DateTime, earlier: Date | Time | DateTime) -> Duration:
    """`later - earlier`; a date counts as its midnight in Greenwich where the other has a time. Raises `Fault`."""
    if isinstance(later, Time) and isinstance(earlier, Time):
        if (later.zone is None) != (earlier.zone is None):
            raise mixed_zones()
        return Duration(later.utc - earlier.utc)
    if isinstance(later, Time) or isinstance(earlier, Time):
        raise Fault("feel.wrong_type", "a time can only be subtracted from a time")
    left, right = _instant(later, earlier), _instant(earlier, later)
    if (left.time.zone is None) != (right.time.zone is None):
        raise mixed_zones()
    return duration_of(left.instant - right.instant)


def _instant(value: Date | DateTime, other: Date | DateTime) -> DateTime:
    if isinstance(value, DateTime):
        return value
    return midnight(value, UTC if isinstance(other, DateTime) else None)


def mixed_zones() -> Fault:
    """The fault of comparing a local time with one that has a zone."""
    return Fault("feel.mixed_zones", "a local time cannot be compared with one that has a zone", "give both a zone")


def whole_months(start: Date | DateTime, end: Date | DateTime) -> YearMonthDuration:
    """Whole months from the day of `start` to that of `end`, rounded towards zero."""
    first, last = (value.date if isinstance(value, DateTime) else value for value in (start, end))
    if last.number < first.number:
        return YearMonthDuration(-whole_months(last, first).months)
    months = (last.year - first.year) * 12 + last.month - first.month
    return YearMonthDuration(months - (1 if last.day < first.day else 0))


def iso_week(day: Date) -> int:
    """The week of the year, 1 to 53, as ISO 8601 counts."""
    thursday = date_at(day.number + 4 - day.weekday)
    return (thursday.number - Date(thursday.year, 1, 1).number) // 7 + 1

"""Dates, times and durations: from text, to text, and arithmetic.

Text forms are those of ISO 8601 as FEEL restricts them: `2026-11-02`, `09:00:00`, `09:00:00Z`, `09:00:00+02:00`,
`09:00:00@Europe/Berlin`, `2026-11-02T09:00:00Z`, `P1DT2H`, `P1Y6M`. The module is the strict language's calendar
(`engine.feel.calendar`): values are Python's own.
"""

from __future__ import annotations

import calendar
import datetime as dt
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from engine.feel.calendar import NO_PART
from engine.feel.values import NUMBERS, Fault, Value, YearMonthDuration

KINDS: Final[Mapping[type, str]] = {
    dt.date: "date",
    dt.time: "time",
    dt.datetime: "date and time",
    dt.timedelta: "days and time duration",
}
"""The classes of temporal values, with FEEL's names for them."""

_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME: Final = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2}(?::[0-9]{2})?|@[A-Za-z0-9_+\-/]{1,64})?"
)
_DAYS: Final = re.compile(
    r"(-)?P(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,12})H)?(?:([0-9]{1,12})M)?(?:([0-9]{1,12})(?:\.([0-9]{1,9}))?S)?)?"
)
_MONTHS: Final = re.compile(r"(-)?P(?:([0-9]{1,9})Y)?(?:([0-9]{1,9})M)?")
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_MIDNIGHT: Final = dt.time()


def date_from(text: str) -> dt.date:
    """`2026-11-02` as a date. Raises `Fault` `feel.bad_date`."""
    match = _DATE.fullmatch(text)
    if match is None:
        raise Fault("feel.bad_date", f"`{text[:60]}` is not a date", "dates are written `2026-11-02`")
    return date_of(*map(int, match.groups()))


def date_of(year: int, month: int, day: int) -> dt.date:
    """A date by its numbers. Raises `Fault` `feel.bad_date`."""
    try:
        return dt.date(year, month, day)
    except (ValueError, OverflowError):
        raise Fault(
            "feel.bad_date",
            f"there is no date `{year:04}-{month:02}-{day:02}`",
            "months go from 1 to 12, years from 1 to 9999, and the day must exist in the month",
        ) from None


def time_from(text: str) -> dt.time:
    """`09:30:00`, with an offset or zone if given. Raises `Fault` `feel.bad_time`."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise Fault(
            "feel.bad_time",
            f"`{text[:60]}` is not a time",
            "times are written `09:30:00`, `09:30:00Z` or `09:30:00+02:00`",
        )
    hour, minute, second, fraction, zone = match.groups()
    return time_of(int(hour), int(minute), Decimal(f"{second}.{(fraction or '')[:6]}"), zone_from(zone))


def time_of(hour: int, minute: int, second: Decimal, zone: dt.tzinfo | None = None) -> dt.time:
    """A time by its numbers, to the microsecond. Raises `Fault` `feel.bad_time`."""
    if not (0 <= hour <= 23 and 0 <= minute <= 59 and 0 <= second < 60):  # the clock's own bounds
        raise Fault(
            "feel.bad_time",
            f"there is no time `{hour:02}:{minute:02}:{second:02}`",
            "hours go to 23, minutes and seconds to 59",
        )
    return dt.time(hour, minute, int(second), int(second % 1 * 1_000_000), zone)


def zone_from(text: str | None) -> dt.tzinfo | None:
    """`Z`, `+02:00` or `@Europe/Berlin` as a zone. Raises `Fault` `feel.bad_zone`."""
    if not text:
        return None
    if text == "Z":
        return dt.UTC
    if text[0] == "@":
        return zone_named(text[1:])
    hours, minutes, *seconds = map(int, text[1:].split(":"))
    if minutes > 59 or (seconds and seconds[0] > 59):  # the clock's own bounds
        raise Fault("feel.bad_zone", f"`{text}` is not a time offset", "offsets go from -18:00 to +18:00")
    total = hours * 3600 + minutes * 60 + (seconds[0] if seconds else 0)
    return zone_of_offset(-total if text[0] == "-" else total)


def zone_named(name: str) -> dt.tzinfo:
    """A zone of the time zone database. Raises `Fault` `feel.bad_zone`."""
    from zoneinfo import ZoneInfo  # noqa: PLC0415  # rarely needed, and it keeps the import light

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise Fault(
            "feel.bad_zone", f"`{name[:60]}` is not a known time zone", "for instance `Europe/Berlin`"
        ) from None


def zone_of_offset(seconds: int) -> dt.tzinfo:
    """A zone of a fixed offset. Raises `Fault` `feel.bad_zone`."""
    if abs(seconds) > 18 * 3600:  # the widest offset of the standard's Java heritage
        raise Fault("feel.bad_zone", "there is no such time offset", "offsets go from -18:00 to +18:00")
    return dt.timezone(dt.timedelta(seconds=seconds)) if seconds else dt.UTC


def offset_of(length: dt.timedelta) -> dt.tzinfo:
    """The zone whose offset is a duration. Raises `Fault` `feel.bad_zone`."""
    return zone_of_offset(length // dt.timedelta(seconds=1))


def date_time_from(text: str) -> dt.datetime:
    """`2026-11-02T09:00:00Z`; a date alone is its midnight. Raises `Fault` `feel.bad_date_time` and the like."""
    day, separator, clock = text.partition("T")
    if not separator:
        return dt.datetime.combine(date_from(text), _MIDNIGHT)
    return dt.datetime.combine(date_from(day), time_from(clock))


def duration_from(text: str) -> dt.timedelta | YearMonthDuration:
    """`P1DT2H` or `P1Y6M`. Raises `Fault` `feel.bad_duration`."""
    months = _MONTHS.fullmatch(text)
    if months is not None and (months[2] or months[3]):
        total = int(months[2] or 0) * 12 + int(months[3] or 0)
        return YearMonthDuration(-total if months[1] else total)
    days = _DAYS.fullmatch(text)
    if days is None or not any(days.groups()[1:5]) or text.endswith("T"):
        raise Fault(
            "feel.bad_duration",
            f"`{text[:60]}` is not a duration",
            "durations are written `P14D` (days), `PT8H` (hours), `P1M` (months) or `P1Y6M`",
        )
    sign, day, hour, minute, second, fraction = days.groups()
    try:
        length = dt.timedelta(
            days=int(day or 0),
            hours=int(hour or 0),
            minutes=int(minute or 0),
            seconds=int(second or 0),
            microseconds=int(((fraction or "") + "000000")[:6]),
        )
    except OverflowError:
        raise Fault("feel.date_range", f"the duration `{text[:60]}` is too long", "days go to 999999999") from None
    return -length if sign else length


def temporal_from(text: str) -> Value:
    """The value of `@"text"`. Raises `Fault`."""
    if text[:1] == "P" or text[:2] == "-P":
        return duration_from(text)
    if "T" in text and _DATE.match(text):
        return date_time_from(text)
    if text[2:3] == ":":
        return time_from(text)
    if _DATE.match(text):
        return date_from(text)
    raise Fault(
        "feel.bad_date",
        f"`{text[:60]}` is not a date, time or duration",
        'for instance `@"2026-11-02"`, `@"09:30:00"`, `@"2026-11-02T09:30:00Z"` or `@"P14D"`',
    )


def zone_text(zone: dt.tzinfo | None, at: dt.datetime | dt.time) -> str:
    """`Z`, `+02:00` or `@Europe/Berlin`; empty for a local time."""
    if zone is None:
        return ""
    key = getattr(zone, "key", None)
    if key is not None:
        return f"@{key}"
    offset = at.utcoffset() or dt.timedelta()
    if not offset:
        return "Z"
    sign, offset = ("-", -offset) if offset < dt.timedelta() else ("+", offset)
    seconds = int(offset.total_seconds())
    tail = f":{seconds % 60:02}" if seconds % 60 else ""
    return f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}{tail}"


def text_of(value: Value) -> str:
    """A temporal value as the text it can be read from again."""
    if isinstance(value, dt.datetime):
        return f"{value.date().isoformat()}T{_clock(value.time())}{zone_text(value.tzinfo, value)}"
    if isinstance(value, dt.time):
        return f"{_clock(value)}{zone_text(value.tzinfo, value)}"
    if isinstance(value, dt.timedelta):
        return _duration_text(value)
    return str(value)


def _clock(time: dt.time) -> str:
    fraction = f".{time.microsecond:06}".rstrip("0") if time.microsecond else ""
    return f"{time.hour:02}:{time.minute:02}:{time.second:02}{fraction}"


def _duration_text(length: dt.timedelta) -> str:
    sign = "-" if length < dt.timedelta() else ""
    length = abs(length)
    hours, rest = divmod(length.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    fraction = f".{length.microseconds:06}".rstrip("0") if length.microseconds else ""
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    clock += f"{seconds}{fraction}S" if seconds or fraction else ""
    days = f"{length.days}D" if length.days else ""
    return f"{sign}P{days}{'T' + clock if clock else ''}" if days or clock else "PT0S"


# -- parts


def day_of(value: dt.date) -> dt.date:
    """The date of a date, or of a date and time."""
    return value.date() if isinstance(value, dt.datetime) else value


def clock_of(value: dt.date | dt.time) -> dt.time:
    """The time of a time or of a date and time; of a date its midnight in Greenwich."""
    if isinstance(value, dt.datetime):
        return value.timetz()
    return value if isinstance(value, dt.time) else dt.time(tzinfo=dt.UTC)


def combine(day: dt.date, clock: dt.time) -> dt.datetime:
    """A date and time of a date and a time."""
    return dt.datetime.combine(day_of(day), clock)


def moment_of(value: dt.date) -> dt.datetime:
    """A date and time as it is, a date as its local midnight."""
    return value if isinstance(value, dt.datetime) else dt.datetime.combine(value, _MIDNIGHT)


def from_python(value: dt.datetime) -> dt.datetime:
    """The evaluation's instant, which is a value of the language already."""
    return value


def number_of(day: dt.date) -> int:
    """The days from the calendar's beginning to a date."""
    return day.toordinal()


def date_at(number: int) -> dt.date:
    """The date of that number. Raises `Fault` `feel.date_range`."""
    try:
        return dt.date.fromordinal(number)
    except (ValueError, OverflowError):
        raise _beyond() from None


def weekday(day: dt.date) -> int:
    """1 for Monday to 7 for Sunday."""
    return day.isoweekday()


def day_of_year(day: dt.date) -> int:
    """1 to 366."""
    return day.timetuple().tm_yday


def iso_week(day: dt.date) -> int:
    """The week of the year as ISO 8601 counts, 1 to 53."""
    return day.isocalendar().week


def part(value: Any, name: str) -> Any:
    """A part of a temporal value by its name, or `NO_PART`."""
    found: Any = NO_PART
    if isinstance(value, dt.date):
        found = _date_part(value, name)
    if found is NO_PART and isinstance(value, dt.datetime | dt.time):
        found = _clock_part(value, name)
    if isinstance(value, dt.timedelta):
        sign = -1 if value < dt.timedelta() else 1
        length = abs(value)
        match name:
            case "days":
                return Decimal(sign * length.days)
            case "hours":
                return Decimal(sign * (length.seconds // 3600))
            case "minutes":
                return Decimal(sign * (length.seconds // 60 % 60))
            case "seconds":
                return sign * _seconds(length.seconds % 60, length.microseconds)
    return found


def _date_part(value: dt.date, name: str) -> Any:
    match name:
        case "year" | "month" | "day":
            return Decimal(getattr(value, name))
        case "weekday":
            return Decimal(value.isoweekday())
        case "date":
            return day_of(value)
    return NO_PART


def _clock_part(value: dt.datetime | dt.time, name: str) -> Any:
    match name:
        case "hour" | "minute":
            return Decimal(getattr(value, name))
        case "second":
            return _seconds(value.second, value.microsecond)
        case "time offset":
            return value.utcoffset()
        case "timezone":
            return getattr(value.tzinfo, "key", None)
        case "time" if isinstance(value, dt.datetime):
            return value.timetz()
    return NO_PART


def _seconds(whole: int, microseconds: int) -> Decimal:
    return Decimal(f"{whole}.{microseconds:06}".rstrip("0")) if microseconds else Decimal(whole)


def order_keys(left: Any, right: Any) -> tuple[Any, Any]:
    """What decides the order of two values of one kind. Raises `Fault` `feel.mixed_zones`."""
    if isinstance(left, dt.datetime | dt.time) and (left.utcoffset() is None) != (right.utcoffset() is None):
        raise mixed_zones()
    return left, right


def same_moment(left: Any, right: Any) -> bool:
    """Whether two values of one kind are equal; a local time never is to one with a zone."""
    return bool(left == right)


# -- arithmetic


def add_months(day: dt.date, duration: YearMonthDuration) -> dt.date:
    """A date or date and time moved by months; a day the month lacks becomes its last day. Raises `Fault`."""
    total = day.year * 12 + day.month - 1 + duration.months
    year, month = divmod(total, 12)
    if not dt.MINYEAR <= year <= dt.MAXYEAR:
        raise _beyond()
    last = calendar.monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=min(day.day, last))


def add_duration(value: dt.date | dt.time, length: dt.timedelta) -> dt.date | dt.time:
    """A date, time or date and time moved by a duration; times wrap at midnight. Raises `Fault`."""
    try:
        if isinstance(value, dt.datetime):
            return value + length if _fixed(value) else (value.astimezone(dt.UTC) + length).astimezone(value.tzinfo)
        if isinstance(value, dt.date):
            return (dt.datetime.combine(value, _MIDNIGHT) + length).date()
        moved = dt.datetime.combine(dt.date(2000, 1, 1), value.replace(tzinfo=None)) + (length % dt.timedelta(days=1))
        return moved.time().replace(tzinfo=value.tzinfo)
    except OverflowError:
        raise _beyond() from None


def _fixed(value: dt.datetime) -> bool:
    return value.tzinfo is None or isinstance(value.tzinfo, dt.timezone)


def between(later: dt.date | dt.time, earlier: dt.date | dt.time) -> dt.timedelta:
    """`later - earlier`. A date counts as its midnight (UTC where the other has a zone). Raises `Fault`."""
    if isinstance(later, dt.time) and isinstance(earlier, dt.time):
        day = dt.date(2000, 1, 1)
        return between(dt.datetime.combine(day, later), dt.datetime.combine(day, earlier))
    if isinstance(later, dt.time) or isinstance(earlier, dt.time):
        raise Fault("feel.wrong_type", "a time can only be subtracted from a time")
    if type(later) is dt.date and type(earlier) is dt.date:
        return later - earlier
    left, right = _instant(later, earlier), _instant(earlier, later)
    if (left.tzinfo is None) != (right.tzinfo is None):
        raise mixed_zones()
    if left.tzinfo is not None:
        left, right = left.astimezone(dt.UTC), right.astimezone(dt.UTC)
    return left - right


def _instant(value: dt.date, other: dt.date) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    zone = dt.UTC if isinstance(other, dt.datetime) and other.tzinfo is not None else None
    return dt.datetime.combine(value, _MIDNIGHT, zone)


def mixed_zones() -> Fault:
    """The fault of comparing a local time with one that has a zone."""
    return Fault("feel.mixed_zones", "a local time cannot be compared with one that has a zone", "give both a zone")


def _beyond() -> Fault:
    return Fault("feel.date_range", "the date is out of range", "years go from 1 to 9999")


def months_of(months: int) -> YearMonthDuration:
    """A duration of months. Raises `Fault` `feel.date_range`."""
    if abs(months) > 12 * 999_999_999:
        raise Fault("feel.date_range", "the duration is too long", "years go to 999999999")
    return YearMonthDuration(months)


def add_lengths(left: dt.timedelta, right: dt.timedelta) -> dt.timedelta:
    """The sum of two durations. Raises `Fault` `feel.date_range`."""
    try:
        return left + right
    except OverflowError:
        raise _too_long() from None


def negated(length: dt.timedelta) -> dt.timedelta:
    """A duration the other way round. Raises `Fault` `feel.date_range`."""
    try:
        return -length
    except OverflowError:
        raise _too_long() from None


def scale(length: dt.timedelta, factor: Decimal) -> dt.timedelta:
    """A duration times a number, to the microsecond, half-even. Raises `Fault`."""
    return _length(NUMBERS.multiply(units(length), factor) if factor.adjusted() < _FAR else None)


def divided(length: dt.timedelta, divisor: Decimal) -> dt.timedelta:
    """A duration divided by a number that is not zero, to the microsecond, half-even. Raises `Fault`."""
    return _length(NUMBERS.divide(units(length), divisor) if divisor.adjusted() > -_FAR else None)


_FAR: Final = 40
"""Decimal places by which no duration can be moved and still be one."""


def _length(exact: Decimal | None) -> dt.timedelta:
    if exact is None or exact.adjusted() > _FAR:
        raise _too_long()
    try:
        return dt.timedelta(microseconds=int(exact.to_integral_value(rounding=ROUND_HALF_EVEN)))
    except OverflowError:
        raise _too_long() from None


def _too_long() -> Fault:
    return Fault("feel.date_range", "the duration is too long", "days go to 999999999")


def units(length: dt.timedelta) -> Decimal:
    """A duration's length in microseconds."""
    return Decimal(length // _MICROSECOND)


def whole_months(start: dt.date, end: dt.date) -> YearMonthDuration:
    """Whole months from `start` to `end`, rounded towards zero: what `years and months duration(from, to)` gives."""
    if end < start:
        return YearMonthDuration(-whole_months(end, start).months)
    months = (end.year - start.year) * 12 + end.month - start.month
    return YearMonthDuration(months - (1 if end.day < start.day else 0))

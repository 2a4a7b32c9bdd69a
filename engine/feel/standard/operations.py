"""What operators do with values of any type.

Undefined combinations raise `Fault`, which becomes null where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final

from engine.feel.limits import MAX_STEPS
from engine.feel.operations import list_limit, number, text_limit
from engine.feel.standard import temporal
from engine.feel.standard.temporal import Date, DateTime, Duration, Time
from engine.feel.values import NUMBERS, Fault, Range, YearMonthDuration


@dataclass(frozen=True, slots=True, eq=False)
class Unequal:
    """`(!= value)` as a value: a range-like test that everything but one value passes."""

    value: Any


_KINDS: Final[Mapping[type, str]] = {
    Decimal: "number",
    str: "string",
    bool: "boolean",
    type(None): "null",
    Date: "date",
    Time: "time",
    DateTime: "date and time",
    Duration: "days and time duration",
    YearMonthDuration: "years and months duration",
    Range: "range",
    Unequal: "range",
    tuple: "list",
    list: "list",
    dict: "context",
}
_DATES: Final = frozenset({"date", "date and time"})
_ORDERED: Final = frozenset(
    {"number", "string", "date", "time", "date and time", "days and time duration", "years and months duration"}
)


def kind_of(value: Any) -> str:
    """The standard's name for what a value is."""
    return _KINDS.get(type(value), "function")


def wrong(what: str, *values: Any) -> Fault:
    """The fault of an operation given values it is not defined for."""
    return Fault("feel.wrong_type", f"{what} is not defined for {' and '.join(kind_of(v) for v in values)}")


# -- arithmetic


def add(left: Any, right: Any) -> Any:
    """`left + right`. Raises `Fault`."""
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.add, left, right)
        case "string", "string":
            return text_limit(left + right)
        case "days and time duration", "days and time duration":
            return temporal.duration_of(left.nanoseconds + right.nanoseconds)
        case "years and months duration", "years and months duration":
            return temporal.months_of(left.months + right.months)
        case (("date" | "date and time" | "time"), "days and time duration"):
            return temporal.add_duration(left, right)
        case (("date" | "date and time"), "years and months duration"):
            return temporal.add_months(left, right.months)
        case (("days and time duration" | "years and months duration"), ("date" | "date and time" | "time")):
            return add(right, left)
    raise wrong("`+`", left, right)


def subtract(left: Any, right: Any) -> Any:
    """`left - right`. Raises `Fault`."""
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.subtract, left, right)
        case "days and time duration", "days and time duration":
            return temporal.duration_of(left.nanoseconds - right.nanoseconds)
        case "years and months duration", "years and months duration":
            return temporal.months_of(left.months - right.months)
        case (("date" | "date and time" | "time"), ("days and time duration" | "years and months duration")):
            return add(left, negate(right))
        case (("date" | "date and time"), ("date" | "date and time")) | ("time", "time"):
            return temporal.between(left, right)
    raise wrong("`-`", left, right)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`. Raises `Fault`."""
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.multiply, left, right)
        case "days and time duration", "number":
            return _nanoseconds(number(NUMBERS.multiply, Decimal(left.nanoseconds), right))
        case "years and months duration", "number":
            return temporal.months_of(int(number(NUMBERS.multiply, Decimal(left.months), right)))
        case "number", ("days and time duration" | "years and months duration"):
            return multiply(right, left)
    raise wrong("`*`", left, right)


def divide(left: Any, right: Any) -> Any:
    """`left / right`. Raises `Fault`."""
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.divide, left, right)
        case "days and time duration", "number":
            return _nanoseconds(number(NUMBERS.divide, Decimal(left.nanoseconds), right))
        case "years and months duration", "number":
            return temporal.months_of(int(number(NUMBERS.divide, Decimal(left.months), right)))
        case "days and time duration", "days and time duration":
            return number(NUMBERS.divide, Decimal(left.nanoseconds), Decimal(right.nanoseconds))
        case "years and months duration", "years and months duration":
            return number(NUMBERS.divide, Decimal(left.months), Decimal(right.months))
    raise wrong("`/`", left, right)


def _nanoseconds(exact: Decimal) -> Duration:
    """A duration to the nanosecond, half-even."""
    return temporal.duration_of(int(exact.to_integral_value(rounding=ROUND_HALF_EVEN)))


def power(left: Any, right: Any) -> Any:
    """`left ** right`. Raises `Fault`."""
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return number(NUMBERS.power, left, right)
    raise wrong("`**`", left, right)


def negate(value: Any) -> Any:
    """`-value`. Raises `Fault`."""
    match kind_of(value):
        case "number":
            return NUMBERS.minus(value)
        case "days and time duration":
            return Duration(-value.nanoseconds)
        case "years and months duration":
            return YearMonthDuration(-value.months)
    raise wrong("`-`", value)


ARITHMETIC: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}


# -- comparison


def equal(left: Any, right: Any) -> bool | None:
    """`left = right`: null equals only null; different kinds cannot be compared, which is null. Raises `Fault`."""
    return _equal(left, right, [MAX_STEPS])


def _equal(left: Any, right: Any, room: list[int]) -> bool | None:
    """As `equal`, with the comparisons left in `room`: parts may be shared so often that there is no end."""
    room[0] -= 1
    if room[0] < 0:
        raise Fault("feel.size_limit", f"the values have more than {MAX_STEPS} parts to compare")
    if left is None or right is None:
        return left is right
    kind = kind_of(left)
    if kind != kind_of(right):
        return None
    match kind:
        case "list":
            return len(left) == len(right) and all(_equal(a, b, room) is True for a, b in zip(left, right, strict=True))
        case "context":
            return bool(left.keys() == right.keys()) and all(
                _equal(left[key], right[key], room) is True for key in left
            )
        case "date and time":
            return _equal_date_times(left, right)
        case "time":
            if (left.zone is None) != (right.zone is None):
                return False
            return bool(left.utc % temporal.DAY == right.utc % temporal.DAY)
        case "range":
            return _equal_ranges(left, right)
        case "function":
            return left is right
    return bool(left == right)


def _equal_date_times(left: DateTime, right: DateTime) -> bool:
    if (left.time.zone is None) != (right.time.zone is None):
        return False
    return left.instant == right.instant


def _equal_ranges(left: Any, right: Any) -> bool:
    if isinstance(left, Unequal) or isinstance(right, Unequal):
        return isinstance(left, Unequal) and isinstance(right, Unequal) and equal(left.value, right.value) is True
    closed = (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed)
    return closed and equal(left.low, right.low) is True and equal(left.high, right.high) is True


def same(left: Any, right: Any) -> bool:
    """Equality that is never null, as lists and sets of values need it."""
    return equal(left, right) is True


def sort_key(value: Any) -> Any:
    """What decides the order among values of one ordered kind."""
    if isinstance(value, DateTime):
        return value.instant
    if isinstance(value, Date):
        return value.number
    return value.utc if isinstance(value, Time) else value


def order(op: str, left: Any, right: Any) -> bool | None:
    """`<`, `<=`, `>` or `>=`; null for what has no order."""
    if left is None or right is None:
        return None
    kind = kind_of(left)
    if kind != kind_of(right) or kind not in _ORDERED:
        raise wrong(f"`{op}`", left, right)
    zones = [_zone(side) for side in (left, right)]
    if (zones[0] is None) != (zones[1] is None):
        raise temporal.mixed_zones()
    one, two = sort_key(left), sort_key(right)
    match op:
        case "<":
            return bool(one < two)
        case "<=":
            return bool(one <= two)
        case ">":
            return bool(one > two)
    return bool(one >= two)


def _zone(value: Any) -> Any:
    if isinstance(value, DateTime):
        return value.time.zone
    return value.zone if isinstance(value, Time) else None


def compare(op: str, left: Any, right: Any) -> bool | None:
    """Any of the six comparisons."""
    if op == "=":
        return equal(left, right)
    if op == "!=":
        result = equal(left, right)
        return None if result is None else not result
    return order(op, left, right)


def all_of(results: Sequence[Any]) -> bool | None:
    """Three-valued `and`; what is no boolean counts as null."""
    if any(result is False for result in results):
        return False
    return True if all(result is True for result in results) else None


def any_of(results: Sequence[Any]) -> bool | None:
    """Three-valued `or`; what is no boolean counts as null."""
    if any(result is True for result in results):
        return True
    return False if all(result is False for result in results) else None


def in_range(value: Any, given: Range) -> bool | None:
    """Whether a value lies in a range; a bound that is null is open to that side without end."""
    if given.low is None and given.high is None:
        return None
    low = True if given.low is None else order(">=" if given.low_closed else ">", value, given.low)
    high = True if given.high is None else order("<=" if given.high_closed else "<", value, given.high)
    return all_of([low, high])


def belongs(value: Any, test: Any) -> bool | None:
    """`value in test`, where the test is a range, a list (of values, ranges or lists) or a value."""
    if isinstance(test, Range):
        return in_range(value, test)
    if kind_of(test) == "list":
        if kind_of(value) == "list" and equal(value, test) is True:
            return True
        return any_of([_member(value, item) for item in test])
    return equal(value, test)


def _member(value: Any, item: Any) -> bool:
    if isinstance(item, Range) and not isinstance(value, Range):
        try:
            return in_range(value, item) is True
        except Fault:
            return False
    if kind_of(item) == "list" and kind_of(value) != "list":
        return any(_member(value, inner) for inner in item)
    return same(value, item)


# -- structure


def as_list(value: Any) -> Sequence[Any]:
    """The items of a list; a single value is a list of itself, null an empty one."""
    if isinstance(value, list | tuple):
        return value
    return () if value is None else (value,)


def member(value: Any, name: str) -> Any:
    """`value.name`. Raises `Fault`."""
    if isinstance(value, Mapping):
        if name not in value:
            raise Fault("feel.unknown_name", f"the context has no entry `{name}`")
        return value[name]
    if isinstance(value, list | tuple):
        return tuple(_member_or_null(item, name) for item in value)
    parts = _parts(value)
    if name not in parts:
        raise Fault("feel.unknown_name", f"a {kind_of(value)} has no part `{name}`")
    return parts[name]()


def _member_or_null(value: Any, name: str) -> Any:
    try:
        return member(value, name)
    except Fault:
        return None


def _parts(value: Any) -> Mapping[str, Callable[[], Any]]:
    match value:
        case Date():
            return _date_parts(value)
        case DateTime():
            return {**_date_parts(value.date), **_time_parts(value.time, value.offset), "time": lambda: value.time}
        case Time():
            return _time_parts(value, value.offset)
        case Duration():
            sign = -1 if value.nanoseconds < 0 else 1
            rest = abs(value.nanoseconds)
            return {
                "days": lambda: Decimal(sign * (rest // temporal.DAY)),
                "hours": lambda: Decimal(sign * (rest // (3600 * temporal.SECOND) % 24)),
                "minutes": lambda: Decimal(sign * (rest // (60 * temporal.SECOND) % 60)),
                "seconds": lambda: sign * Time(rest % temporal.DAY).second,
            }
        case YearMonthDuration():
            return {
                "years": lambda: Decimal(value.years),
                "months": lambda: Decimal(value.months - value.years * 12),
            }
        case Range():
            return {
                "start": lambda: value.low,
                "end": lambda: value.high,
                "start included": lambda: value.low_closed,
                "end included": lambda: value.high_closed,
            }
    return {}


def _date_parts(value: Date) -> dict[str, Callable[[], Any]]:
    return {
        "year": lambda: Decimal(value.year),
        "month": lambda: Decimal(value.month),
        "day": lambda: Decimal(value.day),
        "weekday": lambda: Decimal(value.weekday),
        "date": lambda: value,
    }


def _time_parts(value: Time, offset: int | None) -> dict[str, Callable[[], Any]]:
    return {
        "hour": lambda: Decimal(value.hour),
        "minute": lambda: Decimal(value.minute),
        "second": lambda: value.second,
        "time offset": lambda: None if offset is None else Duration(offset * temporal.SECOND),
        "timezone": lambda: value.zone.name or None if value.zone else None,
    }


def item_at(items: Sequence[Any], index: Decimal) -> Any:
    """`items[index]`, counted from 1, or from the end when negative; null outside. Raises `Fault`."""
    if index != index.to_integral_value() or index == 0 or abs(index) > len(items):
        raise Fault("feel.wrong_arguments", f"`{index}` is not a position in a list of {len(items)}")
    at = int(index)
    return items[at - 1 if at > 0 else at]


def counted(spend: Callable[[int], None], start: Any, end: Any) -> Sequence[Any]:
    """`start..end` of whole numbers or dates, upwards or downwards. Raises `Fault`."""
    if isinstance(start, Date) and isinstance(end, Date):
        first, last = start.number, end.number
    elif isinstance(start, Decimal) and isinstance(end, Decimal):
        if start != start.to_integral_value() or end != end.to_integral_value():
            raise Fault("feel.wrong_type", f"`{start}..{end}` are not whole numbers")
        if abs(NUMBERS.subtract(end, start)) > Decimal(10) ** 9:
            spend(10**9)
        first, last = int(start), int(end)
    else:
        raise wrong("a loop over a range", start, end)
    spend(abs(last - first) + 1)
    step = 1 if last >= first else -1
    make: Callable[[int], Any] = temporal.date_at if isinstance(start, Date) else Decimal
    return list_limit(tuple(make(i) for i in range(first, last + step, step)))

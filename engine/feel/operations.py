"""What the operators do with values whose types are only known now. The interpreter uses nothing else.

Null in arithmetic and ordering gives null; `=` is defined for all values. What cannot be computed raises `Fault`.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, DecimalException, DivisionByZero, Overflow
from typing import Any, Final, cast

from engine.feel import temporal
from engine.feel.limits import MAX_EXPONENT, MAX_LIST_ITEMS, MAX_STEPS, MAX_TEXT_CHARACTERS
from engine.feel.values import NUMBERS, Facts, Fault, Range, Value, YearMonthDuration, kind_of

_ORDERED: Final = frozenset(
    {
        "number",
        "string",
        "date",
        "time",
        "date and time",
        "days and time duration",
        "years and months duration",
    }
)
ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Run:
    """What one evaluation carries along: the facts, the instant, the zone, and the steps left."""

    __slots__ = ("at", "facts", "steps", "zone")

    def __init__(self, facts: Facts, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> None:
        """`at` is what `now()` means; without it, asking for the time is an error."""
        self.facts = facts
        self.at = at
        self.zone = zone
        self.steps = MAX_STEPS

    def spend(self, steps: int) -> None:
        """Take steps from the budget. Raises `Fault` `feel.step_limit`."""
        self.steps -= steps
        if self.steps < 0:
            raise Fault(
                "feel.step_limit",
                f"the expression takes more than {MAX_STEPS} steps",
                "shorten the lists it loops over, or do not nest loops",
            )

    def now(self) -> dt.datetime:
        """The instant, in the rule set's zone. Raises `Fault` `feel.no_instant`."""
        if self.at is None:
            raise Fault("feel.no_instant", "the rule asks for the time, but the evaluation was given none", "pass `at`")
        if self.at.tzinfo is None:
            raise Fault("feel.no_instant", "the instant of the evaluation has no zone", "pass `at` with an offset")
        return self.at.astimezone(self.zone)

    def today(self) -> dt.date:
        """The day of the instant, in the rule set's zone. Raises `Fault` `feel.no_instant`."""
        return self.now().date()


def _article(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" if kind != "null" else "null"


def wrong(what: str, *values: Value) -> Fault:
    """The fault of an operation given values it is not defined for."""
    return Fault("feel.wrong_type", f"{what} is not defined for {' and '.join(_article(kind_of(v)) for v in values)}")


# -- arithmetic


def number(compute: Callable[..., Decimal], *operands: Decimal) -> Decimal:
    """A decimal computation with its signals told apart. Raises `Fault`."""
    try:
        return compute(*operands)
    except DivisionByZero:
        raise Fault(
            "feel.division_by_zero", "division by zero", "guard it: `if total = 0 then 0 else won / total`"
        ) from None
    except Overflow:
        raise Fault("feel.number_range", "the result is out of range", f"exponents go to {MAX_EXPONENT}") from None
    except DecimalException:
        raise Fault(
            "feel.undefined_number", "the result is not a number", "for instance `0 / 0` or the root of -1"
        ) from None


def text_limit(text: str) -> str:
    """The text, unless it is too long. Raises `Fault` `feel.size_limit`."""
    if len(text) > MAX_TEXT_CHARACTERS:
        raise Fault("feel.size_limit", f"the text is longer than {MAX_TEXT_CHARACTERS} characters")
    return text


def list_limit(items: tuple[Value, ...]) -> tuple[Value, ...]:
    """The list, unless it is too long. Raises `Fault` `feel.size_limit`."""
    if len(items) > MAX_LIST_ITEMS:
        raise Fault("feel.size_limit", f"the list is longer than {MAX_LIST_ITEMS} items")
    return items


def _months(count: Decimal) -> YearMonthDuration:
    whole = int(count)
    if abs(whole) > 12 * 999_999_999:
        raise Fault("feel.date_range", "the duration is too long", "years go to 999999999")
    return YearMonthDuration(whole)


def add(left: Value, right: Value) -> Value:
    """`left + right`."""
    if left is None or right is None:
        return None
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.add, cast("Decimal", left), cast("Decimal", right))
        case "string", "string":
            return text_limit(cast("str", left) + cast("str", right))
        case "days and time duration", "days and time duration":
            return _timedelta(operator.add, left, right)
        case "years and months duration", "years and months duration":
            return _months(Decimal(cast("YearMonthDuration", left).months + cast("YearMonthDuration", right).months))
        case (("date" | "date and time" | "time"), "days and time duration"):
            return temporal.add_duration(cast("dt.date", left), cast("dt.timedelta", right))
        case (("date" | "date and time"), "years and months duration"):
            return temporal.add_months(cast("dt.date", left), cast("YearMonthDuration", right))
        case (("days and time duration" | "years and months duration"), ("date" | "date and time" | "time")):
            return add(right, left)
    raise wrong("`+`", left, right)


def _timedelta(compute: Callable[..., dt.timedelta], left: Value, right: Value) -> dt.timedelta:
    try:
        return compute(left, right)
    except OverflowError:
        raise Fault("feel.date_range", "the duration is too long", "days go to 999999999") from None


def subtract(left: Value, right: Value) -> Value:
    """`left - right`."""
    if left is None or right is None:
        return None
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.subtract, cast("Decimal", left), cast("Decimal", right))
        case "days and time duration", "days and time duration":
            return _timedelta(operator.sub, left, right)
        case "years and months duration", "years and months duration":
            return _months(Decimal(cast("YearMonthDuration", left).months - cast("YearMonthDuration", right).months))
        case (("date" | "date and time" | "time"), ("days and time duration" | "years and months duration")):
            return add(left, negate(right))
        case (("date" | "date and time"), ("date" | "date and time")) | ("time", "time"):
            return temporal.between(cast("dt.date", left), cast("dt.date", right))
    raise wrong("`-`", left, right)


def multiply(left: Value, right: Value) -> Value:
    """`left * right`."""
    if left is None or right is None:
        return None
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.multiply, cast("Decimal", left), cast("Decimal", right))
        case "days and time duration", "number":
            return temporal.scale(cast("dt.timedelta", left), cast("Decimal", right))
        case "years and months duration", "number":
            return _months(
                number(NUMBERS.multiply, Decimal(cast("YearMonthDuration", left).months), cast("Decimal", right))
            )
        case "number", ("days and time duration" | "years and months duration"):
            return multiply(right, left)
    raise wrong("`*`", left, right)


def divide(left: Value, right: Value) -> Value:
    """`left / right`."""
    if left is None or right is None:
        return None
    match kind_of(left), kind_of(right):
        case "number", "number":
            return number(NUMBERS.divide, cast("Decimal", left), cast("Decimal", right))
        case "days and time duration", "number":
            one = number(NUMBERS.divide, Decimal(1), cast("Decimal", right))
            exact = number(NUMBERS.divide, temporal.microseconds(cast("dt.timedelta", left)), cast("Decimal", right))
            return temporal.scale(dt.timedelta(microseconds=1), exact) if one else dt.timedelta()
        case "years and months duration", "number":
            return _months(
                number(NUMBERS.divide, Decimal(cast("YearMonthDuration", left).months), cast("Decimal", right))
            )
        case "days and time duration", "days and time duration":
            pair = (temporal.microseconds(cast("dt.timedelta", d)) for d in (left, right))
            return number(NUMBERS.divide, *pair)
        case "years and months duration", "years and months duration":
            return number(NUMBERS.divide, *(Decimal(cast("YearMonthDuration", d).months) for d in (left, right)))
    raise wrong("`/`", left, right)


def power(left: Value, right: Value) -> Value:
    """`left ** right`."""
    if left is None or right is None:
        return None
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return number(NUMBERS.power, left, right)
    raise wrong("`**`", left, right)


def negate(value: Value) -> Value:
    """`-value`."""
    match kind_of(value):
        case "null":
            return None
        case "number":
            return NUMBERS.minus(cast("Decimal", value))
        case "days and time duration":
            return -cast("dt.timedelta", value)
        case "years and months duration":
            return YearMonthDuration(-cast("YearMonthDuration", value).months)
    raise wrong("`-`", value)


ARITHMETIC: Final[Mapping[str, Callable[[Value, Value], Value]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "**": power,
}


# -- comparison


def equal(left: Value, right: Value) -> bool:
    """`left = right`: two nulls are equal, null equals nothing else. Different kinds raise `Fault`."""
    if left is None or right is None:
        return left is right
    kind = kind_of(left)
    if kind != kind_of(right):
        raise wrong("`=`", left, right)
    return same(left, right)


def same(left: Value, right: Value) -> bool:
    """Equality inside lists and contexts, where different kinds are just not equal."""
    kind = kind_of(left)
    if kind != kind_of(right):
        return False
    if kind == "list":
        a, b = cast("Sequence[Value]", left), cast("Sequence[Value]", right)
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if kind == "context":
        one, two = cast("Mapping[str, Value]", left), cast("Mapping[str, Value]", right)
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    if kind == "range":
        first, second = cast("Range", left), cast("Range", right)
        closed = (first.low_closed, first.high_closed) == (second.low_closed, second.high_closed)
        return closed and same(first.low, second.low) and same(first.high, second.high)
    return bool(left == right)


def order(op: str, left: Value, right: Value) -> bool | None:
    """`<`, `<=`, `>` or `>=`. Null on either side gives null; what has no order raises `Fault`."""
    if left is None or right is None:
        return None
    kind = kind_of(left)
    if kind != kind_of(right) or kind not in _ORDERED:
        raise wrong(f"`{op}`", left, right)
    try:
        return ORDERS[op](left, right)
    except TypeError:
        raise temporal.mixed_zones() from None


def compare(op: str, left: Value, right: Value) -> bool | None:
    """Any of the six comparisons."""
    if op == "=":
        return equal(left, right)
    if op == "!=":
        return not equal(left, right)
    return order(op, left, right)


def both(left: Value, right: Value) -> bool | None:
    """Three-valued `and`."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def in_range(value: Value, given: Range) -> bool | None:
    """Whether a value lies in a range."""
    low = True if given.low is None else order(">=" if given.low_closed else ">", value, given.low)
    high = True if given.high is None else order("<=" if given.high_closed else "<", value, given.high)
    if given.low is None and given.high is None and value is None:
        return None
    return both(low, high)


def matches_test(value: Value, test: Value) -> bool | None:
    """`value in test`, where the test is a range, a list (of values, ranges or lists) or a value."""
    if isinstance(test, Range):
        return in_range(value, test)
    if kind_of(test) == "list" and kind_of(value) != "list":
        return any_of([_member(value, item) for item in cast("Sequence[Value]", test)])
    if kind_of(test) == "list":
        items = cast("Sequence[Value]", test)
        return same(value, test) or any(same(value, item) for item in items)
    return equal(value, test)


def _member(value: Value, item: Value) -> bool | None:
    if isinstance(item, Range):
        return in_range(value, item)
    return same(value, item)


def any_of(results: Sequence[Value]) -> bool | None:
    """Three-valued `or` over results."""
    if any(result is True for result in results):
        return True
    return None if any(result is None for result in results) else False


def all_of(results: Sequence[Value]) -> bool | None:
    """Three-valued `and` over results."""
    if any(result is False for result in results):
        return False
    return None if any(result is None for result in results) else True


def truth(value: Value) -> bool | None:
    """An operand of `and`, `or` and `not`. Raises `Fault` for what is neither boolean nor null."""
    if value is None or value is True or value is False:
        return value
    raise wrong("a logical operator", value)


# -- structure

_DATE_PARTS: Final = ("year", "month", "day", "weekday")
_TIME_PARTS: Final = ("hour", "minute", "second")


def member(value: Value, name: str) -> Value:
    """`value.name`: a context's entry, a temporal value's part, or the same of every item of a list. Raises `Fault`."""
    if value is None:
        return None
    kind = kind_of(value)
    if kind == "context":
        return cast("Mapping[str, Value]", value).get(name)
    if kind == "list":
        return tuple(member(item, name) for item in cast("Sequence[Value]", value))
    found = property_of(value, name)
    if found is _NOTHING:
        raise Fault("feel.unknown_name", f"{_article(kind)} has no part `{name}`")
    return found


_NOTHING: Final = cast("Value", object())


def property_of(value: Value, name: str) -> Value:  # one case a kind of value reads best flat
    """A part of a temporal value or range."""
    if isinstance(value, dt.date):
        if name in _DATE_PARTS:
            return Decimal(value.isoweekday() if name == "weekday" else getattr(value, name))
        if name == "date":
            return value.date() if isinstance(value, dt.datetime) else value
    if isinstance(value, dt.datetime | dt.time):
        if name in _TIME_PARTS:
            return Decimal(getattr(value, name))
        if name == "time offset":
            return value.utcoffset()
        if name == "timezone":
            return temporal.zone_text(value.tzinfo, value).removeprefix("@") or None
        if name == "time" and isinstance(value, dt.datetime):
            return value.timetz()
    if isinstance(value, dt.timedelta):
        sign = -1 if value < dt.timedelta() else 1
        length = abs(value)
        parts = {
            "days": length.days,
            "hours": length.seconds // 3600,
            "minutes": length.seconds // 60 % 60,
            "seconds": length.seconds % 60,
        }
        if name in parts:
            return Decimal(sign * parts[name])
    if isinstance(value, YearMonthDuration):
        if name == "years":
            return Decimal(value.years)
        if name == "months":
            return Decimal(value.months - value.years * 12)
    if isinstance(value, Range):
        ranges: Mapping[str, Value] = {
            "start": value.low,
            "end": value.high,
            "start included": value.low_closed and value.low is not None,
            "end included": value.high_closed and value.high is not None,
        }
        if name in ranges:
            return ranges[name]
    return _NOTHING


def as_list(value: Value) -> Sequence[Value]:
    """The items of a list; a single value is a list of itself, null is an empty one."""
    if kind_of(value) == "list":
        return cast("Sequence[Value]", value)
    return () if value is None else (value,)


def item_at(items: Sequence[Value], index: Value) -> Value:
    """`items[index]`, counted from 1, or from the end when negative; null outside. Raises `Fault`."""
    if index is None:
        return None
    if not isinstance(index, Decimal):
        raise wrong("`[ ]`", index)
    if index != index.to_integral_value():
        raise Fault(
            "feel.wrong_type", f"`{index}` is not a position in a list", "positions are 1, 2, 3, or -1 from the end"
        )
    if index == 0 or abs(index) > len(items):
        return None
    at = int(index)
    return items[at - 1 if at > 0 else at]


def domain_of(run: Run, value: Value) -> Sequence[Value]:
    """What a loop goes over: a list, or a range of whole numbers or dates; counted against the step limit."""
    if isinstance(value, Range):
        return counted(run, _first(value), _last(value))
    if kind_of(value) not in {"list", "null"}:
        raise wrong("a loop", value)
    items = as_list(value)
    run.spend(len(items))
    return items


def _first(given: Range) -> Value:
    return given.low if given.low_closed else add(given.low, _step(given.low))


def _last(given: Range) -> Value:
    return given.high if given.high_closed else subtract(given.high, _step(given.high))


def _step(value: Value) -> Value:
    return dt.timedelta(days=1) if isinstance(value, dt.date) else Decimal(1)


def counted(run: Run, start: Value, end: Value) -> Sequence[Value]:
    """`start..end` of whole numbers or dates, upwards or downwards. Raises `Fault`."""
    if start is None or end is None:
        return ()
    if type(start) is dt.date and type(end) is dt.date:
        days = (end - start).days
        run.spend(abs(days) + 1)
        step = 1 if days >= 0 else -1
        return tuple(start + dt.timedelta(days=i * step) for i in range(abs(days) + 1))
    if not (isinstance(start, Decimal) and isinstance(end, Decimal)):
        raise wrong("a loop over a range", start, end)
    if start != start.to_integral_value() or end != end.to_integral_value():
        raise Fault("feel.wrong_type", f"`{start}..{end}` are not whole numbers")
    if abs(NUMBERS.subtract(end, start)) >= MAX_STEPS:
        run.spend(MAX_STEPS + 1)
    first, last = int(start), int(end)
    run.spend(abs(last - first) + 1)
    step = 1 if last >= first else -1
    return tuple(Decimal(i) for i in range(first, last + step, step))


def invoke(function: Value, arguments: Sequence[Value]) -> Value:
    """Call a function value. Raises `Fault`."""
    if function is None or not callable(function):
        raise Fault("feel.wrong_type", f"{_article(kind_of(function))} cannot be called")
    return function(*arguments)

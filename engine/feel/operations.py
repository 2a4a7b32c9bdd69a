"""What the operators do with values whose types are only known now, over one calendar or the other.

Null in arithmetic and ordering gives null. What cannot be computed raises `Fault`; the strict language makes a located
problem of that and the standard's meaning a null. The functions at the end are the strict language's.
"""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, DecimalException, DivisionByZero, Overflow
from typing import Any, Final, Protocol, cast

from engine.feel import temporal
from engine.feel.calendar import NO_PART, Calendar
from engine.feel.limits import (
    MAX_CALLS,
    MAX_DEPTH,
    MAX_EXPONENT,
    MAX_LIST_ITEMS,
    MAX_STEPS,
    MAX_TEXT_CHARACTERS,
    STEPS_OF_A_CALL,
)
from engine.feel.values import KINDS, NUMBERS, Facts, Fault, Range, Value, YearMonthDuration, kind_of

_TEMPORAL: Final = frozenset({"date", "time", "date and time", "days and time duration"})
_PLAIN: Final = frozenset({Decimal, str, bool})
_ORDERED: Final = _TEMPORAL | {"number", "string", "years and months duration"}
ORDERS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Budget(Protocol):
    """What a function may ask of the evaluation it is called in. Methods raise `Fault`."""

    def spend(self, steps: int) -> None:
        """Take steps from the evaluation's budget."""

    def invoke(self, function: Any, arguments: Sequence[Any]) -> Any:
        """Call a function value with arguments by position."""

    def now(self) -> dt.datetime:
        """The instant of the evaluation, with a zone."""


class Run:
    """What one evaluation carries along: the facts, the instant, the zone, the steps left and the calls under way."""

    __slots__ = ("at", "calls", "facts", "read", "steps", "zone")

    def __init__(self, facts: Facts, at: dt.datetime | None = None, zone: dt.tzinfo = dt.UTC) -> None:
        """`at` is what `now()` means; without it, asking for the time is an error."""
        self.facts = facts
        self.at = at
        self.zone = zone
        self.steps = MAX_STEPS
        self.calls = 0
        self.read: dict[object, Value] = {}
        """What the interpreter has read, so that it looks through a long list once."""

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

    def invoke(self, function: Value, arguments: Sequence[Value]) -> Value:
        """Call a function value. Raises `Fault`, also `feel.call_depth`."""
        if function is None or not callable(function):
            raise Fault("feel.wrong_type", f"{article(kind_of(function))} cannot be called")
        self.spend(STEPS_OF_A_CALL)
        self.calls += 1
        if self.calls > MAX_CALLS:
            raise call_depth()
        try:
            return function(*arguments)
        finally:
            self.calls -= 1


def call_depth() -> Fault:
    """The fault of functions that call each other without end."""
    return Fault(
        "feel.call_depth", f"functions call each other more than {MAX_CALLS} deep", "go through lists with `for`"
    )


def article(kind: str) -> str:
    """A kind of value with its article."""
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}" if kind != "null" else "null"


def looked_at(values: Sequence[Any]) -> int:
    """The steps that a function takes for looking through its arguments: one for every few items or characters."""
    return sum([len(value) for value in values if isinstance(value, list | tuple | str)]) // _FREE


def paid(run: Budget, value: Any) -> Any:
    """A text or list that was built, when the steps for building it are there. Raises `Fault` `feel.step_limit`."""
    run.spend(looked_at((value,)))
    return value


def metered(run: Budget, call: Callable[..., Any], *arguments: Any) -> Any:
    """The result of an operator, when the steps are there for looking through its operands and building it."""
    run.spend(looked_at(arguments))
    return paid(run, call(*arguments))


_FREE: Final = 16
"""Items of lists and characters of texts that a function may look at for one step of the budget."""


# -- limits of results


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
        raise too_long()
    return text


def joined(pieces: Iterable[str], delimiter: str = "") -> str:
    """The pieces as one text, refused before it is put together if it is too long. Raises `Fault` `feel.size_limit`."""
    found: list[str] = []
    size = -len(delimiter)
    for piece in pieces:
        size += len(delimiter) + len(piece)
        if size > MAX_TEXT_CHARACTERS:
            raise too_long()
        found.append(piece)
    return delimiter.join(found)


def too_long() -> Fault:
    """The fault of a text over the limit."""
    return Fault("feel.size_limit", f"the text is longer than {MAX_TEXT_CHARACTERS} characters")


def list_limit(items: tuple[Value, ...]) -> tuple[Value, ...]:
    """The list, unless it is too long. Raises `Fault` `feel.size_limit`."""
    if len(items) > MAX_LIST_ITEMS:
        raise Fault("feel.size_limit", f"the list is longer than {MAX_LIST_ITEMS} items")
    return items


def whole(value: Any) -> Any:
    """The value of a whole evaluation, unless it unfolds without end. Raises `Fault` `feel.size_limit`.

    A small value may share its parts so often that writing it never ends, or lie so deep that nothing can write it.
    """
    level, parts = [value], 0
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            if isinstance(each, Mapping | list | tuple):
                parts += len(each)
                if parts > MAX_STEPS:
                    raise Fault("feel.size_limit", f"the value has more than {MAX_STEPS} parts")
                inner.extend(each.values() if isinstance(each, Mapping) else each)
        if not inner:
            return value
        level = inner
    raise Fault("feel.size_limit", f"the value has more than {MAX_DEPTH} levels of lists and contexts")


# -- operators


class Operations:
    """The operators over one calendar's values. Methods raise `Fault`."""

    def __init__(self, calendar: Calendar, kinds: Mapping[type, str] | None = None) -> None:
        """`kinds` adds classes of values that only one mode has."""
        self.calendar = calendar
        self._kinds: Mapping[type, str] = {**KINDS, **calendar.KINDS, **(kinds or {})}
        self.arithmetic: Mapping[str, Callable[[Any, Any], Any]] = {
            "+": self.add,
            "-": self.subtract,
            "*": self.multiply,
            "/": self.divide,
            "**": self.power,
        }

    def kind_of(self, value: object) -> str:
        """FEEL's name for what a value is; `unknown` for what is no value of the language (a float, an int)."""
        kind = self._kinds.get(type(value))
        if kind is not None:
            return kind
        if isinstance(value, Mapping):
            return "context"
        return "function" if callable(value) else "unknown"

    def wrong(self, what: str, *values: Any) -> Fault:
        """The fault of an operation given values it is not defined for."""
        shown = " and ".join(article(self.kind_of(value)) for value in values)
        return Fault("feel.wrong_type", f"{what} is not defined for {shown}")

    # -- arithmetic

    def add(self, left: Any, right: Any) -> Any:
        """`left + right`."""
        if left is None or right is None:
            return None
        calendar = self.calendar
        match self.kind_of(left), self.kind_of(right):
            case "number", "number":
                return number(NUMBERS.add, left, right)
            case "string", "string":
                return text_limit(left + right)
            case "days and time duration", "days and time duration":
                return calendar.add_lengths(left, right)
            case "years and months duration", "years and months duration":
                return calendar.months_of(left.months + right.months)
            case (("date" | "date and time" | "time"), "days and time duration"):
                return calendar.add_duration(left, right)
            case (("date" | "date and time"), "years and months duration"):
                return calendar.add_months(left, right)
            case (("days and time duration" | "years and months duration"), ("date" | "date and time" | "time")):
                return self.add(right, left)
        raise self.wrong("`+`", left, right)

    def subtract(self, left: Any, right: Any) -> Any:
        """`left - right`."""
        if left is None or right is None:
            return None
        match self.kind_of(left), self.kind_of(right):
            case "number", "number":
                return number(NUMBERS.subtract, left, right)
            case ("days and time duration", "days and time duration") | (
                "years and months duration",
                "years and months duration",
            ):
                return self.add(left, self.negate(right))
            case (("date" | "date and time" | "time"), ("days and time duration" | "years and months duration")):
                return self.add(left, self.negate(right))
            case (("date" | "date and time"), ("date" | "date and time")) | ("time", "time"):
                return self.calendar.between(left, right)
        raise self.wrong("`-`", left, right)

    def multiply(self, left: Any, right: Any) -> Any:
        """`left * right`."""
        if left is None or right is None:
            return None
        match self.kind_of(left), self.kind_of(right):
            case "number", "number":
                return number(NUMBERS.multiply, left, right)
            case "days and time duration", "number":
                return number(self.calendar.scale, left, right)
            case "years and months duration", "number":
                return self.calendar.months_of(int(number(NUMBERS.multiply, Decimal(left.months), right)))
            case "number", ("days and time duration" | "years and months duration"):
                return self.multiply(right, left)
        raise self.wrong("`*`", left, right)

    def divide(self, left: Any, right: Any) -> Any:
        """`left / right`."""
        if left is None or right is None:
            return None
        match self.kind_of(left), self.kind_of(right):
            case "number", "number":
                return number(NUMBERS.divide, left, right)
            case "days and time duration", "number":
                return number(self.calendar.divided, left, right)
            case "years and months duration", "number":
                return self.calendar.months_of(int(number(NUMBERS.divide, Decimal(left.months), right)))
            case "days and time duration", "days and time duration":
                return number(NUMBERS.divide, self.calendar.units(left), self.calendar.units(right))
            case "years and months duration", "years and months duration":
                return number(NUMBERS.divide, Decimal(left.months), Decimal(right.months))
        raise self.wrong("`/`", left, right)

    def power(self, left: Any, right: Any) -> Any:
        """`left ** right`."""
        if left is None or right is None:
            return None
        if isinstance(left, Decimal) and isinstance(right, Decimal):
            return number(NUMBERS.power, left, right)
        raise self.wrong("`**`", left, right)

    def negate(self, value: Any) -> Any:
        """`-value`."""
        match self.kind_of(value):
            case "null":
                return None
            case "number":
                return NUMBERS.minus(value)
            case "days and time duration":
                return self.calendar.negated(value)
            case "years and months duration":
                return YearMonthDuration(-value.months)
        raise self.wrong("`-`", value)

    # -- comparison

    def equality(self, left: Any, right: Any) -> bool | None:
        """Whether two values are equal, null only to null; null for two of different kinds."""
        if type(left) is type(right) and type(left) in _PLAIN:
            return bool(left == right)
        return self._equal(left, right, [MAX_STEPS])

    def _equal(self, left: Any, right: Any, room: list[int]) -> bool | None:
        """As `equality`, with the comparisons left in `room`: parts may be shared so often that there is no end."""
        if left is None or right is None:
            return left is right
        kind = self.kind_of(left)
        if kind != self.kind_of(right):
            return None
        if kind in _TEMPORAL:
            return self.calendar.same_moment(left, right)
        room[0] -= 1
        if room[0] < 0:
            raise Fault("feel.size_limit", f"the values have more than {MAX_STEPS} parts to compare")
        match kind:
            case "list":
                return len(left) == len(right) and all(
                    self._equal(a, b, room) is True for a, b in zip(left, right, strict=True)
                )
            case "context":
                return bool(left.keys() == right.keys()) and all(
                    self._equal(left[key], right[key], room) is True for key in left
                )
            case "range":
                closed = (left.low_closed, left.high_closed) == (right.low_closed, right.high_closed)
                return (
                    closed
                    and self._equal(left.low, right.low, room) is True
                    and self._equal(left.high, right.high, room) is True
                )
            case "function":
                return left is right
        return bool(left == right)

    def same(self, left: Any, right: Any) -> bool:
        """Equality that is never null, as lists and sets of values need it: different kinds are just not equal."""
        return self.equality(left, right) is True

    def equal(self, left: Any, right: Any) -> bool:
        """`left = right`. Different kinds raise `Fault`."""
        found = self.equality(left, right)
        if found is None:
            raise self.wrong("`=`", left, right)
        return found

    def order(self, op: str, left: Any, right: Any) -> bool | None:
        """`<`, `<=`, `>` or `>=`. Null on either side gives null."""
        if left is None or right is None:
            return None
        kind = self.kind_of(left)
        if kind != self.kind_of(right) or kind not in _ORDERED:
            raise self.wrong(f"`{op}`", left, right)
        if kind in _TEMPORAL:
            left, right = self.calendar.order_keys(left, right)
        return ORDERS[op](left, right)

    def compare(self, op: str, left: Any, right: Any) -> bool | None:
        """Any of the six comparisons."""
        if op == "=":
            return self.equal(left, right)
        if op == "!=":
            return not self.equal(left, right)
        return self.order(op, left, right)

    def in_range(self, value: Any, given: Range) -> bool | None:
        """Whether a value lies in a range; a bound that is null is open to that side without end."""
        if given.low is None and given.high is None:
            return None
        low = True if given.low is None else self.order(">=" if given.low_closed else ">", value, given.low)
        high = True if given.high is None else self.order("<=" if given.high_closed else "<", value, given.high)
        return all_of([low, high])

    def belongs(self, value: Any, test: Any) -> bool | None:
        """`value in test`, where the test is a range, a list (of values, ranges or lists) or a value."""
        if isinstance(test, Range):
            return self.in_range(value, test)
        if self.kind_of(test) == "list":
            if self.kind_of(value) == "list" and self.same(value, test):
                return True
            return any_of([self._member_of(value, item) for item in test])
        return self.compare("=", value, test)

    def _member_of(self, value: Any, item: Any) -> bool:
        if isinstance(item, Range) and not isinstance(value, Range):
            try:
                return self.in_range(value, item) is True
            except Fault:
                return False
        if self.kind_of(item) == "list" and self.kind_of(value) != "list":
            return any(self._member_of(value, inner) for inner in item)
        return self.same(value, item)

    # -- structure

    def range_of(
        self,
        low: Any,
        high: Any,
        low_closed: bool,  # noqa: FBT001  # as the range itself
        high_closed: bool,  # noqa: FBT001  # the same
    ) -> Range | None:
        """`[low..high]` as a value; null when an end is. Both ends must be of one ordered kind."""
        if self.order("<=", low, high) is None:
            return None
        return Range(low, high, low_closed, high_closed)

    def part(self, value: Any, name: str) -> Any:
        """A part of a temporal value or of a range."""
        if isinstance(value, Range):
            found = _range_part(value, name)
        elif isinstance(value, YearMonthDuration):
            found = _months_part(value, name)
        else:
            found = self.calendar.part(value, name)
        if found is NO_PART:
            raise Fault("feel.unknown_name", f"{article(self.kind_of(value))} has no part `{name}`")
        return found

    def member(self, value: Any, name: str) -> Any:
        """`value.name`: a context's entry, a part of a value, or the same of every item of a list."""
        if value is None:
            return None
        if isinstance(value, Mapping):
            return value.get(name)
        if isinstance(value, list | tuple):
            return tuple(self.member(item, name) for item in value)
        return self.part(value, name)

    def item_at(self, items: Sequence[Any], index: Any) -> Any:
        """`items[index]`, counted from 1, or from the end when negative; null outside."""
        if index is None:
            return None
        if not isinstance(index, Decimal):
            raise self.wrong("`[ ]`", index)
        if index != index.to_integral_value():
            raise Fault(
                "feel.wrong_type", f"`{index}` is not a position in a list", "positions are 1, 2, 3, or -1 from the end"
            )
        if index == 0 or abs(index) > len(items):
            return None
        at = int(index)
        return items[at - 1 if at > 0 else at]

    def counted(self, run: Budget, start: Any, end: Any) -> Sequence[Any]:
        """`start..end` of whole numbers or dates, upwards or downwards; nothing when either is null."""
        if start is None or end is None:
            return ()
        make: Callable[[int], Any] = Decimal
        if self.kind_of(start) == self.kind_of(end) == "date":
            first, last = self.calendar.number_of(start), self.calendar.number_of(end)
            make = self.calendar.date_at
        elif isinstance(start, Decimal) and isinstance(end, Decimal):
            if start != start.to_integral_value() or end != end.to_integral_value():
                raise Fault("feel.wrong_type", f"`{start}..{end}` are not whole numbers")
            if abs(NUMBERS.subtract(end, start)) >= MAX_STEPS:
                run.spend(MAX_STEPS + 1)
            first, last = int(start), int(end)
        else:
            raise self.wrong("a loop over a range", start, end)
        run.spend(abs(last - first) + 1)
        step = 1 if last >= first else -1
        return tuple(make(i) for i in range(first, last + step, step))

    def domain_of(self, run: Budget, value: Any) -> Sequence[Any]:
        """What a loop goes over: a list, or a range of whole numbers or dates; counted against the step limit."""
        if isinstance(value, Range):
            return self._items_of(run, value)
        if self.kind_of(value) not in {"list", "null"}:
            raise self.wrong("a loop", value)
        items = as_list(value)
        run.spend(len(items))
        return items

    def _items_of(self, run: Budget, given: Range) -> Sequence[Any]:
        if given.low is None or given.high is None:
            raise Fault("feel.wrong_type", "a loop cannot go over a range without end", "give the range both its ends")
        if self.order("<=", given.low, given.high) is not True:
            raise Fault("feel.wrong_type", "a loop cannot go over a range whose ends are the wrong way round")
        items = self.counted(run, given.low, given.high)
        if not given.low_closed:
            items = items[1:]
        return items if given.high_closed else items[:-1]


def _range_part(value: Range, name: str) -> Any:
    match name:
        case "start":
            return value.low
        case "end":
            return value.high
        case "start included":
            return value.low_closed and value.low is not None
        case "end included":
            return value.high_closed and value.high is not None
    return NO_PART


def _months_part(value: YearMonthDuration, name: str) -> Any:
    match name:
        case "years":
            return Decimal(value.years)
        case "months":
            return Decimal(value.months - value.years * 12)
    return NO_PART


def as_list(value: Any) -> Sequence[Any]:
    """The items of a list; a single value is a list of itself, null is an empty one."""
    if isinstance(value, list | tuple):
        return value
    return () if value is None else (value,)


# -- three-valued logic


def any_of(results: Sequence[Any]) -> bool | None:
    """Three-valued `or` over results; what is no boolean counts as null."""
    if any(result is True for result in results):
        return True
    return False if all(result is False for result in results) else None


def all_of(results: Sequence[Any]) -> bool | None:
    """Three-valued `and` over results; what is no boolean counts as null."""
    if any(result is False for result in results):
        return False
    return True if all(result is True for result in results) else None


# -- the strict language's own

STRICT: Final = Operations(cast("Calendar", temporal))
add: Final[Callable[[Value, Value], Value]] = STRICT.add
negate: Final[Callable[[Value], Value]] = STRICT.negate
equal, same, order, compare = STRICT.equal, STRICT.same, STRICT.order, STRICT.compare
member: Final[Callable[[Value, str], Value]] = STRICT.member
item_at: Final[Callable[[Sequence[Value], Value], Value]] = STRICT.item_at
belongs, counted, domain_of, range_of = STRICT.belongs, STRICT.counted, STRICT.domain_of, STRICT.range_of
ARITHMETIC: Final[Mapping[str, Callable[[Value, Value], Value]]] = STRICT.arithmetic

"""The built-in functions, in one visible tuple.

A function has one or more signatures. Arguments are FEEL values of the parameter types; unless a signature says it
takes nulls, a null argument makes the result null and the function is not called. Faults are raised as `Fault`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
    DecimalException,
)
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from engine.feel import temporal
from engine.feel.limits import MAX_PATTERN_CHARACTERS, NUMBER_DIGITS
from engine.feel.operations import (
    add,
    all_of,
    any_of,
    as_list,
    divide,
    in_range,
    list_limit,
    member,
    number,
    order,
    same,
    text_limit,
)
from engine.feel.parser import Names
from engine.feel.text import feel_text
from engine.feel.types import (
    ANY,
    ANY_CONTEXT,
    ANY_LIST,
    BOOLEAN,
    DATE,
    DATE_TIME,
    DAYS_TIME_DURATION,
    NUMBER,
    STRING,
    TIME,
    YEARS_MONTHS_DURATION,
    ContextType,
    Field,
    ListType,
    RangeType,
    Type,
    common,
)
from engine.feel.values import NUMBERS, Fault, Range, Value, YearMonthDuration, kind_of

STRINGS: Final = ListType(STRING)
NUMBER_LIST: Final = ListType(NUMBER)
Result = Type | Callable[[Sequence[Type]], Type]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A formal parameter. The last `optional` ones may be left out; a `rest` parameter takes all that follow."""

    name: str
    type: Type
    optional: bool = False
    rest: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Signature:
    """One way to call a function.

    `result` is its type, or computes it from the argument types. `takes_nulls`: called even when an argument is null.
    `may_be_null`: null can come out of arguments that are not null. `total`: cannot fail on values of the right types.
    `reads_clock`: wants the `Run` as first argument.
    """

    parameters: tuple[Parameter, ...]
    result: Result
    call: Callable[..., Value]
    takes_nulls: bool = False
    may_be_null: bool = False
    total: bool = True
    reads_clock: bool = False

    def accepts(self, count: int) -> bool:
        """Whether that many positional arguments can be right."""
        least = sum(1 for p in self.parameters if not p.optional)
        return least <= count and (count <= len(self.parameters) or any(p.rest for p in self.parameters))

    def parameter(self, index: int) -> Parameter:
        """The parameter that positional argument `index` (from 0) fills."""
        return self.parameters[min(index, len(self.parameters) - 1)]


@dataclass(frozen=True, slots=True, eq=False)
class Builtin:
    """A function by its FEEL name."""

    name: str
    signatures: tuple[Signature, ...]

    def usage(self) -> str:
        """How it is called, for help texts."""
        forms = []
        for signature in self.signatures:
            shown = [
                f"{p.name}{'...' if p.rest else ''}{'?' if p.optional else ''}: {p.type}" for p in signature.parameters
            ]
            forms.append(f"{self.name}({', '.join(shown)})")
        return " or ".join(forms)


def _p(text: str, type_: Type) -> Parameter:
    name = text.rstrip("?*")
    return Parameter(name, type_, optional=text.endswith("?"), rest=text.endswith("*"))


def _signature(
    parameters: Sequence[tuple[str, Type]], result: Result, call: Callable[..., Value], **flags: bool
) -> Signature:
    return Signature(tuple(_p(name, type_) for name, type_ in parameters), result, call, **flags)


def _one(
    name: str, parameters: Sequence[tuple[str, Type]], result: Result, call: Callable[..., Value], **flags: bool
) -> Builtin:
    return Builtin(name, (_signature(parameters, result, call, **flags),))


# -- texts


def _substring(text: str, start: Decimal, length: Decimal | None = None) -> str:
    if start == 0 or start != start.to_integral_value():
        raise Fault(
            "feel.wrong_arguments", f"`{start}` is not a position in a text", "the first character is 1, the last is -1"
        )
    if length is not None and length < 1:
        raise Fault("feel.wrong_arguments", f"`{length}` is not a number of characters", "the length is 1 or more")
    size = len(text)
    begin = int(max(min(start, Decimal(size + 1)), Decimal(-size)))
    begin = begin - 1 if begin > 0 else size + begin
    return text[begin:] if length is None else text[begin : begin + int(min(length, Decimal(size)))]


def _before(text: str, match: str) -> str:
    head, found, _ = text.partition(match) if match else ("", "", "")
    return head if found else ""


def _after(text: str, match: str) -> str:
    _, found, tail = text.partition(match) if match else ("", "x", text)
    return tail if found else ""


_FLAGS: Final = {"i": "i", "s": "s", "m": "m"}


@lru_cache(maxsize=512)
def pattern_of(pattern: str, flags: str) -> Any:  # re2 has no type of its own to name
    """A compiled regular expression of linear running time; kept because rules ask with the same patterns again."""
    import re2  # noqa: PLC0415  # keeps the language importable without it, and the import light

    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise Fault("feel.bad_pattern", f"the pattern has more than {MAX_PATTERN_CHARACTERS} characters")
    wanted = ""
    for flag in flags:
        if flag == "x":
            pattern = re.sub(r"\s+", "", pattern)
        elif flag in _FLAGS:
            wanted += flag
        elif flag != "q":
            raise Fault("feel.bad_pattern", f"`{flag}` is not a flag of a pattern", "known are i, s, m, x, q")
    if "q" in flags:
        pattern = re2.escape(pattern)
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 8 << 20
    try:
        return re2.compile(f"(?{wanted}){pattern}" if wanted else pattern, options)
    except re2.error as error:
        raise Fault(
            "feel.bad_pattern",
            f"`{pattern[:60]}` is not a pattern this language can run: {_reason(error)}",
            "patterns run in linear time: no look-around and no back references; write `\\\\.` for a literal dot",
        ) from None


def _reason(error: Exception) -> str:
    said = error.args[0] if error.args else ""
    return (said.decode() if isinstance(said, bytes) else str(said)).lower()


def _matches(text: str, pattern: str, flags: str = "") -> bool:
    return pattern_of(pattern, flags).search(text) is not None


def _replace(text: str, pattern: str, replacement: str, flags: str = "") -> str:
    compiled = pattern_of(pattern, flags)
    if "q" in flags:
        return text_limit(compiled.sub(lambda _: replacement, text))
    if compiled.search("") is not None:
        raise Fault("feel.bad_pattern", f"`{pattern[:60]}` matches the empty text, so there is nothing to replace")

    def filled(match: Any) -> str:  # re2's match
        def group(reference: re.Match[str]) -> str:
            if reference[1] is not None:
                index = int(reference[1])
                return (match.group(index) or "") if index <= compiled.groups else ""
            return reference[2]

        return re.sub(r"\$([0-9])|\\([$\\])", group, replacement)

    return text_limit(compiled.sub(filled, text))


def _split(text: str, delimiter: str) -> tuple[str, ...]:
    compiled = pattern_of(delimiter, "")
    if compiled.search("") is not None:
        return tuple(text)
    parts: list[str] = []
    at = 0
    for match in compiled.finditer(text):
        parts.append(text[at : match.start()])
        at = match.end()
    return tuple(list_limit((*parts, text[at:])))  # type: ignore[arg-type]  # all are texts


def _string_join(items: Sequence[Value], delimiter: str | None = None) -> str:
    for item in items:
        if item is not None and not isinstance(item, str):
            raise Fault(
                "feel.wrong_type", f"`string join` joins texts, not a {kind_of(item)}", "make texts with `string(x)`"
            )
    return text_limit((delimiter or "").join(item for item in items if isinstance(item, str)))


# -- numbers

_GROUPINGS: Final = {" ", ",", "."}


def _number(text: str, grouping: str | None = None, point: str | None = None) -> Decimal:
    grouping = grouping or ""
    point = point or "."
    if (grouping and grouping not in _GROUPINGS) or point not in {".", ","} or grouping == point:
        raise Fault("feel.wrong_arguments", "the separators of a number are a space, `,` or `.`, and must differ")
    plain = text.replace(grouping, "") if grouping else text
    plain = plain.replace(point, ".") if point != "." else plain
    if not re.fullmatch(r"-?([0-9]{1,6200}(\.[0-9]{0,6200})?|\.[0-9]{1,6200})([eE][+-]?[0-9]{1,5})?", plain):
        raise Fault("feel.bad_number", f"`{text[:60]}` is not a number", "numbers are written `12345.67`")
    return number(NUMBERS.create_decimal, plain)  # type: ignore[arg-type]  # a context also makes numbers from text


def _rounder(rounding: str) -> Callable[..., Value]:
    def rounded(value: Decimal, scale: Decimal | None = None) -> Decimal:
        places = Decimal(0) if scale is None else scale
        if places != places.to_integral_value() or not -6111 <= places <= 6176:  # decimal128's exponents
            raise Fault(
                "feel.wrong_arguments",
                f"`{places}` is not a number of decimal places",
                "a whole number from -6111 to 6176",
            )
        if -value.as_tuple().exponent <= int(places):  # type: ignore[operator]  # numbers here are finite
            return value
        wide = NUMBERS.copy()
        wide.prec = max(NUMBER_DIGITS, value.adjusted() + int(places) + 2)
        return number(NUMBERS.plus, value.quantize(Decimal((0, (1,), -int(places))), rounding=rounding, context=wide))

    return rounded


def rounder_to(name: str, scale: Decimal, rounded: Callable[..., Value]) -> Callable[[Decimal], Value] | None:
    """The rounding function of that name for one scale: it gives what `rounded` gives, mostly without asking it."""
    if name not in ROUNDINGS or scale != scale.to_integral_value() or not 0 <= scale < NUMBER_DIGITS:
        return None
    exponent = -int(scale)
    unit = Decimal((0, (1,), exponent))
    quick = NUMBERS.copy()
    quick.rounding = ROUNDINGS[name]
    quantize = quick.quantize

    def quickly(value: Decimal) -> Value:
        try:
            found = quantize(value, unit)
        except DecimalException:  # needs more than all digits on the way
            return rounded(value, scale)
        if not found:  # a small negative number gives zero without a sign
            return rounded(value, scale)
        if found == value and value.as_tuple().exponent > exponent:  # type: ignore[operator]  # numbers are finite
            return value  # places are not filled up
        return found

    return quickly


def _modulo(dividend: Decimal, divisor: Decimal) -> Decimal:
    """`dividend - divisor * floor(dividend / divisor)`, exact."""
    if divisor == 0:
        raise Fault("feel.division_by_zero", "division by zero")
    if dividend and dividend.adjusted() - divisor.adjusted() > 6_200:  # would compute thousands of digits
        raise Fault("feel.number_range", "the numbers are too far apart for a remainder")
    wide = NUMBERS.copy()
    lowest = min(int(side.as_tuple().exponent) for side in (dividend, divisor))
    wide.prec = max(NUMBER_DIGITS, dividend.adjusted() - lowest + 40)
    rest = number(wide.remainder, dividend, divisor)
    if rest and (rest < 0) != (divisor < 0):
        rest = wide.add(rest, divisor)
    return number(NUMBERS.plus, rest)


def _sqrt(value: Decimal) -> Decimal:
    if value < 0:
        raise Fault("feel.undefined_number", f"`{value}` has no square root", "guard it with `if x >= 0`")
    return number(NUMBERS.sqrt, value)


def _log(value: Decimal) -> Decimal:
    if value <= 0:
        raise Fault("feel.undefined_number", f"`{value}` has no logarithm", "guard it with `if x > 0`")
    return number(NUMBERS.ln, value)


def _is_odd(value: Decimal) -> bool:
    return _modulo(value, Decimal(2)) == 1


def _numbers(items: Sequence[Value]) -> tuple[Decimal, ...]:
    found = []
    for item in items:
        if not isinstance(item, Decimal):
            raise Fault(
                "feel.wrong_type",
                f"expected a list of numbers, found a {kind_of(item)} in it",
                "leave out nulls with `xs[item != null]`",
            )
        found.append(item)
    return tuple(found)


def _sum(*items: Value) -> Value:
    total: Value = None
    for item in _spread(items):
        if item is None:
            raise Fault("feel.wrong_type", "`sum` meets a null in the list", "leave it out with `xs[item != null]`")
        total = item if total is None else add(total, item)
    return total


def _mean(*items: Value) -> Value:
    values = _spread(items)
    return divide(_sum(values), Decimal(len(values))) if values else None


def _median(*items: Value) -> Value:
    values = sorted(_numbers(_spread(items)))
    if not values:
        return None
    middle = len(values) // 2
    if len(values) % 2:
        return values[middle]
    return number(NUMBERS.divide, number(NUMBERS.add, values[middle - 1], values[middle]), Decimal(2))


def _product(*items: Value) -> Value:
    values = _numbers(_spread(items))
    result = Decimal(1)
    for value in values:
        result = number(NUMBERS.multiply, result, value)
    return result if values else None


def _extreme(op: str, name: str) -> Callable[..., Value]:
    def found(*items: Value) -> Value:
        best: Value = None
        for item in _spread(items):
            if item is None:
                raise Fault(
                    "feel.wrong_type", f"`{name}` meets a null in the list", "leave it out with `xs[item != null]`"
                )
            if best is None or order(op, item, best):
                best = item
        return best

    return found


def _spread(items: Sequence[Value]) -> Sequence[Value]:
    """The items of the one list argument, or the arguments themselves."""
    return as_list(items[0]) if len(items) == 1 else items


# -- lists


def _positions(items: Sequence[Value], match: Value) -> tuple[Value, ...]:
    return tuple(Decimal(at) for at, item in enumerate(items, 1) if same(item, match))


def _distinct(items: Sequence[Value]) -> tuple[Value, ...]:
    plain = {item: None for item in items if isinstance(item, str)}
    if plain and all(isinstance(item, str) for item in items):
        return tuple(plain)
    found: list[Value] = []
    for item in items:
        if not any(same(item, known) for known in found):
            found.append(item)
        if len(found) > 2_000:  # the comparison is quadratic
            raise Fault("feel.size_limit", "`distinct values` compares at most 2000 different values that are no texts")
    return tuple(found)


def _flatten(items: Sequence[Value]) -> tuple[Value, ...]:
    found: list[Value] = []
    stack = [iter(items)]
    while stack:
        for item in stack[-1]:
            if isinstance(item, list | tuple):
                stack.append(iter(item))
                break
            found.append(item)
        else:
            stack.pop()
    return list_limit(tuple(found))


def _sublist(items: Sequence[Value], start: Decimal, length: Decimal | None = None) -> tuple[Value, ...]:
    if start == 0 or start != start.to_integral_value() or abs(start) > len(items):
        raise Fault(
            "feel.wrong_arguments", f"`{start}` is not a position in the list", "the first item is 1, the last is -1"
        )
    begin = int(start) - 1 if start > 0 else len(items) + int(start)
    return tuple(items[begin:] if length is None else items[begin : begin + int(max(length, Decimal(0)))])


def _insert_before(items: Sequence[Value], position: Decimal, item: Value) -> tuple[Value, ...]:
    at = _position(items, position)
    return list_limit((*items[:at], item, *items[at:]))


def _remove(items: Sequence[Value], position: Decimal) -> tuple[Value, ...]:
    at = _position(items, position)
    return (*items[:at], *items[at + 1 :])


def _position(items: Sequence[Value], position: Decimal) -> int:
    if position == 0 or position != position.to_integral_value() or abs(position) > len(items):
        raise Fault(
            "feel.wrong_arguments", f"`{position}` is not a position in the list", "the first item is 1, the last is -1"
        )
    return int(position) - 1 if position > 0 else len(items) + int(position)


def _union(*lists: Sequence[Value]) -> tuple[Value, ...]:
    return _distinct(list_limit(tuple(item for items in lists for item in items)))


# -- dates


def _date_time(day: dt.date, clock: dt.time) -> dt.datetime:
    plain = day.date() if isinstance(day, dt.datetime) else day
    return dt.datetime.combine(plain, clock)


def _date_parts(year: Decimal, month: Decimal, day: Decimal) -> dt.date:
    whole = [_whole(part) for part in (year, month, day)]
    return temporal.date_of(*whole)


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value() or abs(value) > 999_999_999:  # no year is further away
        raise Fault("feel.wrong_arguments", f"`{value}` is not a whole number of a date or time")
    return int(value)


def _time_parts(hour: Decimal, minute: Decimal, second: Decimal, offset: dt.timedelta | None = None) -> dt.time:
    zone = None if offset is None else dt.timezone(offset)
    micro = int((second % 1) * 1_000_000)
    try:
        return dt.time(_whole(hour), _whole(minute), int(second), micro, zone)
    except ValueError:
        raise Fault("feel.bad_time", "there is no such time", "hours go to 23, minutes and seconds to 59") from None


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


def _date(value: Value) -> Value:
    return value.date() if isinstance(value, dt.datetime) else value


# -- contexts


def _get_entries(context: Mapping[str, Value]) -> tuple[Value, ...]:
    return tuple({"key": key, "value": value} for key, value in context.items())


def _put(context: Mapping[str, Value], key: str, value: Value) -> Value:
    return {**context, key: value}


def _merge(contexts: Sequence[Mapping[str, Value]]) -> Value:
    merged: dict[str, Value] = {}
    for context in contexts:
        merged.update(context)
    return merged


def _context(entries: Sequence[Value]) -> Value:
    made: dict[str, Value] = {}
    for entry in entries:
        key = member(entry, "key")
        if not isinstance(key, str) or key in made:
            raise Fault("feel.wrong_arguments", "`context` takes entries with a different text `key` each")
        made[key] = member(entry, "value")
    return made


# -- result types


def _first_type(types: Sequence[Type]) -> Type:
    return types[0]


def _item_type(types: Sequence[Type]) -> Type:
    first = types[0]
    if len(types) == 1:
        return first.item if isinstance(first, ListType) else first
    result = first
    for other in types[1:]:
        result = common(result, other)
    return result


def _appended(types: Sequence[Type]) -> Type:
    item = types[0].item if isinstance(types[0], ListType) else ANY
    for other in types[1:]:
        item = common(item, other)
    return ListType(item)


def _concatenated(types: Sequence[Type]) -> Type:
    result = types[0]
    for other in types[1:]:
        result = common(result, other)
    return result


def _flat(types: Sequence[Type]) -> Type:
    item = types[0]
    while isinstance(item, ListType):
        item = item.item
    return ListType(item)


_ENTRY: Final = ContextType({"key": Field(STRING), "value": Field(ANY, optional=True)})
_A: Final = ANY
_LIST: Final = [("list", ANY_LIST)]


def _list_or_more(call: Callable[..., Value], result: Result, **flags: bool) -> tuple[Signature, ...]:
    """Both ways to call an aggregate: with one list, or with its items."""
    return (
        _signature(_LIST, result, call, **flags),
        _signature([("value", ANY), ("values*", ANY)], result, call, **flags),
    )


ROUNDINGS: Final[Mapping[str, str]] = {
    "floor": ROUND_FLOOR,
    "ceiling": ROUND_CEILING,
    "decimal": ROUND_HALF_EVEN,
    "round up": ROUND_UP,
    "round down": ROUND_DOWN,
    "round half up": ROUND_HALF_UP,
    "round half down": ROUND_HALF_DOWN,
}
"""The functions that round to decimal places, and how."""


def _rounding(name: str) -> Builtin:
    return _one(name, [("n", NUMBER), ("scale?", NUMBER)], NUMBER, _rounder(ROUNDINGS[name]), total=False)


BUILTINS: Final[tuple[Builtin, ...]] = (
    # conversion
    _one("string", [("from", ANY)], STRING, lambda value: text_limit(feel_text(value))),
    Builtin(
        "number",
        (
            _signature([("from", STRING)], NUMBER, _number, total=False),
            _signature(
                [("from", STRING), ("grouping separator", STRING), ("decimal separator", STRING)],
                NUMBER,
                lambda text, grouping, point: None if text is None else _number(text, grouping, point),
                total=False,
                takes_nulls=True,
                may_be_null=True,
            ),
        ),
    ),
    # texts
    _one("upper case", [("string", STRING)], STRING, lambda text: text.upper()),
    _one("lower case", [("string", STRING)], STRING, lambda text: text.lower()),
    _one("trim", [("string", STRING)], STRING, lambda text: text.strip()),
    _one("string length", [("string", STRING)], NUMBER, lambda text: Decimal(len(text))),
    _one("contains", [("string", STRING), ("match", STRING)], BOOLEAN, lambda text, match: match in text),
    _one("starts with", [("string", STRING), ("match", STRING)], BOOLEAN, lambda text, match: text.startswith(match)),
    _one("ends with", [("string", STRING), ("match", STRING)], BOOLEAN, lambda text, match: text.endswith(match)),
    _one(
        "substring",
        [("string", STRING), ("start position", NUMBER), ("length?", NUMBER)],
        STRING,
        _substring,
        total=False,
    ),
    _one("substring before", [("string", STRING), ("match", STRING)], STRING, _before),
    _one("substring after", [("string", STRING), ("match", STRING)], STRING, _after),
    _one("matches", [("input", STRING), ("pattern", STRING), ("flags?", STRING)], BOOLEAN, _matches, total=False),
    _one(
        "replace",
        [("input", STRING), ("pattern", STRING), ("replacement", STRING), ("flags?", STRING)],
        STRING,
        _replace,
        total=False,
    ),
    _one("split", [("string", STRING), ("delimiter", STRING)], STRINGS, _split, total=False),
    _one(
        "string join",
        [("list", STRINGS), ("delimiter?", STRING)],
        STRING,
        lambda items, delimiter=None: None if items is None else _string_join(items, delimiter),
        total=False,
        takes_nulls=True,
    ),
    # numbers
    Builtin(
        "abs",
        tuple(
            _signature([("n", type_)], type_, call)
            for type_, call in (
                (NUMBER, lambda n: n.copy_abs()),
                (DAYS_TIME_DURATION, abs),
                (YEARS_MONTHS_DURATION, lambda n: YearMonthDuration(abs(n.months))),
            )
        ),
    ),
    *map(_rounding, ROUNDINGS),
    _one("modulo", [("dividend", NUMBER), ("divisor", NUMBER)], NUMBER, _modulo, total=False),
    _one("sqrt", [("number", NUMBER)], NUMBER, _sqrt, total=False),
    _one("log", [("number", NUMBER)], NUMBER, _log, total=False),
    _one("exp", [("number", NUMBER)], NUMBER, lambda n: number(NUMBERS.exp, n), total=False),
    _one("odd", [("number", NUMBER)], BOOLEAN, _is_odd, total=False),
    _one("even", [("number", NUMBER)], BOOLEAN, lambda n: _modulo(n, Decimal(2)) == 0, total=False),
    # lists
    Builtin("min", _list_or_more(_extreme("<", "min"), _item_type, may_be_null=True, total=False)),
    Builtin("max", _list_or_more(_extreme(">", "max"), _item_type, may_be_null=True, total=False)),
    Builtin("sum", _list_or_more(_sum, _item_type, may_be_null=True, total=False)),
    Builtin("mean", _list_or_more(_mean, _item_type, may_be_null=True, total=False)),
    Builtin("median", _list_or_more(_median, _item_type, may_be_null=True, total=False)),
    Builtin("product", _list_or_more(_product, _item_type, may_be_null=True, total=False)),
    _one("count", _LIST, NUMBER, lambda items: Decimal(len(items))),
    Builtin(
        "all",
        _list_or_more(
            lambda *items: all_of(_truths("all", items)), BOOLEAN, may_be_null=True, takes_nulls=True, total=False
        ),
    ),
    Builtin(
        "any",
        _list_or_more(
            lambda *items: any_of(_truths("any", items)), BOOLEAN, may_be_null=True, takes_nulls=True, total=False
        ),
    ),
    _one(
        "list contains",
        [("list", ANY_LIST), ("element", ANY)],
        BOOLEAN,
        lambda items, element: None if items is None else any(same(item, element) for item in items),
        takes_nulls=True,
    ),
    _one(
        "append",
        [("list", ANY_LIST), ("item*", ANY)],
        _appended,
        lambda items, *more: None if items is None else list_limit((*items, *more)),
        takes_nulls=True,
        total=False,
    ),
    _one(
        "concatenate",
        [("list", ANY_LIST), ("lists*", ANY_LIST)],
        _concatenated,
        lambda *lists: list_limit(tuple(item for items in lists for item in items)),
        total=False,
    ),
    _one("union", [("list", ANY_LIST), ("lists*", ANY_LIST)], _concatenated, _union, total=False),
    _one("distinct values", _LIST, _first_type, _distinct, total=False),
    _one("flatten", _LIST, _flat, _flatten, total=False),
    _one(
        "index of",
        [("list", ANY_LIST), ("match", ANY)],
        NUMBER_LIST,
        lambda items, match: None if items is None else _positions(items, match),
        takes_nulls=True,
    ),
    _one("reverse", _LIST, _first_type, lambda items: tuple(reversed(items))),
    _one(
        "sublist",
        [("list", ANY_LIST), ("start position", NUMBER), ("length?", NUMBER)],
        _first_type,
        _sublist,
        total=False,
    ),
    _one(
        "insert before",
        [("list", ANY_LIST), ("position", NUMBER), ("newItem", ANY)],
        ANY_LIST,
        lambda items, at, item: None if items is None or at is None else _insert_before(items, at, item),
        takes_nulls=True,
        total=False,
    ),
    _one("remove", [("list", ANY_LIST), ("position", NUMBER)], _first_type, _remove, total=False),
    # dates, times, durations
    Builtin(
        "date",
        (
            _signature([("from", STRING)], DATE, temporal.date_from, total=False),
            _signature([("from", DATE_TIME)], DATE, _date),
            _signature([("from", DATE)], DATE, _date),
            _signature([("year", NUMBER), ("month", NUMBER), ("day", NUMBER)], DATE, _date_parts, total=False),
        ),
    ),
    Builtin(
        "time",
        (
            _signature([("from", STRING)], TIME, temporal.time_from, total=False),
            _signature([("from", DATE_TIME)], TIME, lambda value: value.timetz()),
            _signature([("from", TIME)], TIME, lambda value: value),
            _signature(
                [("hour", NUMBER), ("minute", NUMBER), ("second", NUMBER), ("offset?", DAYS_TIME_DURATION)],
                TIME,
                _time_parts,
                total=False,
            ),
        ),
    ),
    Builtin(
        "date and time",
        (
            _signature([("from", STRING)], DATE_TIME, temporal.date_time_from, total=False),
            _signature([("date", DATE), ("time", TIME)], DATE_TIME, _date_time),
            _signature([("date", DATE_TIME), ("time", TIME)], DATE_TIME, _date_time),
        ),
    ),
    Builtin("duration", (_signature([("from", STRING)], ANY, temporal.duration_from, total=False),)),
    Builtin(
        "years and months duration",
        tuple(
            _signature([("from", type_), ("to", type_)], YEARS_MONTHS_DURATION, temporal.whole_months, total=False)
            for type_ in (DATE, DATE_TIME)
        ),
    ),
    _one("today", [], DATE, lambda run: run.today(), reads_clock=True, total=False),
    _one("now", [], DATE_TIME, lambda run: run.now(), reads_clock=True, total=False),
    *(
        Builtin(name, tuple(_signature([("date", type_)], result, call) for type_ in (DATE, DATE_TIME)))
        for name, result, call in (
            ("day of week", STRING, lambda day: _DAYS[day.weekday()]),
            ("day of year", NUMBER, lambda day: Decimal(day.timetuple().tm_yday)),
            ("month of year", STRING, lambda day: _MONTHS[day.month - 1]),
            ("week of year", NUMBER, lambda day: Decimal(day.isocalendar().week)),
        )
    ),
    # contexts
    _one(
        "get value",
        [("m", ANY_CONTEXT), ("key", STRING)],
        ANY,
        lambda context, key: context.get(key),
        may_be_null=True,
    ),
    _one("get entries", [("m", ANY_CONTEXT)], ListType(_ENTRY), _get_entries),
    _one(
        "context put",
        [("context", ANY_CONTEXT), ("key", STRING), ("value", ANY)],
        ANY_CONTEXT,
        lambda context, key, value: None if context is None or key is None else _put(context, key, value),
        takes_nulls=True,
    ),
    _one("context merge", [("contexts", ListType(ANY_CONTEXT))], ANY_CONTEXT, _merge, total=False),
    _one("context", [("entries", ANY_LIST)], ANY_CONTEXT, _context, total=False),
    # ranges
    _one(
        "includes",
        [("range", RangeType(ANY)), ("point", ANY)],
        BOOLEAN,
        lambda given, point: in_range(point, given) if isinstance(given, Range) else None,
        total=False,
    ),
)


def _truths(name: str, items: Sequence[Value]) -> Sequence[Value]:
    values = _spread(items) if items != (None,) else (None,)
    for value in values:
        if value is not None and not isinstance(value, bool):
            raise Fault("feel.wrong_type", f"`{name}` takes booleans, found a {kind_of(value)}")
    return values


BY_NAME: Final[Mapping[str, Builtin]] = MappingProxyType({builtin.name: builtin for builtin in BUILTINS})
FUNCTION_NAMES: Final = Names(BY_NAME)
"""The names of several words, for the parser."""

assert len(BY_NAME) == len(BUILTINS), "two built-ins share a name"  # a slip in the tuple above

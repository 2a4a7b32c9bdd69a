"""The built-in functions of the standard, in one visible tuple, each with every form it may be called in.

A form is written as FEEL writes parameters: `string: string, start position: number, length?: number`. `?` after a
name means that it may be left out, `*` that it takes all that follow; `?` after a type that null is a value like any
other. A null anywhere else gives null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from engine.feel.builtins import BY_NAME as STRICT
from engine.feel.limits import MAX_LIST_ITEMS
from engine.feel.operations import list_limit, number, text_limit
from engine.feel.parser import Names
from engine.feel.standard import temporal
from engine.feel.standard.operations import (
    add,
    all_of,
    any_of,
    as_list,
    compare,
    divide,
    equal,
    kind_of,
    same,
)
from engine.feel.standard.patterns import Match, pattern_of
from engine.feel.standard.range_functions import RELATIONS
from engine.feel.standard.range_text import range_from
from engine.feel.standard.session import Session
from engine.feel.standard.temporal import Date, DateTime, Duration, Time
from engine.feel.standard.text import feel_text
from engine.feel.standard.types import conforms, converted, named
from engine.feel.types import ANY, FunctionType, ListType, Type
from engine.feel.values import NUMBERS, Fault, YearMonthDuration


@dataclass(frozen=True, slots=True)
class Parameter:
    """A formal parameter of one form; `types` are alternatives."""

    name: str
    types: tuple[Type, ...]
    optional: bool = False
    rest: bool = False
    takes_null: bool = False

    def accept(self, value: Any) -> Any:
        """The argument as the function takes it. Raises `Fault`."""
        if value is None:
            if self.takes_null:
                return None
            raise Fault("feel.wrong_arguments", f"`{self.name}` is null")
        for type_ in self.types:
            if conforms(value, type_):
                return value
        for type_ in self.types:
            try:
                found = converted(value, type_)
            except Fault:
                continue
            if found is not None or self.takes_null:  # `[null]` is a list of one, and so its null
                return found
        raise Fault("feel.wrong_arguments", f"`{self.name}` must be a {self.types[0]}, not a {kind_of(value)}")


@dataclass(frozen=True, slots=True)
class Form:
    """One way to call a function."""

    parameters: tuple[Parameter, ...]
    call: Callable[..., Any]

    @property
    def rest(self) -> bool:
        """Whether the last parameter takes all that follow."""
        return bool(self.parameters) and self.parameters[-1].rest

    def accepts(self, count: int) -> bool:
        """Whether that many arguments can be right."""
        least = sum(1 for p in self.parameters if not p.optional and not p.rest)
        return least <= count and (self.rest or count <= len(self.parameters))

    def bind(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments converted. Raises `Fault`."""
        last = len(self.parameters) - 1
        return [self.parameters[min(at, last)].accept(value) for at, value in enumerate(arguments)]


@dataclass(frozen=True, slots=True, eq=False)
class BuiltinFunction:
    """A built-in function as a value."""

    name: str
    forms: tuple[Form, ...]
    wants_session: bool = False

    @property
    def type(self) -> FunctionType:
        """Parameters and result; the first form's."""
        parameters = self.forms[0].parameters
        return FunctionType(tuple(p.types[0] for p in parameters), ANY)

    def positional(self, session: Session, arguments: Sequence[Any]) -> Any:
        """Call the first form that takes the arguments. Raises `Fault`."""
        forms = [form for form in self.forms if form.accepts(len(arguments))]
        if not forms:
            raise Fault("feel.wrong_arguments", f"`{self.name}` does not take {len(arguments)} arguments")
        return self._first(session, [(form, arguments) for form in forms])

    def named(self, session: Session, arguments: Mapping[str, Any]) -> Any:
        """Call the first form with these parameters. Raises `Fault`."""
        found = []
        for form in self.forms:
            wanted = {p.name: p for p in form.parameters}
            least = {p.name for p in form.parameters if not p.optional}
            if least <= set(arguments) <= set(wanted):
                found.append((form, arguments))
        if not found:
            shown = ", ".join(arguments)
            raise Fault("feel.wrong_arguments", f"`{self.name}` has no parameters named {shown}")
        return self._first(session, found)

    def _first(self, session: Session, candidates: Sequence[tuple[Form, Any]]) -> Any:
        refused: Fault | None = None
        for form, arguments in candidates:
            try:
                values = _by_name(form, arguments) if isinstance(arguments, Mapping) else form.bind(arguments)
            except Fault as fault:
                refused = refused or fault
                continue
            session.spend(sum(len(value) for value in values if isinstance(value, list | tuple | str)) // _FREE)
            try:
                return form.call(session, *values) if self.wants_session else form.call(*values)
            except ArithmeticError:  # a decimal's overflow on the way to a result
                raise Fault("feel.number_range", f"the result of `{self.name}` is out of range") from None
        raise refused or Fault("feel.wrong_arguments", f"`{self.name}` cannot be called so")


def _by_name(form: Form, arguments: Mapping[str, Any]) -> list[Any]:
    values = [p.accept(arguments[p.name]) if p.name in arguments else _ABSENT for p in form.parameters]
    if form.rest:
        rest = values.pop()
        values.extend(() if rest is _ABSENT else as_list(rest))
    while values and values[-1] is _ABSENT:
        values.pop()
    return [None if value is _ABSENT else value for value in values]


_ABSENT: Final = object()
_FREE: Final = 16
"""Items of lists and characters of texts that a function may look at for one step of the budget."""
_TYPE_WORDS: Final[Mapping[str, Type]] = {"any": ANY, "numbers": ListType(named("number") or ANY)}


def _parameter(text: str) -> Parameter:
    name, _, written = text.partition(":")
    written = written.strip() or "any?"
    types = []
    for word in written.rstrip("?").split("|"):
        type_ = _TYPE_WORDS.get(word) or named(word)
        assert type_ is not None, f"no type {word!r}"
        types.append(type_)
    return Parameter(
        name.strip().rstrip("?*"),
        tuple(types),
        optional=name.strip().endswith("?"),
        rest=name.strip().endswith("*"),
        takes_null=written.endswith("?"),
    )


def _form(parameters: str, call: Callable[..., Any]) -> Form:
    return Form(tuple(_parameter(part) for part in parameters.split(", ") if part), call)


def _function(name: str, *forms: tuple[str, Callable[..., Any]], session: bool = False) -> BuiltinFunction:
    return BuiltinFunction(name, tuple(_form(parameters, call) for parameters, call in forms), session)


def _strict(name: str, form: int = 0) -> Callable[..., Any]:
    """What the strict language does with values that both have: numbers, texts and lists of them."""
    return STRICT[name].signatures[form].call


# -- texts


def _substring(text: str, start: Decimal, length: Decimal | None = None) -> Any:
    if start != start.to_integral_value() or start == 0 or abs(start) > len(text):
        raise Fault("feel.wrong_arguments", f"`{start}` is not a position in the text")
    begin = int(start) - 1 if start > 0 else len(text) + int(start)
    if length is None:
        return text[begin:]
    if length < 1:
        raise Fault("feel.wrong_arguments", f"`{length}` is not a number of characters")
    return text[begin : begin + int(min(length, Decimal(len(text))))]


def _matches(text: str, pattern: str, flags: str | None = None) -> bool:
    return pattern_of(pattern, flags or "").search(text) is not None


def _replace(text: str, pattern: str, replacement: str, flags: str | None = None) -> str:
    compiled = pattern_of(pattern, flags or "")
    if compiled.search("") is not None:
        raise Fault("feel.bad_pattern", "the pattern matches the empty text, so there is nothing to replace")
    literal = "q" in (flags or "")
    pieces = [] if literal else _replacement(replacement, compiled.groups)
    found: list[str] = []
    at = 0
    for match in compiled.matches(text):
        found.append(text[at : match.start])
        found.append(replacement if literal else "".join(_piece(piece, match) for piece in pieces))
        at = match.end
    return text_limit("".join((*found, text[at:])))


def _piece(piece: str | int, match: Match) -> str:
    if isinstance(piece, str):
        return piece
    return match.text[match.start : match.end] if piece == 0 else match.group(piece)


def _replacement(text: str, groups: int) -> list[str | int]:
    """The replacement's pieces: texts, and numbers of groups. A backslash makes a text of `$` and of itself."""
    pieces: list[str | int] = []
    at = 0
    while at < len(text):
        char, after = text[at], text[at + 1 : at + 2]
        at += 1
        if char == "\\":
            if after not in {"\\", "$"}:
                raise Fault("feel.bad_pattern", "a backslash in a replacement stands before `$` or another backslash")
            pieces.append(after)
            at += 1
        elif char == "$":
            if not (after.isascii() and after.isdigit()):
                raise Fault("feel.bad_pattern", "`$` in a replacement stands before the number of a group")
            group = int(after)
            at += 1
            while text[at : at + 1].isascii() and text[at : at + 1].isdigit() and group * 10 + int(text[at]) <= groups:
                group = group * 10 + int(text[at])
                at += 1
            pieces.append(group if group <= groups else "")
        else:
            pieces.append(char)
    return pieces


def _split(text: str, delimiter: str) -> Any:
    parts: list[str] = []
    at = 0
    for match in pattern_of(delimiter, "").matches(text):
        if match.end == match.start:
            continue
        parts.append(text[at : match.start])
        at = match.end
    return list_limit((*parts, text[at:]))


def _string_join(items: Sequence[Any], delimiter: str | None = None) -> str:
    for item in items:
        if item is not None and not isinstance(item, str):
            raise Fault("feel.wrong_type", f"`string join` joins texts, not a {kind_of(item)}")
    return text_limit((delimiter or "").join(item for item in items if item is not None))


def _number(text: str, grouping: str | None = None, point: str | None = None) -> Decimal:
    found = _strict("number", 1)(text, grouping, point)
    assert isinstance(found, Decimal)
    return found


# -- numbers and aggregates


def _spread(items: Sequence[Any]) -> Sequence[Any]:
    """The items of the one list argument, or the arguments themselves. Raises `Fault` for none at all."""
    if not items:
        raise Fault("feel.wrong_arguments", "the function is called with no values")
    return items[0] if len(items) == 1 and isinstance(items[0], list | tuple) else items


def _numbers(items: Sequence[Any]) -> list[Decimal]:
    values = list(_spread(items))
    for value in values:
        if not isinstance(value, Decimal):
            raise Fault("feel.wrong_type", f"expected numbers, found a {kind_of(value)}")
    return values


def _sum(*items: Any) -> Any:
    total: Any = None
    for item in _spread(items):
        if item is None:
            raise Fault("feel.wrong_type", "there is a null among the values of `sum`")
        if kind_of(item) not in {"number", "days and time duration", "years and months duration"}:
            raise Fault("feel.wrong_type", f"a {kind_of(item)} cannot be added up")
        total = item if total is None else add(total, item)
    return total


def _mean(*items: Any) -> Any:
    values = _spread(items)
    if not values:
        raise Fault("feel.wrong_arguments", "no values have no mean")
    return divide(_sum(values), Decimal(len(values)))


def _median(*items: Any) -> Any:
    values = sorted(_numbers(items))
    if not values:
        raise Fault("feel.wrong_arguments", "no values have no median")
    middle = len(values) // 2
    if len(values) % 2:
        return values[middle]
    return number(NUMBERS.divide, number(NUMBERS.add, values[middle - 1], values[middle]), Decimal(2))


def _product(*items: Any) -> Any:
    values = _numbers(items)
    if not values:
        raise Fault("feel.wrong_arguments", "no values have no product")
    result = Decimal(1)
    for value in values:
        result = number(NUMBERS.multiply, result, value)
    return result


def _stddev(*items: Any) -> Any:
    values = _numbers(items)
    if len(values) < 2:  # the sample's deviation divides by one less than its size
        raise Fault("feel.wrong_arguments", "a standard deviation needs two values")
    wide = NUMBERS.copy()
    wide.prec = 2 * NUMBERS.prec
    total = Decimal(0)
    for value in values:
        total = wide.add(total, value)
    mean = wide.divide(total, Decimal(len(values)))
    total = Decimal(0)
    for value in values:
        off = wide.subtract(value, mean)
        total = wide.add(total, wide.multiply(off, off))
    return number(NUMBERS.plus, wide.sqrt(wide.divide(total, Decimal(len(values) - 1))))


def _mode(*items: Any) -> Any:
    counts: dict[Decimal, int] = {}
    for value in _numbers(items):
        counts[value] = counts.get(value, 0) + 1
    most = max(counts.values(), default=0)
    return tuple(sorted(value for value, count in counts.items() if count == most))


def _extreme(op: str) -> Callable[..., Any]:
    def found(*items: Any) -> Any:
        values = _spread(items)
        if not values:
            raise Fault("feel.wrong_arguments", "no values have no smallest or largest")
        best = values[0]
        if compare(op, best, best) is None:
            raise Fault("feel.wrong_type", f"a {kind_of(best)} has no order")
        for item in values[1:]:
            better = compare(op, item, best)
            if better is None:
                raise Fault("feel.wrong_type", "null has no order")
            best = item if better else best
        return best

    return found


def _whole(value: Decimal) -> int:
    if value != value.to_integral_value() or abs(value) > 10**18:
        raise Fault("feel.wrong_arguments", f"`{value}` is not a whole number")
    return int(value)


# -- lists


def _position(items: Sequence[Any], position: Decimal, *, beyond: int = 0) -> int:
    if position == 0 or position != position.to_integral_value() or abs(position) > len(items) + beyond:
        raise Fault("feel.wrong_arguments", f"`{position}` is not a position in a list of {len(items)}")
    return int(position) - 1 if position > 0 else len(items) + int(position)


def _sublist(items: Sequence[Any], start: Decimal, length: Decimal | None = None) -> Any:
    begin = _position(items, start)
    if length is None:
        return tuple(items[begin:])
    if length < 1 or begin + length > len(items):
        raise Fault("feel.wrong_arguments", f"the list has no {length} items from there")
    return tuple(items[begin : begin + int(length)])


def _distinct(items: Sequence[Any]) -> Any:
    found: list[Any] = []
    for item in items:
        if not any(same(item, known) for known in found):
            found.append(item)
        if len(found) > 2_000:  # the comparison is quadratic
            raise Fault("feel.size_limit", "at most 2000 different values are compared")
    return tuple(found)


def _flatten(items: Sequence[Any]) -> Any:
    found: list[Any] = []
    stack = [iter(items)]
    while stack:
        for item in stack[-1]:
            if isinstance(item, list | tuple):
                stack.append(iter(item))
                break
            found.append(item)
            if len(found) > MAX_LIST_ITEMS:
                list_limit(tuple(found))
        else:
            stack.pop()
    return tuple(found)


def _concatenate(*lists: Sequence[Any]) -> Any:
    return list_limit(tuple(item for items in lists for item in items))


def _list_replace_at(_: Session, items: Sequence[Any], position: Decimal, item: Any) -> Any:
    at = _position(items, Decimal(int(position)) if abs(position) < MAX_LIST_ITEMS + 1 else position)
    return (*items[:at], item, *items[at + 1 :])


def _list_replace_where(session: Session, items: Sequence[Any], match: Any, new: Any) -> Any:
    session.spend(len(items))
    found = []
    for item in items:
        hit = match.positional(session, [item, new])
        if not isinstance(hit, bool):
            raise Fault("feel.wrong_type", "the function of `list replace` must give true or false")
        found.append(new if hit else item)
    return tuple(found)


def _sort(session: Session, items: Sequence[Any], precedes: Any = None) -> Any:
    if len(items) > MAX_LIST_ITEMS:
        list_limit(tuple(items))

    def before(left: Any, right: Any) -> bool:
        session.spend(1)
        pair = [left, right]
        found = compare("<", *pair) if precedes is None else precedes.positional(session, pair)
        if not isinstance(found, bool):
            raise Fault("feel.wrong_type", "the items have no order")
        return found

    return tuple(_merged(list(items), before))


def _merged(items: list[Any], before: Callable[[Any, Any], bool]) -> list[Any]:
    """A stable merge sort that asks only whether a later item goes before an earlier one."""
    if len(items) < 2:  # nothing to sort
        return items
    middle = len(items) // 2
    left, right = _merged(items[:middle], before), _merged(items[middle:], before)
    found: list[Any] = []
    one = two = 0
    while one < len(left) and two < len(right):
        if before(right[two], left[one]):
            found.append(right[two])
            two += 1
        else:
            found.append(left[one])
            one += 1
    return found + left[one:] + right[two:]


# -- dates


def _date_parts(year: Decimal, month: Decimal, day: Decimal) -> Date:
    return temporal.date_of(_whole(year), _whole(month), _whole(day))


def _time_parts(hour: Decimal, minute: Decimal, second: Decimal, offset: Duration | None = None) -> Time:
    zone = None if offset is None else temporal.zone_of_offset(offset.nanoseconds // temporal.SECOND)
    return temporal.time_of(_whole(hour), _whole(minute), second, zone)


def _time(value: Any) -> Time:
    if isinstance(value, Date):
        return Time(0, temporal.UTC)
    return value.time if isinstance(value, DateTime) else value


def _day(value: Any) -> Date:
    return value.date if isinstance(value, DateTime) else value


def _date_time_parts(*parts: Any) -> DateTime:
    year, month, day, hour, minute, second = parts[:6]
    zone = None
    if len(parts) > 6:  # the offset or the zone's name
        zone = (
            temporal.date_time_from(f"2000-01-01T00:00:00@{parts[6]}").time.zone
            if isinstance(parts[6], str)
            else (temporal.zone_of_offset(_whole(number(NUMBERS.multiply, parts[6], Decimal(3600)))))
        )
    return DateTime(_date_parts(year, month, day), temporal.time_of(_whole(hour), _whole(minute), second, zone))


def _now(session: Session) -> DateTime:
    if session.at is None:
        raise Fault("feel.no_instant", "the model asks for the time, but the evaluation was given none")
    return temporal.from_python(session.at)


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


def _is(left: Any, right: Any) -> Any:
    """The same value of the same kind: zones count, unlike for `=`."""
    if kind_of(left) != kind_of(right):
        return False
    if isinstance(left, Time | DateTime):
        return left == right
    return equal(left, right) is True


# -- contexts


def _get_value(context: Mapping[str, Any], key: Any) -> Any:
    value: Any = context
    for name in as_list(key):
        if not isinstance(value, Mapping) or not isinstance(name, str) or name not in value:
            raise Fault("feel.unknown_name", f"the context has no entry `{feel_text(name)}`")
        value = value[name]
    return value


def _get_entries(context: Mapping[str, Any]) -> Any:
    return tuple({"key": key, "value": value} for key, value in context.items())


def _put(context: Mapping[str, Any], key: str, value: Any) -> Any:
    return {**context, key: value}


def _put_deep(context: Mapping[str, Any], keys: Sequence[Any], value: Any) -> Any:
    if not keys or not all(isinstance(key, str) for key in keys):
        raise Fault("feel.wrong_arguments", "`context put` takes the names on the way to the entry")
    first, *rest = keys
    if not rest:
        return {**context, first: value}
    inner = context.get(first)
    if not isinstance(inner, Mapping):
        raise Fault("feel.wrong_arguments", f"the entry `{first}` is no context")
    return {**context, first: _put_deep(inner, rest, value)}


def _merge(contexts: Sequence[Any]) -> Any:
    merged: dict[str, Any] = {}
    for context in contexts:
        if not isinstance(context, Mapping):
            raise Fault("feel.wrong_type", f"`context merge` takes contexts, not a {kind_of(context)}")
        merged.update(context)
    return merged


def _context(entries: Sequence[Any]) -> Any:
    made: dict[str, Any] = {}
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("key"), str) or "value" not in entry:
            raise Fault("feel.wrong_arguments", "`context` takes entries with `key` and `value`")
        if entry["key"] in made:
            raise Fault("feel.wrong_arguments", f"two entries have the key `{entry['key']}`")
        made[entry["key"]] = entry["value"]
    return made


def _aggregate(name: str, call: Callable[..., Any]) -> BuiltinFunction:
    return _function(name, ("list: list", call), ("c*: any?", call))


def _rounding(name: str) -> BuiltinFunction:
    call = _strict(name)
    if name in {"floor", "ceiling"}:
        return _function(name, ("n: number, scale?: number", call))
    return _function(name, ("n: number, scale: number", call))


def _relation(name: str) -> BuiltinFunction:
    forms, call = RELATIONS[name]
    typed = [
        ", ".join(f"{part}: {'range' if 'range' in part else 'any'}" for part in form.split(", ")) for form in forms
    ]
    return _function(name, *((form, call) for form in typed))


_DAY_OR_TIME: Final = "date|date and time"
_MOMENT: Final = "year: number, month: number, day: number, hour: number, minute: number, second: number"

FUNCTIONS: Final[tuple[BuiltinFunction, ...]] = (
    # conversion
    _function("string", ("from: any", lambda value: text_limit(feel_text(value)))),
    _function(
        "number",
        ("from: string, grouping separator: string?, decimal separator: string?", _number),
        ("from: string", _number),
    ),
    _function("range", ("from: string", range_from)),
    # booleans
    _function("not", ("negand: boolean", lambda value: not value)),
    _function("is", ("value1: any?, value2: any?", _is)),
    # texts
    _function("upper case", ("string: string", str.upper)),
    _function("lower case", ("string: string", str.lower)),
    _function("string length", ("string: string", lambda text: Decimal(len(text)))),
    _function("contains", ("string: string, match: string", lambda text, match: match in text)),
    _function("starts with", ("string: string, match: string", str.startswith)),
    _function("ends with", ("string: string, match: string", str.endswith)),
    _function("substring", ("string: string, start position: number, length?: number?", _substring)),
    _function("substring before", ("string: string, match: string", _strict("substring before"))),
    _function("substring after", ("string: string, match: string", _strict("substring after"))),
    _function("matches", ("input: string, pattern: string, flags?: string?", _matches)),
    _function("replace", ("input: string, pattern: string, replacement: string, flags?: string?", _replace)),
    _function("split", ("string: string, delimiter: string", _split)),
    _function("string join", ("list: list, delimiter?: string?", _string_join)),
    # numbers
    _function(
        "abs",
        ("n: number", lambda n: n.copy_abs()),
        ("n: days and time duration", lambda n: Duration(abs(n.nanoseconds))),
        ("n: years and months duration", lambda n: YearMonthDuration(abs(n.months))),
    ),
    *(_rounding(name) for name in ("floor", "ceiling", "decimal", "round up", "round down")),
    *(_rounding(name) for name in ("round half up", "round half down")),
    _function("modulo", ("dividend: number, divisor: number", _strict("modulo"))),
    _function("sqrt", ("number: number", _strict("sqrt"))),
    _function("log", ("number: number", _strict("log"))),
    _function("exp", ("number: number", _strict("exp"))),
    _function("odd", ("number: number", _strict("odd"))),
    _function("even", ("number: number", _strict("even"))),
    # aggregates
    _aggregate("min", _extreme("<")),
    _aggregate("max", _extreme(">")),
    _aggregate("sum", _sum),
    _aggregate("mean", _mean),
    _aggregate("median", _median),
    _aggregate("product", _product),
    _aggregate("stddev", _stddev),
    _aggregate("mode", _mode),
    _aggregate("all", lambda *items: all_of(_spread(items))),
    _aggregate("any", lambda *items: any_of(_spread(items))),
    _function("count", ("list: list", lambda items: Decimal(len(items)))),
    # lists
    _function(
        "list contains", ("list: list, element: any?", lambda items, element: any(same(i, element) for i in items))
    ),
    _function("append", ("list: list, item*: any?", lambda items, *more: list_limit((*items, *more)))),
    _function("concatenate", ("list*: list", _concatenate)),
    _function("union", ("list*: list", lambda *lists: _distinct(_concatenate(*lists)))),
    _function("distinct values", ("list: list", _distinct)),
    _function("flatten", ("list: list", _flatten)),
    _function(
        "index of",
        (
            "list: list, match: any?",
            lambda items, match: tuple(Decimal(at) for at, item in enumerate(items, 1) if same(item, match)),
        ),
    ),
    _function("reverse", ("list: list", lambda items: tuple(reversed(items)))),
    _function("sublist", ("list: list, start position: number, length?: number?", _sublist)),
    _function(
        "insert before",
        (
            "list: list, position: number, newItem: any?",
            lambda items, at, item: list_limit((*items[: _position(items, at)], item, *items[_position(items, at) :])),
        ),
    ),
    _function(
        "remove",
        (
            "list: list, position: number",
            lambda items, at: (*items[: _position(items, at)], *items[_position(items, at) + 1 :]),
        ),
    ),
    _function(
        "list replace",
        ("list: list, position: number, newItem: any?", _list_replace_at),
        ("list: list, match: function, newItem: any?", _list_replace_where),
        session=True,
    ),
    _function("sort", ("list: list, precedes?: function", _sort), session=True),
    # dates, times, durations
    _function(
        "date",
        ("from: string", temporal.date_from),
        (f"from: {_DAY_OR_TIME}", _day),
        ("year: number, month: number, day: number", _date_parts),
    ),
    _function(
        "time",
        ("from: string", temporal.time_from),
        ("from: time|date and time|date", _time),
        ("hour: number, minute: number, second: number, offset?: days and time duration?", _time_parts),
    ),
    _function(
        "date and time",
        ("from: string", temporal.date_time_from),
        ("from: date and time|date", lambda value: value if isinstance(value, DateTime) else temporal.midnight(value)),
        (f"date: {_DAY_OR_TIME}, time: time", lambda day, time: DateTime(_day(day), time)),
        (
            _MOMENT,
            _date_time_parts,
        ),
        (
            f"{_MOMENT}, hour offset: number",
            _date_time_parts,
        ),
        (
            f"{_MOMENT}, timezone: string",
            _date_time_parts,
        ),
    ),
    _function("duration", ("from: string", temporal.duration_from)),
    _function(
        "years and months duration",
        (f"from: {_DAY_OR_TIME}, to: {_DAY_OR_TIME}", temporal.whole_months),
    ),
    _function("today", ("", lambda session: _now(session).date), session=True),
    _function("now", ("", _now), session=True),
    _function("day of week", (f"date: {_DAY_OR_TIME}", lambda value: _DAYS[_day(value).weekday - 1])),
    _function(
        "day of year",
        (
            f"date: {_DAY_OR_TIME}",
            lambda value: Decimal(_day(value).number - Date(_day(value).year, 1, 1).number + 1),
        ),
    ),
    _function("month of year", (f"date: {_DAY_OR_TIME}", lambda value: _MONTHS[_day(value).month - 1])),
    _function("week of year", (f"date: {_DAY_OR_TIME}", lambda value: Decimal(temporal.iso_week(_day(value))))),
    # contexts
    _function(
        "get value",
        ("m: context, key: string", _get_value),
        ("context: context, keys: list", _get_value),
        ("context: context, key: string", _get_value),
    ),
    _function("get entries", ("m: context", _get_entries), ("context: context", _get_entries)),
    _function("context", ("entries: list", _context)),
    _function(
        "context put",
        ("context: context, key: string, value: any?", _put),
        ("context: context, keys: list, value: any?", _put_deep),
    ),
    _function("context merge", ("contexts: list", _merge)),
    # ranges
    *(_relation(name) for name in RELATIONS),
)

BUILTINS: Final[Mapping[str, BuiltinFunction]] = MappingProxyType({each.name: each for each in FUNCTIONS})
FUNCTION_NAMES: Final = Names(BUILTINS)
"""The names of several words, for the parser."""

assert len(BUILTINS) == len(FUNCTIONS), "two built-ins share a name"  # a slip in the tuple above

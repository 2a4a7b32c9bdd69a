"""JSON in and out without losing a digit.

Reading follows RFC 8259 strictly: numbers become `Decimal`, duplicate keys, NaN, lone surrogates, invalid UTF-8, deep
nesting and large documents are refused with a place. Writing is canonical (RFC 8785): sorted keys, no white space,
decimals and temporal values as strings, so that the same value is always the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring as _quoted
from typing import Any, NoReturn

import rfc8785

from engine.problems import InvalidError, Place, Problem

MAX_BYTES = 10_000_000
MAX_DEPTH = 64
MAX_VALUES = 500_000
"""A value takes a hundred bytes of memory and more, its text may have two: a bound on text bounds no memory."""

MAX_DIGITS = 34
"""FEEL's decimals (IEEE 754 decimal128) have 34 digits; a longer number would be rounded, so it is refused."""

_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)"
)
"""One escape of a string, or the two of a pair of surrogates; `half` is a surrogate without its other one."""
_MARKS = bytes(33 if byte >= 0xED else 32 for byte in range(256))
"""The first bytes of characters from U+D000 on become `!`, all else a space: quicker to search."""
_NEEDS_CARE = re.compile(r"[\ud800-\U0010ffff]")
_LARGEST_WHOLE = 2**53 - 1
"""Beyond it not every reader keeps a whole number."""
_AS_IT_IS = frozenset({str, int, bool, type(None)})
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)

_SEPARATORS = re.compile(r'"(?:[^"\\]|\\.)*"?|[,\[{]', re.DOTALL)
_BEFORE_VALUES = frozenset(",[{")


def parse(
    text: bytes | str,
    *,
    source: str = "body",
    max_bytes: int = MAX_BYTES,
    max_depth: int = MAX_DEPTH,
    max_members: int = MAX_VALUES,
) -> Any:
    """The value of a JSON text: dict, list, str, `Decimal`, bool or None. `max_members` bounds each object.

    Raises `InvalidError` with a `json.*` code and, where there is one, the line and column.
    """
    data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    if len(data) > max_bytes:
        _refuse("json.too_large", f"the document has {len(data):,} bytes; at most {max_bytes:,} are read", source)
    if isinstance(text, bytes):
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as error:
            good = data[: error.start].decode("utf-8")
            message = f"byte {error.start:,} is not valid UTF-8"
            _refuse("json.encoding", message, source, good, len(good), help_text="save the file as UTF-8")
    if text.startswith("\ufeff"):
        _refuse("json.malformed", "the text starts with a byte order mark; JSON has none", source, text, 0)
    _check_depth(text, source, max_depth)
    _check_values(text, source)
    duplicates: list[str] = []

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found) > max_members:
            message = f"an object has {len(found):,} members; at most {max_members:,} are read"
            _refuse("json.too_many_values", message, source)
        result = dict(found)
        if len(result) < len(found):
            seen: set[str] = set()
            for key, _ in found:
                if key in seen:
                    duplicates.append(key)
                seen.add(key)
        return result

    def number(digits: str) -> Decimal:
        try:
            value = Decimal(digits)
        except InvalidOperation:  # an exponent of dozens of digits
            value = Decimal("NaN")
        too_long = not value.is_nan() and len(value.as_tuple().digits) > MAX_DIGITS
        if too_long or value.is_nan() or not -6176 <= value.adjusted() <= 6144:
            why = f"has more than {MAX_DIGITS} digits" if too_long else "is too large or too small to be kept exactly"
            message, help_text = f"`{digits[:40]}` {why}", "round it, or put it in quotes where a text is meant"
            _refuse("json.number_too_long", message, source, text, text.find(digits), help_text=help_text)
        return value

    def constant(name: str) -> NoReturn:
        _refuse("json.not_a_number", f"`{name}` is not a JSON number", source, text, text.find(name))

    try:
        value = json.loads(text, parse_float=number, parse_int=number, parse_constant=constant, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        _refuse("json.malformed", _reason(error), source, text, error.pos, help_text=_REMEDIES.get(error.msg, ""))
    if duplicates:
        position = text.rfind(json.dumps(duplicates[0]))
        message = f"the key `{duplicates[0][:60]}` stands twice in one object"
        _refuse("json.duplicate_key", message, source, text, position, help_text="keep one of the two")
    if "\\u" in text and (position := _lone_surrogate(text)) >= 0:
        _refuse("json.encoding", "a string holds half of a surrogate pair", source, text, position)
    return value


def canonical(value: Any) -> bytes:
    """The RFC 8785 bytes of a value made of mappings, sequences, text, decimals, whole numbers, truth values, dates.

    A `Decimal` becomes a string in plain notation (`"48.550855"`, never an exponent); dates, times and durations become
    their ISO 8601 text. A binary float raises `TypeError`: it has no exact text.
    """
    return document(fragment(value), lambda: value)


def fragment(value: Any) -> str:
    """The JSON of a value as `canonical` writes it, to be put together with others; `document` sees to the rest."""
    kind = type(value)
    # The kinds that nearly every value is made of, asked for by their exact type: asking what else a value might be
    # costs more than writing it.
    if kind is str:
        return _quoted(value)
    if value is None:
        return "null"
    if kind is dict:
        try:
            members = [
                f"{_quoted(name)}:{_quoted(item) if type(item) is str else fragment(item)}"
                for name, item in sorted(value.items())
            ]
        except TypeError:
            if all(isinstance(name, str) for name in value):
                raise  # for a binary float within; names fail before anything within is looked at
            return fragment({str(name): item for name, item in value.items()})
        return f"{{{','.join(members)}}}"
    if kind is list or kind is tuple:
        return f"[{','.join([_quoted(item) if type(item) is str else fragment(item) for item in value])}]"
    if kind is Decimal:
        return f'"{decimal_text(value)}"'
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return _whole(value)
    if (temporal := _TEMPORAL.get(kind)) is not None:
        return f'"{temporal(value)}"'
    made = _plain(value)
    if isinstance(made, str):
        return _quoted(made)
    return _whole(made) if isinstance(made, int) else fragment(made)


def _whole(value: int) -> str:
    if not -_LARGEST_WHOLE <= value <= _LARGEST_WHOLE:
        raise rfc8785.IntegerDomainError(value)
    return int.__repr__(value)


def document(text: str, value: Callable[[], Any]) -> bytes:
    """The canonical bytes of a value whose text is put together from fragments, the names of its members sorted.

    Fragments differ from RFC 8785 in one thing only: they sort names by code point instead of UTF-16 unit. Where that
    could matter the whole `value` is written another way.
    """
    if text.isascii():
        return text.encode()
    try:
        data = text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return rfc8785.dumps(plain(value()))
    if b"!" in data.translate(_MARKS) and _NEEDS_CARE.search(text):
        return rfc8785.dumps(plain(value()))
    return data


def plain(value: Any) -> Any:
    """The value with only JSON's own types in it, as `canonical` writes them."""
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    # The kinds that nearly every value is made of, asked for by their exact type: asking what else a value might be
    # costs more than writing it.
    if kind is dict:
        return {
            name if type(name) is str else str(name): item if type(item) in _AS_IT_IS else plain(item)
            for name, item in value.items()
        }
    if kind is list or kind is tuple:
        return [item if type(item) in _AS_IT_IS else plain(item) for item in value]
    if kind is Decimal:
        return decimal_text(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, str | int):
        return value
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, float):
        raise TypeError("binary floats have no exact text; use Decimal")
    if isinstance(value, datetime):
        return instant_text(value)
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return duration_text(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | set | frozenset) and not isinstance(value, bytes):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [plain(item) for item in items]
    to_json = getattr(value, "to_json", None)
    if to_json is not None:
        return plain(to_json())
    return str(value)


def facts_text(value: Any) -> str:
    """Facts as a JSON text that reads back to the same facts: numbers in plain notation, dates and durations as texts.

    Unlike `canonical`, which writes decimals as texts. Takes what a fact may be; the text is also YAML.
    """
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "true" if value else "false"
    if isinstance(value, Decimal | int):
        return decimal_text(Decimal(value))
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_quoted(str(name))}: {facts_text(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(facts_text(item) for item in value) + "]"
    if isinstance(value, datetime):
        return _quoted(instant_text(value))
    if isinstance(value, timedelta):
        return _quoted(duration_text(value))
    return _quoted(
        value if isinstance(value, str) else value.isoformat() if hasattr(value, "isoformat") else str(value)
    )


def decimal_text(value: Decimal) -> str:
    """Plain notation without trailing zeros after the point; `-0` is `0`. Equal numbers have equal text."""
    if not value:
        return "0"
    text = str(value)  # a third of the time that `format` takes
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant_text(value: datetime) -> str:
    """ISO 8601 with `Z` for UTC; fractions of a second only where they are not zero."""
    return value.isoformat().replace("+00:00", "Z")


def duration_text(value: timedelta) -> str:
    """ISO 8601: `P14D`, `PT1H30M`, `-P1DT0.5S`; zero is `PT0S`."""
    microseconds = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
    sign, left = ("-" if microseconds < 0 else ""), abs(microseconds)
    seconds, fraction = divmod(left, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    hours, seconds = divmod(seconds, 3_600)
    minutes, seconds = divmod(seconds, 60)
    second_text = f"{seconds}.{fraction:06d}".rstrip("0") if fraction else f"{seconds}"
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    clock += f"{second_text}S" if seconds or fraction else ""
    if not days and not clock:
        return "PT0S"
    return f"{sign}P{f'{days}D' if days else ''}{f'T{clock}' if clock else ''}"


_TEMPORAL: Mapping[type, Callable[[Any], str]] = {
    datetime: instant_text,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: duration_text,
}


def _check_depth(text: str, source: str, max_depth: int) -> None:
    """Count brackets outside strings before parsing, so that nesting cannot exhaust the parser's stack."""
    depth = 0
    for token in _NESTING.finditer(text):
        character = token.group()[0]
        if character in "[{":
            depth += 1
            if depth > max_depth:
                message = f"values are nested deeper than {max_depth} levels here"
                _refuse("json.too_deep", message, source, text, token.start(), help_text="flatten this part")
        elif character in "]}":
            depth -= 1


def _check_values(text: str, source: str) -> None:
    """Count what separates values: commas in texts count only where they could matter."""
    if text.count(",") + text.count("[") + text.count("{") < MAX_VALUES:
        return
    found = sum(token.group() in _BEFORE_VALUES for token in _SEPARATORS.finditer(text))
    if found >= MAX_VALUES:
        _refuse("json.too_many_values", f"the document holds more than {MAX_VALUES:,} values", source)


def _lone_surrogate(text: str) -> int:
    """Where the first escape of half a pair stands, or -1. Bytes that are UTF-8 hold no half that is not an escape."""
    return next((found.start() for found in _ESCAPE.finditer(text) if found["half"]), -1)


def _reason(error: json.JSONDecodeError) -> str:
    """The standard library's message as a lower-case sentence that names what was found."""
    if error.pos >= len(error.doc):
        return "the text ends where a value or a bracket is expected" if error.doc.strip() else "the text is empty"
    message = _REASONS.get(error.msg) or error.msg[0].lower() + error.msg[1:]
    found = re.match(r"\w+|.", error.doc[error.pos :][:40], re.DOTALL)
    return f"{message}; `{found.group()}` stands here" if found and found.group() > '"' else message


_REASONS = {
    "Expecting value": "a value is expected",
    "Expecting property name enclosed in double quotes": "a name in double quotes is expected",
    "Expecting ':' delimiter": "a `:` between name and value is expected",
    "Expecting ',' delimiter": "a `,` or a closing bracket is expected",
    "Illegal trailing comma before end of object": "a name in double quotes is expected",
    "Illegal trailing comma before end of array": "a value is expected",
    "Extra data": "the text goes on behind its value",
    "Unterminated string starting at": "the text that starts here is not closed",
    "Invalid control character at": "a line end or another control character stands in a text",
    "Invalid \\escape": "a backslash starts no known escape",
    "Invalid \\uXXXX escape": "four hexadecimal digits are expected after `\\u`",
}
"""The standard library's messages in the words of this product."""

_REMEDIES = {
    "Expecting property name enclosed in double quotes": 'write it like `"employees"`; no comma follows the last',
    "Illegal trailing comma before end of object": "remove the comma behind the last value",
    "Illegal trailing comma before end of array": "remove the comma behind the last value",
    "Expecting value": "a value is a number, a text in double quotes, `true`, `false`, `null`, `[...]` or `{...}`",
    "Unterminated string starting at": 'close it with `"` on the same line',
    "Invalid control character at": "write a line end as `\\n`, a tab as `\\t`",
}


def _refuse(
    code: str, message: str, source: str, text: str = "", position: int = -1, *, help_text: str = ""
) -> NoReturn:
    place = Place(source)
    excerpt = ""
    if position >= 0:
        line = text.count("\n", 0, position) + 1
        start = text.rfind("\n", 0, position) + 1
        column = position - start + 1
        end = text.find("\n", position)
        # A body on one line may be megabytes long: show the surroundings only.
        from_column = max(0, column - 60)
        excerpt = text[start + from_column : (len(text) if end < 0 else end)][:120]
        place = Place(source, line, column - from_column if from_column else column)
        if from_column:
            place = Place(source, line, column)
            excerpt = ""
    raise InvalidError(Problem(code, message, place, help_text, excerpt))

"""What people write out of habit from SQL, spreadsheets and programming languages, and how it is said here.

Only texts: the lexer, the parser and the checker ask for the words that fit what they have met. Where what was meant is
certain (`==`, `AND`), they note the problem and read on as if it had been written, so that one slip does not hide the
next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

OPERATORS: Final[Mapping[str, tuple[str, str]]] = {
    "==": ("=", "write `=` for equal"),
    "===": ("=", "write `=` for equal"),
    "<>": ("!=", "write `!=` for not equal"),
    "!==": ("!=", "write `!=` for not equal"),
    "=!": ("!=", "write `!=` for not equal"),
    "≠": ("!=", "write `!=` for not equal"),
    "=>": (">=", "write `>=` for at least"),
    "≥": (">=", "write `>=` for at least"),
    "=<": ("<=", "write `<=` for at most"),
    "≤": ("<=", "write `<=` for at most"),
    "&&": ("and", "write `and`"),
    "||": ("or", "write `or`"),
    "^": ("**", "write `**` for a power"),
    "×": ("*", "write `*`"),
    "÷": ("/", "write `/`"),
    "–": ("-", "this is a dash; write the minus sign `-`"),
    "—": ("-", "this is a dash; write the minus sign `-`"),
    "−": ("-", "write the minus sign `-` of the keyboard"),
}
"""Operators of other languages and of word processors: the one that is meant, and what to do."""

_AMOUNT: Final = "amounts are plain numbers: `12000`"
DROPPED: Final[Mapping[str, str]] = {
    "$": _AMOUNT,
    "€": _AMOUNT,
    "£": _AMOUNT,
    "!": "write `not(...)`, or `!=` for not equal",
}
"""Signs without which the rest reads as it was meant."""

SIGNS: Final[Mapping[str, str]] = {
    "%": "write `modulo(a, b)` for a remainder, and `0.15` for 15 %",
    "|": "write `or`",
    "&": "write `and`; texts are joined with `+`",
    ";": "a rule is one expression; the items of a list are separated by commas",
    "#": 'a date is written `@"2026-11-02"`; a note starts with `//`',
    "\\": "a backslash stands in texts only",
    "~": "`matches(text, pattern)` asks whether a pattern is in a text",
    "`": 'texts stand in double quotes: `"text"`; names stand bare',
    "'": 'texts stand in double quotes: `"text"`',
    '"': 'close it with `"` on the same line',
    "“": 'texts stand in straight double quotes: `"text"`',
    "”": 'texts stand in straight double quotes: `"text"`',
    "‘": 'texts stand in straight double quotes: `"text"`',
    "’": 'texts stand in straight double quotes: `"text"`',
    "„": 'texts stand in straight double quotes: `"text"`',
}
"""Signs after which it is not certain what was meant."""

KEYWORDS: Final[Mapping[str, str]] = {
    word: meant
    for meant in (
        *("and", "or", "not", "in", "between", "if", "then", "else", "for", "return", "some", "every", "satisfies"),
        *("true", "false", "null"),
    )
    for word in ((meant.upper(), meant.capitalize()) if meant in {"true", "false", "null"} else (meant.upper(),))
} | {"None": "null"}
"""Keywords in the letters of SQL or Python."""

NULLS: Final = ("nil", "none", "undefined", "missing", "empty", "na", "blank")
_YES: Final = ("yes", "on")
_NO: Final = ("no", "off")

FUNCTIONS: Final[Mapping[str, str]] = {
    "len": "`count(list)` counts a list, `string length(text)` the characters of a text",
    "length": "`count(list)` counts a list, `string length(text)` the characters of a text",
    "size": "`count(list)` counts a list, `string length(text)` the characters of a text",
    "strlen": "write `string length(text)`",
    "upper": "write `upper case(text)`",
    "ucase": "write `upper case(text)`",
    "lower": "write `lower case(text)`",
    "lcase": "write `lower case(text)`",
    "avg": "write `mean(list)`",
    "average": "write `mean(list)`",
    "stdev": "write `stddev(list)`",
    "round": "write `round half up(n, scale)`, where `scale` counts decimals, or `decimal(n, scale)`, half to even",
    "round half even": "write `decimal(n, scale)`, which rounds a half to the even neighbour",
    "roundup": "write `round up(n, scale)`",
    "rounddown": "write `round down(n, scale)`",
    "trunc": "write `round down(n, 0)`",
    "truncate": "write `round down(n, 0)`",
    "ceil": "write `ceiling(n)`",
    "pow": "write `a ** b`",
    "power": "write `a ** b`",
    "mod": "write `modulo(a, b)`",
    "coalesce": "write `if x = null then other else x`",
    "ifnull": "write `if x = null then other else x`",
    "nvl": "write `if x = null then other else x`",
    "iif": "write `if condition then a else b`",
    "if": "write `if condition then a else b`",
    "case": "write `if condition then a else b`, or a decision table",
    "switch": "write `if condition then a else b`, or a decision table",
    "isnull": "write `x = null`",
    "isblank": 'write `x = null`, or `x = ""` for an empty text',
    "isempty": 'write `count(list) = 0`, or `x = ""` for an empty text',
    "empty": 'write `count(list) = 0`, or `x = ""` for an empty text',
    "exists": "write `x != null`, or `some x in list satisfies ...`",
    "concat": "join texts with `+`, lists with `concatenate(a, b)`",
    "join": "write `string join(list, separator)`",
    "substr": "write `substring(text, start position, length)`; the first character is 1",
    "left": "write `substring(text, 1, length)`",
    "right": "write `substring(text, -length)`",
    "mid": "write `substring(text, start position, length)`",
    "indexof": "write `index of(list, x)`, or `contains(text, part)`",
    "find": "write `contains(text, part)`, or filter a list: `list[item > 5]`",
    "regex": "write `matches(text, pattern)`",
    "like": "write `contains(text, part)`, `starts with(text, part)` or `matches(text, pattern)`",
    "filter": "write `list[item > 5]`",
    "map": "write `for x in list return ...`",
    "countif": "write `count(list[item > 5])`",
    "sumif": 'write `sum(list[kind = "call"].amount)`',
    "distinct": "write `distinct values(list)`",
    "unique": "write `distinct values(list)`",
    "str": "write `string(x)`",
    "text": "write `string(x)`",
    "int": "write `number(text)`, or `floor(n)` for a whole number",
    "float": "write `number(text)`",
    "decimal number": "write `number(text)`",
    "year": "write `x.year`",
    "month": "write `x.month`",
    "day": "write `x.day`",
    "hour": "write `x.hour`",
    "days": "the days between two dates are `(a - b).days`",
    "datediff": "the days between two dates are `(a - b).days`",
    "dateadd": 'add a duration: `x + @"P14D"`',
    "datetime": 'write `date and time("2026-11-02T09:30:00Z")`',
    "timestamp": 'write `date and time("2026-11-02T09:30:00Z")`',
    "current date": "write `today()`",
    "getdate": "write `today()` or `now()`",
}
"""Functions that other languages have, in lower case, and what does their work here."""

TYPES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("int", "integer", "float", "double", "decimal", "numeric", "long"), "number"),
    **dict.fromkeys(("str", "text", "varchar", "char"), "string"),
    **dict.fromkeys(("bool", "bit"), "boolean"),
    **dict.fromkeys(("datetime", "timestamp", "instant"), "date and time"),
    **dict.fromkeys(("duration", "interval", "timedelta"), "days and time duration"),
    **dict.fromkeys(("array", "set"), "list"),
    **dict.fromkeys(("object", "dict", "map", "record"), "context"),
}
"""Types of other languages, and the one that is meant."""

_IF: Final = "write `if condition then a else b`"
_AFTER_A_VALUE: Final[Mapping[str, str]] = {
    "is": "`=` means equal: `x = null`, `x = true`",
    "equals": "`=` means equal",
    "eq": "`=` means equal",
    "like": 'write `contains(text, "part")`, `starts with(text, "part")` or `matches(text, "pattern")`',
    "contains": 'write `contains(text, "part")`, or `list contains(list, x)`',
    "includes": 'write `contains(text, "part")`, or `list contains(list, x)`',
    "has": "write `list contains(list, x)`",
    "matches": 'write `matches(text, "pattern")`',
    "startswith": 'write `starts with(text, "part")`',
    "starts": 'write `starts with(text, "part")`',
    "endswith": 'write `ends with(text, "part")`',
    "ends": 'write `ends with(text, "part")`',
    "mod": "write `modulo(a, b)`",
    "div": "write `floor(a / b)`",
    "xor": "write `a != b`",
    "to": "write `[1..5]` for a range, or `x between 1 and 5`",
    "then": f"`then` belongs to `if`: {_IF}",
    "else": f"`else` belongs to `if`: {_IF}",
    "when": _IF,
    "?": f"{_IF}; a part that is absent is null without `?`",
    "..": "a range stands in brackets: `[1..5]`, or `[1..5)` without the 5",
    "->": "a part of a value follows `.`: `account.name`",
    ":": "a rule compares with `=` and sets nothing; `name: value` stands in `{ }`",
    "where": "filter a list with `list[condition]`; a loop is `some x in list satisfies condition`",
    "of": "a part of a value follows `.`: `account.name`",
    "{": "blocks do not exist here; `{ }` holds `name: value`",
}
_DEFINES: Final[Mapping[str, str]] = {
    **dict.fromkeys(("let", "var", "const", "set", "declare"), "write `{x: 5, result: x > 3}.result` to name a value"),
    **dict.fromkeys(("lambda", "fn", "def"), "write `function(x) x + 1`"),
    **dict.fromkeys(("select", "from", "case"), "a query is a filter: `visits[amount > 5].amount`"),
}
_UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("day", "days", "d"), '`@"P14D"` is 14 days'),
    **dict.fromkeys(("week", "weeks", "w"), '`@"P14D"` is two weeks'),
    **dict.fromkeys(("hour", "hours", "h", "hrs"), '`@"PT8H"` is 8 hours'),
    **dict.fromkeys(("minute", "minutes", "min", "mins"), '`@"PT30M"` is 30 minutes'),
    **dict.fromkeys(("month", "months"), '`@"P6M"` is 6 months'),
    **dict.fromkeys(("year", "years"), '`@"P1Y"` is a year'),
}
_IN_FRONT: Final[Mapping[str, str]] = {
    "and": "a condition is missing before it",
    "or": "a condition is missing before it",
    "in": "say what is looked for: `x in (1, 2)`",
    "between": "say what is compared: `x between 1 and 5`",
    "then": _IF,
    "else": _IF,
    "return": "`return` belongs to a loop: `for x in list return x.amount`",
    "satisfies": "`satisfies` belongs to `some x in list satisfies x > 5`",
    ",": "a value is missing before the `,`",
    ")": "a value is missing, or the `,` before it is one too many",
    "]": "a value is missing, or the `,` before it is one too many",
    "}": "a value is missing before it",
    ":": "`name: value` stands in `{ }`",
    "..": "a range has a number or date on each side: `[1..5]`",
    "@": 'a date is written `@"2026-11-02"`',
    ".": "write a digit before the point of a number: `0.5`",
}
_DATE_WRITTEN_BARE: Final = re.compile(r"\d{4}-\d{1,2}-\d{1,2}(?:T[\d:.]+(?:Z|[+-]\d{2}:\d{2})?)?")
_GROUP_OF_DIGITS: Final = re.compile(r"_?\d{3}(?:_\d{3})*")


def after_value(before: str, text: str, after: str) -> str:
    """What to do about the token `text` that stands where an operator should, between the tokens beside it; or ''."""
    number = before[:1].isdigit()
    if before.lower() in _DEFINES:
        return _DEFINES[before.lower()]
    if number and text == "," and _GROUP_OF_DIGITS.fullmatch(after):
        return f"digits are not grouped: `{before}{after}`"
    if number and text.startswith("_") and _GROUP_OF_DIGITS.fullmatch(text):
        return f"digits are not grouped: `{before}{text.replace('_', '')}`"
    if number and text.lower() in _UNITS:
        return f"a duration is a text of its own: {_UNITS[text.lower()]}"
    if text.lower() in _AFTER_A_VALUE:
        return _AFTER_A_VALUE[text.lower()]
    if text in {")", "]", "}"}:
        return f"there is no open bracket for `{text}`"
    if number and text == "," and after[:1].isdigit():
        return f"the decimal sign is a point: `{before.replace('.', '')}.{after}`; a list stands in brackets: `[1, 2]`"
    if text == ",":
        return "join conditions with `and`; a list stands in brackets: `x in (1, 2)` or `[1, 2]`"
    if number and (text[0].isalpha() or text[0] == "_"):
        return "write numbers without unit or letter: `10000`"
    return ""


def in_place_of_value(before: str, text: str) -> str:
    """What to do about the token `text` that stands where a value should, after the token `before`; or ''."""
    if not text:
        return f"a value must follow `{before}`" if before else "write a value or a condition: `employees >= 500`"
    if text in {"<", "<=", ">", ">=", "=", "!="}:
        return (
            f"say what is compared: `x {text} 5`" if not before else f"`{before}` and `{text}` do not follow each other"
        )
    if text in {"+", "*", "/", "**"}:
        return f"`{text}` stands between two values"
    return _IN_FRONT.get(text, "")


def bare_date(text: str) -> str:
    """The date written in a text's beginning without quotes, as it should be written; or ''."""
    found = _DATE_WRITTEN_BARE.match(text)
    return f'`@"{found.group()}"`' if found else ""


def constant_meant(name: str) -> str:
    """The constant that is meant by a name of another language; or ''."""
    low = name.lower()
    return "null" if low in NULLS else "true" if low in _YES else "false" if low in _NO else ""


def function_meant(name: str) -> str:
    """What does the work of another language's function; or ''."""
    return FUNCTIONS.get(name.lower(), "") or FUNCTIONS.get(name.lower().replace("_", "").replace(" ", ""), "")

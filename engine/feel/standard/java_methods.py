"""The methods of Java's class library that an external function may name. This table is closed: nothing else is called.

Models written for Java engines refer to `java.lang.Math` and a few conversions. Each is done here as exactly as its
Java meaning allows: `double` and `float` results are rounded to the digits that Java would print.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.feel.standard.callables import Defined
from engine.feel.standard.operations import kind_of
from engine.feel.standard.session import Session
from engine.feel.types import ANY, NUMBER, STRING, Type
from engine.feel.values import Fault

_SIGNATURE: Final = re.compile(r"\s*([A-Za-z_]\w*)\s*\(([^()]*)\)\s*")
_INTEGERS: Final = {"byte": 8, "short": 16, "int": 32, "long": 64}
_PARAMETER: Final[Mapping[str, Type]] = {
    **dict.fromkeys((*_INTEGERS, "double", "float"), NUMBER),
    "char": STRING,
    "java.lang.String": STRING,
    "[Ljava.lang.Object;": ANY,
}


def _real(function: Callable[[float], float]) -> Callable[[Decimal], Decimal]:
    # Java computes these in binary floating point, and so what it gives is the shortest text of that double.
    return lambda value: Decimal(repr(function(float(value))))


def _read_number(text: str) -> Decimal:
    if not re.fullmatch(r"\s*[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})([eE][+-]?\d{1,3})?\s*", text, re.ASCII):
        raise Fault("feel.bad_number", f"`{text[:60]}` is not a number")
    return Decimal(text.strip())


def _read_integer(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?\d{1,19}", text, re.ASCII):
        raise Fault("feel.bad_number", f"`{text[:60]}` is not a whole number")
    return Decimal(text)


_FORMAT: Final = re.compile(r"%(?:(\d+)\$)?([-,0+ ]*)(\d{1,3})?(?:\.(\d{1,3}))?([sdfn%])")


def _format(template: str, *arguments: Any) -> str:
    """The part of `java.lang.String.format` that models use: `%s %d %f %n %%`, with width, precision and `,`."""
    given: list[Any] = []
    for argument in arguments:
        given.extend(argument if isinstance(argument, tuple | list) else [argument])
    position = 0

    def filled(match: re.Match[str]) -> str:
        nonlocal position
        index, flags, width, precision, kind = match.groups()
        if kind in "n%":
            return "\n" if kind == "n" else "%"
        if not index:
            position += 1
        at = int(index or position) - 1
        if not 0 <= at < len(given):
            raise Fault("feel.wrong_arguments", "the format asks for more values than are given")
        return _pad(_one(given[at], kind, flags, precision), flags, int(width or 0))

    if "%" in _FORMAT.sub("", template):
        raise Fault("feel.wrong_arguments", "the format has a part that is not supported")
    return _FORMAT.sub(filled, template)


def _one(value: Any, kind: str, flags: str, precision: str | None) -> str:
    if kind == "s":
        text = value if isinstance(value, str) else str(value)
        return text[: int(precision)] if precision else text
    if not isinstance(value, Decimal):
        raise Fault("feel.wrong_type", f"a {kind_of(value)} cannot be formatted as a number")
    digits = 0 if kind == "d" else int(precision or 6)
    if kind == "d" and value != value.to_integral_value():
        raise Fault("feel.wrong_type", f"`{value}` cannot be formatted as a whole number")
    sign = "+" if "+" in flags else " " if " " in flags else ""
    return f"{value:{sign}{',' if ',' in flags else ''}.{digits}f}"


def _pad(text: str, flags: str, width: int) -> str:
    if "-" in flags:
        return text.ljust(width)
    return text.rjust(width, "0" if "0" in flags else " ")


def _whole(bits: int) -> Callable[[Decimal], Decimal]:
    def check(value: Decimal) -> Decimal:
        if value != value.to_integral_value() or not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            raise Fault("feel.wrong_type", f"`{value}` is no whole number of {bits} bits")
        return value

    return check


def _character(text: str) -> str:
    if len(text) != 1:
        raise Fault("feel.wrong_type", f"`{text[:40]}` is not one character")
    return text


Method = Callable[..., Any]
_TWO: Final = ("int", "long", "float", "double")
METHODS: Final[Mapping[str, Method]] = {
    **{
        f"java.lang.Math.{name}(double)": _real(function)
        for name, function in (
            ("sin", math.sin),
            ("cos", math.cos),
            ("tan", math.tan),
            ("asin", math.asin),
            ("acos", math.acos),
            ("atan", math.atan),
            ("exp", math.exp),
            ("log", math.log),
            ("log10", math.log10),
            ("sqrt", math.sqrt),
            ("cbrt", lambda x: math.copysign(abs(x) ** (1 / 3), x)),
        )
    },
    "java.lang.Math.pow(double,double)": lambda a, b: Decimal(repr(math.pow(float(a), float(b)))),
    "java.lang.Math.floor(double)": lambda a: Decimal(math.floor(a)),
    "java.lang.Math.ceil(double)": lambda a: Decimal(math.ceil(a)),
    **{f"java.lang.Math.max({t},{t})": max for t in _TWO},
    **{f"java.lang.Math.min({t},{t})": min for t in _TWO},
    **{f"java.lang.Math.abs({t})": Decimal.copy_abs for t in _TWO},
    **{
        f"java.lang.{box}.valueOf({t})": lambda value: value
        for box, t in (
            ("Byte", "byte"),
            ("Short", "short"),
            ("Integer", "int"),
            ("Long", "long"),
            ("Float", "float"),
            ("Double", "double"),
        )
    },
    **{
        f"java.lang.{box}.{name}(java.lang.String)": _read_integer
        for box, name in (
            ("Integer", "valueOf"),
            ("Integer", "parseInt"),
            ("Long", "valueOf"),
            ("Long", "parseLong"),
            ("Short", "valueOf"),
            ("Byte", "valueOf"),
        )
    },
    **{
        f"java.lang.{box}.{name}(java.lang.String)": _read_number
        for box, name in (
            ("Float", "valueOf"),
            ("Float", "parseFloat"),
            ("Double", "valueOf"),
            ("Double", "parseDouble"),
        )
    },
    **{f"java.lang.String.valueOf({t})": lambda value: value for t in ("char",)},
    **{f"java.lang.String.valueOf({t})": str for t in ("int", "long", "double")},
    "java.lang.String.format(java.lang.String,[Ljava.lang.Object;)": _format,
    "java.lang.String.format(java.lang.String,java.lang.Object[])": _format,
}
"""The methods by class, name and parameter types."""


def java_method(described: Any, names: tuple[str, ...]) -> Defined:
    """The function that `{java: {class: .., method signature: ..}}` names. Raises `Fault` `feel.unsupported`."""
    given = described.get("java") if isinstance(described, Mapping) else None
    given = given if isinstance(given, Mapping) else {}
    owner, signature = given.get("class"), given.get("method signature")
    if not isinstance(owner, str) or not isinstance(signature, str):
        raise Fault("feel.unsupported", "an external function names a Java class and a method signature")
    match = _SIGNATURE.fullmatch(signature)
    types = [] if match is None else [part.strip() for part in match[2].split(",") if part.strip()]
    key = "" if match is None else f"{owner}.{match[1]}({','.join(types)})"
    method = METHODS.get(key)
    if method is None:
        raise Fault("feel.unsupported", f"the Java method `{owner}.{signature}` is not among those emulated")
    checks = [_check(name) for name in types]

    def run(_: Session, bound: Mapping[str, Any]) -> Any:
        values = [bound[name] for name in names]
        if any(value is None for value in values):
            raise Fault("feel.wrong_type", "a Java method is called with null")
        if len(values) < len(checks):
            raise Fault("feel.wrong_arguments", f"`{signature}` takes {len(checks)} arguments")
        return _run(method, [check(value) for check, value in zip(checks, values, strict=False)], values[len(checks) :])

    types_ = [_PARAMETER.get(name, ANY) for name in types]
    parameters = tuple((name, types_[i] if i < len(types_) else ANY) for i, name in enumerate(names))
    return Defined(parameters, run, name=f"{owner}.{signature}")


def _run(method: Method, values: list[Any], more: list[Any]) -> Any:
    try:
        return method(*values, *more)
    except (ValueError, OverflowError, ArithmeticError):
        raise Fault("feel.undefined_number", "the Java method has no result for these values") from None


def _check(name: str) -> Callable[[Any], Any]:
    if name in _INTEGERS:
        return _whole(_INTEGERS[name])
    return _character if name == "char" else lambda value: value

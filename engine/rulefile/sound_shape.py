"""A JSON Schema as one function that says whether a tree has its shape, for the files that are right: nearly all.

jsonschema says what is wrong with the others, and where; it need not even be imported while everything is right. Only
the keywords that our schemas use are known here. Both mean the same by them, which is a property of the tests.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from engine.rulefile.nodes import Node, NodeKind, PlainNumber

Test = Callable[[Node], bool]

_ANNOTATIONS: Final = frozenset({"$schema", "$id", "$comment", "$defs", "title", "description", "default", "examples"})


def sound_shape(schema: Any) -> Test | None:
    """Whether a tree has the shape of a schema whose references are resolved; None if a keyword of it is not known."""
    try:
        return _test(schema)
    except _UnknownError:
        return None


class _UnknownError(Exception):
    """A keyword, or a value of one, that is not known here."""


def _test(schema: Any) -> Test:
    if not isinstance(schema, Mapping):
        raise _UnknownError
    kinds = schema.get("type", ())
    tests = [_of_types([kinds] if isinstance(kinds, str) else kinds)] if kinds else []
    for keyword, wanted in schema.items():
        if keyword in _KEYWORDS:
            tests.append(_KEYWORDS[keyword](wanted))
        elif keyword not in _ANNOTATIONS and keyword not in {"type", *_OF_OBJECTS}:
            raise _UnknownError
    if schema.keys() & _OF_OBJECTS:
        tests.append(_members(schema))
    return tests[0] if len(tests) == 1 else _all_of(tests)


def _all_of(tests: Sequence[Test]) -> Test:
    def test(node: Node) -> bool:
        for each in tests:  # noqa: SIM110  # a generator for each node takes as long as the tests
            if not each(node):
                return False
        return True

    return test


# -- types


def _is_text(node: Node) -> bool:
    return isinstance(node.value, str | PlainNumber)  # an unquoted number may stand for a text


def _is_number(node: Node) -> bool:
    return isinstance(node.value, Decimal)


def _is_whole(node: Node) -> bool:
    return isinstance(node.value, Decimal) and node.value == node.value.to_integral_value()


_TYPES: Final[Mapping[str, Test]] = {
    "string": _is_text,
    "number": _is_number,
    "integer": _is_whole,
    "boolean": lambda node: isinstance(node.value, bool),
    "null": lambda node: node.kind is NodeKind.SCALAR and node.value is None,
    "object": lambda node: node.kind is NodeKind.MAPPING,
    "array": lambda node: node.kind is NodeKind.LIST,
}


def _of_types(names: Sequence[str]) -> Test:
    if any(name not in _TYPES for name in names):
        raise _UnknownError
    tests = [_TYPES[name] for name in names]
    return tests[0] if len(tests) == 1 else lambda node: any(test(node) for test in tests)


# -- objects


_OF_OBJECTS: Final = frozenset({"properties", "required", "additionalProperties"})


def _members(schema: Mapping[str, Any]) -> Test:
    known = {name: _test(part) for name, part in schema.get("properties", {}).items()}
    required = frozenset(schema.get("required", ()))
    others = schema.get("additionalProperties", True)
    if others is True:
        of_others: Test | None = lambda _: True  # noqa: E731  # one of three
    else:
        of_others = None if others is False else _test(others)

    def test(node: Node) -> bool:
        if node.kind is not NodeKind.MAPPING:
            return True
        members = node.members
        if not required <= members.keys():
            return False
        for name, member in members.items():
            of_member = known.get(name, of_others)
            if of_member is None or not of_member(member):
                return False
        return True

    return test


# -- what holds only for values of one type, and passes over the others


def _items(wanted: Any) -> Test:
    test = _test(wanted)
    return lambda node: all(map(test, node.items))


def _least_items(wanted: int) -> Test:
    return lambda node: node.kind is not NodeKind.LIST or len(node.items) >= wanted


def _most_items(wanted: int) -> Test:
    return lambda node: node.kind is not NodeKind.LIST or len(node.items) <= wanted


def _pattern(wanted: str) -> Test:
    search = re.compile(wanted).search
    return lambda node: not _is_text(node) or search(node.text) is not None


def _least_characters(wanted: int) -> Test:
    return lambda node: not _is_text(node) or len(node.text) >= wanted


def _most_characters(wanted: int) -> Test:
    return lambda node: not _is_text(node) or len(node.text) <= wanted


def _least(wanted: Any) -> Test:
    return lambda node: not isinstance(node.value, Decimal) or node.value >= wanted


def _most(wanted: Any) -> Test:
    return lambda node: not isinstance(node.value, Decimal) or node.value <= wanted


def _more_than(wanted: Any) -> Test:
    return lambda node: not isinstance(node.value, Decimal) or node.value > wanted


# -- what holds for all values


def _one_of_values(wanted: Sequence[Any]) -> Test:
    if any(not isinstance(each, str) for each in wanted):
        raise _UnknownError
    known = frozenset(wanted)
    return lambda node: isinstance(node.value, str) and node.value in known


def _one_of_shapes(wanted: Sequence[Any]) -> Test:
    tests = [_test(each) for each in wanted]
    return lambda node: sum([test(node) for test in tests]) == 1


_KEYWORDS: Final[Mapping[str, Callable[[Any], Test]]] = {
    "items": _items,
    "minItems": _least_items,
    "maxItems": _most_items,
    "pattern": _pattern,
    "minLength": _least_characters,
    "maxLength": _most_characters,
    "minimum": _least,
    "maximum": _most,
    "exclusiveMinimum": _more_than,
    "enum": _one_of_values,
    "const": lambda wanted: _one_of_values((wanted,)),
    "oneOf": _one_of_shapes,
}

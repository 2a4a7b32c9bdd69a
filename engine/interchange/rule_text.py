"""A document as the text of a rule file, in the layout that the shipped files have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from engine.interchange.document import TYPED, InputColumn, OutputColumn, TableDocument, TableRow
from engine.rulefile.nodes import PlainNumber

_SCHEMA_LINE: Final = "# yaml-language-server: $schema=../../schemas/rules/decision.schema.json"
_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _./%()+-]*[A-Za-z0-9_./%()+-])?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS: Final = frozenset(("true", "false", "null"))
_ESCAPED: Final = re.compile('["\\\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]')
_NEEDS_ESCAPES: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]")


def rule_text(document: TableDocument) -> str:
    """The rule file, ending with a line feed."""
    return "\n".join(_lines(document)) + "\n"


def scalar(text: str) -> str:
    """A text that is read as that text: plain where nothing in it has a meaning, else in quotes."""
    if _NEEDS_ESCAPES.search(text):
        return '"' + _ESCAPED.sub(_escape, text) + '"'
    if (_PLAIN.fullmatch(text) and text not in _WORDS) or _DATE.fullmatch(text):
        return text
    doubled = text.replace("'", "''")
    return f"'{doubled}'"


def _escape(found: re.Match[str]) -> str:
    character = found.group()
    if character in '"\\':
        return f"\\{character}"
    if character == "\n":
        return "\\n"
    return f"\\u{ord(character):04x}"


def _lines(document: TableDocument) -> Iterator[str]:
    yield _SCHEMA_LINE
    yield from _comments(document.note, "")
    yield "kind: decision"
    yield f"name: {document.name}"
    yield f"version: {document.version}"
    yield f"title: {scalar(document.title)}"
    to = f", to: {document.effective_to}" if document.effective_to else ""
    yield f"effective: {{from: {document.effective_from}{to}}}"
    if document.zone:
        yield f"zone: {scalar(document.zone)}"
    yield f"facts: {document.facts}"
    if document.hit_policy:
        yield f"hit_policy: {scalar(document.hit_policy)}"
    yield "columns:"
    yield "  inputs:"
    yield from (f"    - {flow(_input(column))}" for column in document.inputs)
    yield "  outputs:"
    yield from (f"    - {flow(_output(column))}" for column in document.outputs)
    if document.default:
        yield f"default: {_cells(document.default)}"
    yield from row_lines(document.rows)
    if document.tests:
        yield "tests:"
        for test in document.tests:
            lead = "  - "
            for name, value in test.items():
                yield f"{lead}{name}: {flow(value)}"
                lead = "    "


def row_lines(rows: Iterable[TableRow]) -> Iterator[str]:
    """The field `rows` of a rule file."""
    yield "rows:"
    for row in rows:
        yield from _comments(row.note, "  ")
        yield f"  - id: {scalar(row.id)}"
        if row.when:
            yield f"    when: {flow(row.when)}"
        yield f"    then: {_cells(row.then)}"
        yield f"    because: {scalar(row.because)}"


def _comments(note: str, indent: str) -> Iterator[str]:
    return (f"{indent}# {line}".rstrip() for line in note.split("\n") if note)


def _input(column: InputColumn) -> dict[str, Any]:
    return _stated(id=column.id, title=column.title, expression=column.expression)


def _output(column: OutputColumn) -> dict[str, Any]:
    return _stated(id=column.id, title=column.title, type=column.type, values=list(column.values))


def _stated(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _cells(cells: Mapping[str, str]) -> str:
    """Outputs: what looks like a number or a truth value is one."""
    return (
        "{"
        + ", ".join(f"{name}: {text if TYPED.fullmatch(text) else scalar(text)}" for name, text in cells.items())
        + "}"
    )


def flow(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(name)}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, PlainNumber):
        return value.text
    if isinstance(value, Decimal):
        return f"{value:f}"
    return scalar(value)

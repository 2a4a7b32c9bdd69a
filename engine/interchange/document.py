"""A decision table's rule file as values: what every format is read into and written from.

Cells are texts of the language. An output cell may be one of its column's values without quotes, as in a rule file;
where that could also be read as a number or a truth value, it is written as a literal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine import feel
from engine.kinds.decision.csv_rows import read_rows
from engine.problems import InvalidError, Problem
from engine.rulefile import Node, RuleSet, yaml_reader
from engine.rulefile.beside import rows_of

Scalar = str | Decimal | bool

TYPED: Final = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
"""A text that stands for more than itself where it is not quoted."""


@dataclass(frozen=True, slots=True)
class InputColumn:
    """An input column; without an `expression` it asks for the fact of its id."""

    id: str
    title: str = ""
    expression: str = ""


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """An output column, with the type and the values that are stated."""

    id: str
    title: str = ""
    type: str = ""
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row: cells by the columns' ids. `note` are the comment lines above it."""

    id: str
    when: Mapping[str, str]
    then: Mapping[str, str]
    because: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableDocument:
    """A whole rule file with a table. `tests` are as the file holds them; `note` are the comment lines at its top."""

    name: str
    version: int
    title: str
    effective_from: str
    facts: str
    inputs: tuple[InputColumn, ...]
    outputs: tuple[OutputColumn, ...]
    rows: tuple[TableRow, ...]
    effective_to: str = ""
    zone: str = ""
    hit_policy: str = ""
    default: Mapping[str, str] = field(default_factory=dict)
    tests: tuple[Mapping[str, Any], ...] = ()
    note: str = ""

    @property
    def columns(self) -> tuple[tuple[str, InputColumn | OutputColumn], ...]:
        """All columns in order, each with the part of a row that holds its cells: `when` or `then`."""
        return (*(("when", each) for each in self.inputs), *(("then", each) for each in self.outputs))


def document_of(rule_set: RuleSet) -> TableDocument:
    """The document of a loaded rule set. Raises `InvalidError` (`tables.no_table`) for one without a table."""
    tree = yaml_reader.read(rule_set.text.encode(), rule_set.source)
    if rule_set.kind != "decision" or "columns" not in tree:
        raise InvalidError(Problem("tables.no_table", f"`{rule_set.name}` has no decision table"))
    columns = tree["columns"]
    inputs = tuple(
        InputColumn(node.text_of("id"), node.text_of("title"), node.text_of("expression"))
        for node in columns.list_of("inputs")
    )
    outputs = tuple(
        OutputColumn(node.text_of("id"), node.text_of("title"), node.text_of("type"), _values(node))
        for node in columns.list_of("outputs")
    )
    csv = rows_of(tree, rule_set.source, {})
    rows = tree["rows"] if csv is None else read_rows(csv, [each.id for each in inputs], [each.id for each in outputs])
    lines = rule_set.text.splitlines()
    allowed = {each.id: each.values for each in outputs}
    effective, default, tests = tree["effective"], tree.get("default"), tree.get("tests")
    return TableDocument(
        name=rule_set.head.name,
        version=rule_set.version,
        title=rule_set.title,
        effective_from=effective.text_of("from"),
        effective_to="" if (to := effective.get("to")) is None or to.value is None else to.text,
        zone=tree.text_of("zone"),
        facts=rule_set.head.facts,
        hit_policy=tree.text_of("hit_policy"),
        inputs=inputs,
        outputs=outputs,
        rows=tuple(_row(node, allowed, () if csv is not None else lines) for node in rows),
        default={} if default is None else {name: _cell(node, allowed[name]) for name, node in default.members.items()},
        tests=() if tests is None else tuple(test.to_value() for test in tests),
        note=_comments_above(lines, tree["kind"]),
    )


def _values(node: Node) -> tuple[Scalar, ...]:
    return tuple(item.value for item in node.list_of("values") if item.value is not None)


def _row(node: Node, allowed: Mapping[str, tuple[Scalar, ...]], lines: list[str] | tuple[()]) -> TableRow:
    when = node.get("when")
    cells = {} if when is None else {name: cell.text for name, cell in when.members.items() if cell.text.strip() != "-"}
    then = {name: _cell(cell, allowed[name]) for name, cell in node["then"].members.items()}
    return TableRow(node.text_of("id"), cells, then, node.text_of("because"), _comments_above(lines, node))


def _cell(node: Node, allowed: tuple[Scalar, ...]) -> str:
    """An output's text; one of the column's texts that looks like a number is written out as a literal."""
    if isinstance(node.value, str) and node.text in allowed and TYPED.fullmatch(node.text):
        return feel.literal(node.text)
    return node.text or "null"


def _comments_above(lines: list[str] | tuple[()], node: Node) -> str:
    """The lines of comment directly above a node, without their signs; the line that names the schema is none."""
    place = node.key_place or node.place
    at = place.line - 1
    found: list[str] = []
    while 0 < at <= len(lines) and (line := lines[at - 1].strip()).startswith("#"):
        if "yaml-language-server" not in line:
            found.append(line.removeprefix("#").removeprefix(" "))
        at -= 1
    return "\n".join(reversed(found))

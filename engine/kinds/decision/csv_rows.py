"""The rows of a decision table that are written as CSV, as the same tree that rows under `rows` are read into.

The header names the columns by their ids, beside `id` and `because`; `when.price` and `then.price` tell an input from
an output of the same id. Each field keeps its place, so that a problem points into the CSV.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from engine.importing import csv_text
from engine.importing.csv_text import Line, separator_help
from engine.problems import InvalidError, Place, Problem, Report
from engine.rulefile.beside import CsvRows
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node, NodeKind
from engine.rulefile.scalar_places import ScalarStyle

MAX_ROWS: Final = 20_000
"""Most rows of a table, however they are written."""

MAX_ID: Final = 60
MAX_BECAUSE: Final = 300
_ID: Final = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_FIELD: Final = re.compile(r'"(?:[^"]|"")*"|[^",\n]*')
_EVERYTHING: Final = ("", "-")
_OWN: Final = ("id", "because")


@dataclass(frozen=True, slots=True)
class Column:
    """Where the fields of one CSV column belong in a row: `id`, `because`, or a column under `when` or `then`."""

    part: str
    name: str = ""


def csv_columns(inputs: Sequence[str], outputs: Sequence[str]) -> dict[str, Column]:
    """What each name that a header may hold stands for, for a table with these input and output columns."""
    known: dict[str, Column] = {"id": Column("id")}
    for part, names, others in (("when", inputs, outputs), ("then", outputs, inputs)):
        known |= {n: Column(part, n) for n in names if n not in others and n not in _OWN}
    known["because"] = Column("because")
    return known | {
        f"{part}.{n}": Column(part, n) for part, names in (("when", inputs), ("then", outputs)) for n in names
    }


def read_rows(rows: CsvRows, inputs: Sequence[str], outputs: Sequence[str]) -> Node:
    """The list of rows. Raises `InvalidError` with every problem of the CSV, each at its line and column."""
    try:
        return _Reader(rows, inputs, outputs).read()
    except InvalidError as error:
        # The problems' lines are those of the CSV text; in a block of the rule file they stand further down.
        raise InvalidError(_moved(problem, rows) for problem in error.problems) from None


def _moved(problem: Problem, rows: CsvRows) -> Problem:
    place = problem.place
    if place.path == _PLACED or not place.line:
        moved = replace(place, source=rows.source, path="")
    else:
        moved = replace(place, line=place.line + rows.first_line - 1, column=place.column + rows.margin)
    excerpt = rows.lines[moved.line - 1][:200] if 0 < moved.line <= len(rows.lines) else ""
    return replace(problem, place=moved, excerpt=excerpt)


_PLACED: Final = "placed"
"""The path of a place that is one of the source already, not of the CSV text."""


class _Reader:
    """Reads one CSV text."""

    def __init__(self, rows: CsvRows, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.rows, self.inputs, self.outputs = rows, tuple(inputs), tuple(outputs)
        self.report = Report()
        self.offsets = [0, *(found.end() for found in re.finditer("\n", rows.text))]

    def read(self) -> Node:
        source = self.rows.source
        lines = csv_text.split(self.rows.text, source)
        header, body = lines[0], lines[1:]
        columns = self._header(header)
        self.report.raise_if_any()
        body = [line for line in body if any(line.fields)]  # spreadsheets leave rows of commas behind
        csv_text.check_widths(body, len(header.fields), source, self.rows.text, self.report)
        if not body:
            self.report.add("rules.rows_csv", "there are no rows below the header", Place(source, header.number, 1))
        if len(body) > MAX_ROWS:
            message = f"there are {len(body):,} rows; a table has at most {MAX_ROWS:,}"
            self.report.add("rules.too_large", message, Place(source, body[MAX_ROWS].number, 1))
        self.report.raise_if_any()
        items = tuple(self._row(at, line, columns) for at, line in enumerate(body))
        self.report.raise_if_any()
        return Node(NodeKind.LIST, self._place(header.number, 1, 1, "$.rows"), items=items, lines=self.rows.lines)

    def _header(self, header: Line) -> tuple[Column | None, ...]:
        known = csv_columns(self.inputs, self.outputs)
        found: list[Column | None] = []
        starts = self._starts(header)
        for name, (line, start, length, _) in zip(header.fields, starts, strict=True):
            meant = known.get(name)
            place = self._placed(line, start, length)
            if meant is None and name in self.inputs and name in self.outputs:
                message = f"`{name}` is an input and an output"
                self.report.add("rules.rows_csv", message, place, f"write `when.{name}` or `then.{name}`")
            elif meant is None and name:
                hint = did_you_mean(name, tuple(known))
                message = f"the table has no column `{name[:60]}`{hint}"
                columns = f"columns are: {', '.join(name for name in known if '.' not in name)}"[:500]
                self.report.add("rules.rows_csv", message, place, separator_help(header.fields) or columns)
            elif meant is None and len(found) < len(header.fields) - 1:
                self.report.add("rules.rows_csv", "a column has no name", place)
            elif meant is not None and meant in found:
                self.report.add("rules.rows_csv", f"the column `{name}` stands twice", place)
            found.append(meant)
        wanted = [Column("id"), *(Column("then", name) for name in self.outputs), Column("because")]
        if not self.report:
            for column in wanted:
                if column not in found:
                    name = column.name or column.part
                    place = self._placed(*starts[0][:3])
                    self.report.add("rules.rows_csv", f"the column `{name}` is missing", place)
        return tuple(found)

    def _row(self, at: int, line: Line, columns: Sequence[Column | None]) -> Node:
        path = f"$.rows[{at}]"
        parts: dict[str, dict[str, Node]] = {"when": {}, "then": {}}
        members: dict[str, Node] = {}
        for column, text, (number, start, length, quoted) in zip(columns, line.fields, self._starts(line), strict=True):
            if column is None:
                if text:
                    self.report.add(
                        "rules.rows_csv",
                        "this column has no name",
                        self._placed(number, start, length),
                        "name it or empty it",
                    )
                continue
            if column.part == "when" and text.strip() in _EVERYTHING:
                continue
            here = f"{path}.{column.part}" + (f".{column.name}" if column.name else "")
            place = self._place(number, start, length, here)
            style = ScalarStyle.CSV_QUOTED if quoted else ScalarStyle.CSV
            node = Node(
                NodeKind.SCALAR,
                place,
                place,
                value=text,
                text=text,
                style=style,
                lines=self.rows.lines,
                margin=self.rows.margin,
            )
            if column.part in parts:
                if not text.strip():
                    message = f"the row gives no `{column.name}`"
                    self.report.add(
                        "rules.missing_field",
                        message,
                        replace(place, path=_PLACED),
                        "every row gives every output; nothing is `null`",
                    )
                parts[column.part][column.name] = node
            else:
                self._check_text(column.part, node)
                members[column.part] = node
        first, margin = line.number + self.rows.first_line - 1, self.rows.margin
        where = self._place(first, margin + 1, 1, path)
        for part, nodes in parts.items():
            if nodes or part == "then":
                place = self._place(first, margin + 1, 1, f"{path}.{part}")
                members[part] = Node(NodeKind.MAPPING, place, where, nodes)
        return Node(NodeKind.MAPPING, where, None, members, lines=self.rows.lines)

    def _check_text(self, part: str, node: Node) -> None:
        """What a row's `id` and `because` must be, as the schema says it of rows under `rows`."""
        text, most = node.text, MAX_ID if part == "id" else MAX_BECAUSE
        code, help_text = "rules.wrong_value", ""
        if not text.strip():
            code, message = "rules.missing_field", f"the row has no `{part}`"
        elif len(text) > most:
            message = f"the `{part}` has {len(text):,} characters; at most {most} are allowed"
        elif part == "id" and not _ID.fullmatch(text):
            message = f"`{text}` is not an id"
            help_text = "small letters, digits, `-`, `_` and `.`, beginning with a letter or digit"
        else:
            return
        self.report.add(code, message, replace(node.place, path=_PLACED), help_text)

    def _starts(self, line: Line) -> list[tuple[int, int, int, bool]]:
        """Of each field the line and column of the source, its length there, and whether it is quoted."""
        rows, text = self.rows, self.rows.text
        number, begin = line.number, self.offsets[line.number - 1]
        start, starts = begin, []
        for _ in line.fields:
            found = _FIELD.match(text, start)
            if found is None:
                raise AssertionError("an empty field matches too")
            shown, breaks, _ = found.group().partition("\n")
            quoted = shown.startswith('"')
            starts.append((number + rows.first_line - 1, start - begin + 1 + rows.margin, max(1, len(shown)), quoted))
            if breaks:
                number += found.group().count("\n")
                begin = text.rfind("\n", start, found.end()) + 1
            start = found.end() + 1
        return starts

    def _place(self, line: int, column: int, length: int, path: str) -> Place:
        return Place(self.rows.source, line, column, length, path)

    def _placed(self, line: int, column: int, length: int) -> Place:
        return Place(self.rows.source, line, column, length, _PLACED)

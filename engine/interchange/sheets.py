"""A decision table as sheets of a spreadsheet, and back: what stands in which cell. Files are an adapter's business.

Four sheets hold everything: `Table` the rows, `Columns` what the columns are, `Rule file` the head, `Tests` the tests.
A cell of `Table` is a text of the language; a number, a truth value or a date that a person typed is taken as that.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Final

from engine import feel
from engine.feel import syntax
from engine.feel.standard import syntax_tree
from engine.importing.csv_text import separator_help
from engine.interchange.document import InputColumn, OutputColumn, Scalar, TableDocument, TableRow
from engine.interchange.rule_text import flow
from engine.problems import InvalidError, Place, Problem, Report
from engine.rulefile import yaml_reader
from engine.rulefile.nearest import did_you_mean
from engine.tables import HitPolicy

TABLE: Final = "Table"
COLUMNS: Final = "Columns"
HEAD: Final = "Rule file"
TESTS: Final = "Tests"

CellValue = str | Decimal | bool | dt.date | dt.time | dt.datetime | None

_HEAD: Final = ("name", "version", "title", "from", "to", "zone", "facts", "hit policy", "note")
_COLUMN_FIELDS: Final = ("part", "id", "title", "expression", "type", "values", "default")
_TEST_FIELDS: Final = ("name", "at", "as_of", "given", "expect", "expect_reasons", "expect_error")
_VALUES: Final = frozenset({"given", "expect", "expect_reasons"})
_OWN: Final = ("id", "because")


@dataclass(frozen=True, slots=True)
class SheetCell:
    """A cell, where it stands (`Table!B7`) and the comment that people put on it."""

    value: CellValue
    address: str = ""
    note: str = ""

    @property
    def text(self) -> str:
        """The value as a text of the language: a date is a literal, a text is itself."""
        value = self.value
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        if isinstance(value, dt.date | dt.time):
            return f'@"{feel.literal(value)}"'
        return feel.literal(value)

    @property
    def plain(self) -> str:
        """The same where no expression is meant: a date without its quotes."""
        return feel.literal(self.value) if isinstance(self.value, dt.date | dt.time) else self.text


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its rows, the header first. `choices` are lists to choose from, by the column's number from 0."""

    name: str
    rows: tuple[tuple[SheetCell, ...], ...]
    choices: Mapping[int, tuple[str, ...]] = field(default_factory=dict, compare=False)


# -- writing


def to_sheets(document: TableDocument, enums: Mapping[str, tuple[str, ...]] | None = None) -> tuple[Sheet, ...]:
    """The four sheets. `enums` are the values of the facts that input columns ask for, by the column's id."""
    return (_table(document, enums or {}), _columns(document), _head(document), _tests(document))


def _table(document: TableDocument, enums: Mapping[str, tuple[str, ...]]) -> Sheet:
    names = ["id", *_headers(document), "because"]
    rows = [_row(names)]
    for row in document.rows:
        cells = [row.id, *(row.when.get(each.id, "") for each in document.inputs)]
        cells += [row.then[each.id] for each in document.outputs]
        first, *others = _row([*cells, row.because])
        rows.append((replace(first, note=row.note), *others))
    choices = {at: enums[each.id] for at, each in enumerate(document.inputs, 1) if each.id in enums}
    behind = 1 + len(document.inputs)
    for at, output in enumerate(document.outputs, behind):
        if output.values and all(isinstance(value, str) for value in output.values):
            choices[at] = tuple(str(value) for value in output.values)
    return Sheet(TABLE, tuple(rows), choices)


def _headers(document: TableDocument) -> list[str]:
    """What people call the columns; where that would not tell two of them apart, their full names."""
    known = [(part, each.id, each.title) for part, each in document.columns]
    taken = [name for _, identifier, title in known for name in {identifier, title} if name] + list(_OWN)
    return [
        title
        if title and taken.count(title) == 1
        else f"{part}.{identifier}"
        if taken.count(identifier) > 1
        else identifier
        for part, identifier, title in known
    ]


def _columns(document: TableDocument) -> Sheet:
    rows = [_row(_COLUMN_FIELDS)]
    rows += [_row(("input", each.id, each.title, each.expression, "", "", "")) for each in document.inputs]
    rows += [
        _row(("output", each.id, each.title, "", each.type, _listed(each.values), document.default.get(each.id, "")))
        for each in document.outputs
    ]
    return Sheet(COLUMNS, tuple(rows), {0: ("input", "output")})


def _head(document: TableDocument) -> Sheet:
    values = (
        document.name,
        str(document.version),
        document.title,
        document.effective_from,
        document.effective_to,
        document.zone,
        document.facts,
        document.hit_policy,
        document.note,
    )
    return Sheet(HEAD, (_row(("field", "value")), *(_row(pair) for pair in zip(_HEAD, values, strict=True))))


def _tests(document: TableDocument) -> Sheet:
    rows = [_row(_TEST_FIELDS)]
    for test in document.tests:
        cells = [
            "" if name not in test else flow(test[name]) if name in _VALUES else str(test[name])
            for name in _TEST_FIELDS
        ]
        rows.append(_row(cells))
    return Sheet(TESTS, tuple(rows))


def _row(texts: Sequence[str]) -> tuple[SheetCell, ...]:
    return tuple(SheetCell(text or None) for text in texts)


def _listed(values: Sequence[Scalar]) -> str:
    return ", ".join(feel.literal(value) for value in values)


# -- reading


def from_sheets(sheets: Sequence[Sheet]) -> TableDocument:
    """The document of a workbook. Raises `InvalidError` (`tables.*`) with all problems, each at its cell."""
    found = {sheet.name: sheet for sheet in sheets}
    lacking = [name for name in (TABLE, COLUMNS, HEAD) if name not in found]
    if lacking:
        message = f"the workbook has no sheet `{lacking[0]}`"
        help_text = "export a rule file to see the sheets, or name the rule file that the rows belong to (`--into`)"
        raise InvalidError(Problem("tables.sheet", message, help=help_text))
    report = Report()
    head = _read_head(found[HEAD], report)
    inputs, outputs, default = _read_columns(found[COLUMNS], report)
    tests = _read_tests(found[TESTS], report) if TESTS in found else ()
    report.raise_if_any()
    document = TableDocument(
        name=head["name"],
        version=int(head["version"]),
        title=head["title"],
        effective_from=head["from"],
        effective_to=head["to"],
        zone=head["zone"],
        facts=head["facts"],
        hit_policy=head["hit policy"],
        note=head["note"],
        inputs=inputs,
        outputs=outputs,
        default=default,
        rows=(),
        tests=tests,
    )
    return replace(document, rows=rows_of_sheet(found[TABLE], document))


def rows_of_sheet(sheet: Sheet, document: TableDocument) -> tuple[TableRow, ...]:
    """The rows of a sheet whose first line names the document's columns, by id or title, in any order.

    Without a column `id` or `because` the rows' numbers are taken. Raises `InvalidError` (`tables.*`).
    """
    report = Report()
    lines = [line for line in sheet.rows if any(cell.value is not None for cell in line)]
    if len(lines) < 2:
        message = "there are no rows below the line that names the columns"
        raise InvalidError(Problem("tables.sheet", message, Place(sheet.name)))
    parts = _read_header(lines[0], document, report)
    report.raise_if_any()
    rows = []
    nameless: set[int] = set()
    for number, line in enumerate(lines[1:], start=1):
        when: dict[str, str] = {}
        then: dict[str, str] = {}
        own = {"id": f"row-{number}", "because": f"Row {number}"}
        note = ""
        for at, cell in enumerate(line):
            part, name = parts[at] if at < len(parts) else ("", "")
            if cell.value is not None and not part and at not in nameless:
                nameless.add(at)
                report.add("tables.header", "this column has no name", Place(cell.address), "name it or empty it")
            elif part == "own":
                own[name] = cell.plain or own[name]
                note = cell.note or note if name == "id" else note
            elif part == "when" and cell.text.strip() not in ("", "-"):
                when[name] = cell.text
            elif part == "then" and cell.text.strip():
                then[name] = cell.text
        for output in document.outputs:
            if output.id not in then:
                where = Place(line[0].address if line else sheet.name)
                message = f"the row `{own['id'][:60]}` gives no `{output.id}`"
                report.add("tables.cell", message, where, "every row gives every output; nothing is `null`")
        rows.append(TableRow(own["id"], when, then, own["because"], note))
    report.raise_if_any()
    return tuple(rows)


def _read_header(line: Sequence[SheetCell], document: TableDocument, report: Report) -> list[tuple[str, str]]:
    meant: dict[str, list[tuple[str, str]]] = {name: [("own", name)] for name in _OWN}
    for part, each in document.columns:
        for name in dict.fromkeys((f"{part}.{each.id}", each.id, each.title)):
            if name:
                meant.setdefault(name, []).append((part, each.id))
    found: list[tuple[str, str]] = []
    for cell in line:
        name = cell.plain.strip()
        choices = meant.get(name, []) if name else [("", "")]
        place = Place(cell.address)
        if not choices:
            known = [each for each in meant if not each.startswith(("when.", "then."))]
            message = f"the table has no column `{name[:60]}`{did_you_mean(name, known)}"
            columns = f"columns are: {', '.join(known)}"[:500]
            report.add("tables.header", message, place, separator_help([each.plain for each in line]) or columns)
        elif len(choices) > 1:
            full = " or ".join(f"`{part}.{identifier}`" for part, identifier in choices if part != "own")
            report.add("tables.header", f"`{name[:60]}` names two columns", place, f"write {full}")
        elif choices[0][0] and choices[0] in found:
            report.add("tables.header", f"the column `{name[:60]}` stands twice", place)
        found.append(choices[0] if choices else ("", ""))
    if not report:
        for output in document.outputs:
            if ("then", output.id) not in found:
                report.add("tables.header", f"the column `{output.id}` is missing", Place(line[0].address))
    return found


def _read_head(sheet: Sheet, report: Report) -> dict[str, str]:
    found = dict.fromkeys(_HEAD, "")
    for line in sheet.rows[1:]:
        name = line[0].plain.strip() if line else ""
        value = line[1] if len(line) > 1 else SheetCell(None)
        if not name:
            continue
        if name not in found:
            message = f"`{name[:60]}` is no field of a rule file's head{did_you_mean(name, _HEAD)}"
            report.add("tables.cell", message, Place(line[0].address), f"fields are: {', '.join(_HEAD)}")
            continue
        found[name] = value.plain
        if name == "version" and not (found[name].isascii() and found[name].isdigit() and len(found[name]) < 10):
            report.add("tables.cell", f"`{found[name][:40]}` is no version number", Place(value.address), "such as `1`")
        policy = name == "hit policy" and found[name]
        if policy and HitPolicy.named(policy) is None:
            known = ", ".join(each.value for each in HitPolicy)
            report.add("tables.cell", f"`{policy[:40]}` is no hit policy", Place(value.address), f"one of: {known}")
    for name in ("name", "version", "title", "from", "facts"):
        if not found[name]:
            report.add("tables.cell", f"the sheet gives no `{name}`", Place(sheet.name))
    return found


def _read_columns(
    sheet: Sheet, report: Report
) -> tuple[tuple[InputColumn, ...], tuple[OutputColumn, ...], dict[str, str]]:
    inputs: list[InputColumn] = []
    outputs: list[OutputColumn] = []
    default: dict[str, str] = {}
    for line in _named_lines(sheet, _COLUMN_FIELDS, report):
        text = {name: cell.text for name, cell in line.items()}
        part, identifier = text["part"].strip(), text["id"].strip()
        if part == "input":
            inputs.append(InputColumn(identifier, line["title"].plain, text["expression"]))
        elif part == "output":
            values = _read_values(line["values"], report)
            outputs.append(OutputColumn(identifier, line["title"].plain, text["type"].strip(), values))
            if text["default"].strip():
                default[identifier] = text["default"]
        else:
            message = f"`{part[:40]}` is no part of a table"
            report.add("tables.cell", message, Place(line["part"].address), "write `input` or `output`")
    return tuple(inputs), tuple(outputs), default


def _read_values(cell: SheetCell, report: Report) -> tuple[Scalar, ...]:
    """A list of literals: `"high", "low"` or `3, 1.5`."""
    if cell.value is None:
        return ()
    values: list[Scalar | None] = []
    try:
        tree = syntax_tree(cell.text, unary_tests=True)
    except InvalidError:
        tree = None
    for test in tree.tests if isinstance(tree, syntax.UnaryTests) and not tree.negated else (None,):
        negative = isinstance(test, syntax.Negative)
        literal = test.operand if isinstance(test, syntax.Negative) else test
        value = literal.value if isinstance(literal, syntax.Literal) else None
        values.append(-value if negative and isinstance(value, Decimal) else None if negative else value)
    if None in values:
        message = f"`{cell.text[:60]}` is no list of values"
        report.add("tables.cell", message, Place(cell.address), 'write texts in quotes: `"high", "low"`')
    return tuple(value for value in values if value is not None)


def _read_tests(sheet: Sheet, report: Report) -> tuple[Mapping[str, Any], ...]:
    tests = []
    for line in _named_lines(sheet, _TEST_FIELDS, report):
        test: dict[str, Any] = {}
        for name, cell in line.items():
            if cell.value is None:
                continue
            test[name] = _read_value(cell, report) if name in _VALUES else cell.plain
        tests.append(test)
    return tuple(tests)


def _read_value(cell: SheetCell, report: Report) -> Any:
    """Facts or outcomes as they stand in a rule file: `{amount: 10, segment: small}`."""
    try:
        return yaml_reader.read(f"value: {cell.plain}".encode())["value"].to_value()
    except InvalidError as error:
        first = error.problems[0]
        report.add("tables.cell", f"{first.message}, in `{cell.plain[:60]}`", Place(cell.address), first.help)
        return None


def _named_lines(sheet: Sheet, names: Sequence[str], report: Report) -> list[dict[str, SheetCell]]:
    """The lines below the header as cells by name; a column that the header does not name is empty."""
    header = [cell.plain.strip() for cell in sheet.rows[0]] if sheet.rows else []
    before = len(report.found)
    for at, name in enumerate(header):
        if name and name not in names:
            message = f"the sheet has no column `{name[:60]}`{did_you_mean(name, names)}"
            report.add("tables.header", message, Place(sheet.rows[0][at].address), f"columns are: {', '.join(names)}")
    lines = []
    for line in sheet.rows[1:] if len(report.found) == before else ():
        if any(cell.value is not None for cell in line):
            cells = dict(zip(header, line, strict=False))
            lines.append({name: cells.get(name, SheetCell(None)) for name in names})
    return lines

"""One file's rows as typed values, with a finding for every cell that is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from engine.importing.csv_text import read_csv
from engine.importing.findings import Finding
from engine.importing.mapping import Column, SourceFile
from engine.rulefile.nearest import did_you_mean

_INTEGER = re.compile(r"-?[0-9]{1,18}\Z")
_DECIMAL = re.compile(r"-?[0-9]{1,25}(\.[0-9]{1,9})?\Z")


@dataclass(frozen=True, slots=True)
class Row:
    """One row: values by the mapping's names, missing ones left out. A rejected row makes no record."""

    line: int
    values: Mapping[str, Any]
    rejected: bool


@dataclass(frozen=True, slots=True)
class Table:
    """One file read."""

    file: SourceFile
    rows: tuple[Row, ...]
    _sets: dict[str, frozenset[Any]] = field(default_factory=dict, repr=False)

    def values_of(self, column: str) -> frozenset[Any]:
        """Every value of a column, of the rows that were not rejected."""
        if column not in self._sets:
            values = (row.values.get(column) for row in self.rows if not row.rejected)
            self._sets[column] = frozenset(value for value in values if value is not None)
        return self._sets[column]


@dataclass(frozen=True, slots=True)
class _Cell:
    """What a column makes of one text; the same text in the same column is always the same."""

    value: Any
    code: str = ""
    message: str = ""
    done: str = ""


def read_table(file: SourceFile, data: bytes, tables: Mapping[str, Table], findings: list[Finding]) -> Table:
    """The file's rows. `tables` are the files read before, for references; findings are added in order of lines.

    Raises `InvalidError` for what is wrong with the file as a whole.
    """
    lines = read_csv(data, file.name, [column.name for column in file.columns], encoding=file.encoding)
    readers = [(index, column, _reader(column, tables)) for index, column in enumerate(file.columns) if column.used]
    caches: list[dict[str, _Cell]] = [{} for _ in readers]
    keys: dict[Any, int] = {}
    rows = []
    for line in lines:
        values: dict[str, Any] = {}
        rejected = ""
        noticed: list[tuple[Column, _Cell, str]] = []
        for (index, column, read), cache in zip(readers, caches, strict=True):
            text = line.fields[index]
            cell = cache.get(text)
            if cell is None:
                cell = cache[text] = read(text)
            if cell.value is not None:
                values[column.as_] = cell.value
            elif column.required:
                rejected = rejected or column.name
            if cell.code:
                noticed.append((column, cell, text))
        for column, cell, text in noticed:
            done = "the row was rejected" if rejected and cell.value is None and column.required else cell.done
            findings.append(Finding(file.name, line.number, column.name, cell.code, text[:200], cell.message, done))
        key = values.get(file.key)
        if not rejected and key is not None:
            first = keys.setdefault(key, line.number)
            if first != line.number:
                rejected = file.key
                name = next(column.name for column in file.columns if column.used and column.as_ == file.key)
                message = "another row above has the same key"
                findings.append(
                    Finding(
                        file.name,
                        line.number,
                        name,
                        "import.duplicate_key",
                        str(key)[:200],
                        message,
                        "the row was rejected",
                    )
                )
        if not rejected:
            _apply_rules(file, line.number, values, findings)
        rows.append(Row(line.number, values, bool(rejected)))
    return Table(file, tuple(rows))


def _apply_rules(file: SourceFile, line: int, values: Mapping[str, Any], findings: list[Finding]) -> None:
    findings.extend(
        Finding(file.name, line, "", "import.rule", rule.id, rule.because, "the row was kept")
        for rule in file.rules
        if rule.when.evaluate(values) is True
    )


def _reader(column: Column, tables: Mapping[str, Table]) -> Callable[[str], _Cell]:
    """What turns a column's texts into cells."""
    parse = _PARSERS[column.kind]
    allowed = tables[column.refers[0]].values_of(column.refers[1]) if column.refers else None

    def read(text: str) -> _Cell:
        if text in column.missing:
            if not column.required and not text:
                return _Cell(None)
            if not column.required:
                return _Cell(None, "import.missing_marker", "a declared word for no value", "read as no value")
            return _Cell(None, "import.missing_value", f"`{column.name}` is required", "")
        alias = column.aliases.get(text)
        wanted = text if alias is None else alias
        value = parse(column.values.get(wanted, wanted), column)
        if value is None:
            expected = _EXPECTED[column.kind]
            return _Cell(None, "import.wrong_value", f"`{column.name}` must be {expected}", "the value was left out")
        if column.choices and wanted not in column.choices:
            message = f"`{column.name}` has no such choice{did_you_mean(wanted, column.choices)}"
            return _Cell(None, "import.wrong_value", message, "the value was left out")
        if allowed is not None and value not in allowed:
            assert column.refers is not None
            names = sorted(str(one) for one in allowed)
            message = (
                f"`{column.refers[0]}` has no such {column.refers[1].replace('_', ' ')}{did_you_mean(wanted, names)}"
            )
            return _Cell(None, "import.unknown_reference", message, "the value was left out")
        if alias is not None:
            return _Cell(value, "import.alias", "a declared misspelling", f"read as `{alias}`")
        return _Cell(value)

    return read


def _text(text: str, _column: Column) -> str:
    return text


def _integer(text: str, _column: Column) -> int | None:
    return int(text) if _INTEGER.match(text) else None


def _decimal(text: str, _column: Column) -> Decimal | None:
    return Decimal(text) if _DECIMAL.match(text) else None


def _date(text: str, _column: Column) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def _boolean(text: str, column: Column) -> bool | None:
    return column.booleans.get(text)


_PARSERS: Mapping[str, Callable[[str, Column], Any]] = {
    "text": _text,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "boolean": _boolean,
}
_EXPECTED = {
    "text": "a text",
    "integer": "a whole number",
    "decimal": "a number with a decimal point",
    "date": "a date such as `2017-03-01`",
    "boolean": "one of the declared words for true and false",
}

"""A mapping file: which columns a file has, what their values are, and which records come of its rows. Data, not code.

It is strict YAML like a rule file, has a JSON Schema (`schemas/mapping.schema.json`), and is checked wholly before the
first row is read: columns, templates and references that do not exist are problems with places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Map
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from engine import feel
from engine.feel import types
from engine.problems import InvalidError, Report
from engine.records import MINOR_UNITS, RECORD_TYPES, RecordType
from engine.rulefile import yaml_reader
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node
from engine.rulefile.schema_source import SchemaSource
from engine.rulefile.shape import check_shape

SCHEMA = "mapping.schema.json"
KINDS = ("text", "integer", "decimal", "date", "boolean")
_FEEL_TYPES = {
    "text": types.STRING,
    "integer": types.NUMBER,
    "decimal": types.NUMBER,
    "date": types.DATE,
    "boolean": types.BOOLEAN,
}
_SLOT = re.compile(r"\{([a-z0-9_]+)\}")
_TYPES = {known.name: known for known in RECORD_TYPES}


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `name` is its header; `as_` is what the rest of the mapping calls it.

    `missing` are texts that mean "no value" here; `aliases` are misspellings with what they stand for; `refers` is the
    file and column whose values this one's must be among.
    """

    name: str
    as_: str
    kind: str
    used: bool
    required: bool
    missing: frozenset[str]
    aliases: Map[str, str]
    values: Map[str, str]
    choices: tuple[str, ...]
    refers: tuple[str, str] | None
    booleans: Map[str, bool]


@dataclass(frozen=True, slots=True)
class RowRule:
    """A condition on a row that is worth reporting."""

    id: str
    when: feel.Expression
    because: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the source: its name, columns in order, the column whose values are unique, and what to report."""

    id: str
    name: str
    encoding: str
    key: str
    columns: tuple[Column, ...]
    rules: tuple[RowRule, ...]

    def column(self, as_: str) -> Column | None:
        """The column of this name."""
        return next((column for column in self.columns if column.as_ == as_), None)


@dataclass(frozen=True, slots=True)
class Template:
    """A text with `{column}` slots; `otherwise` is taken when a slot's value is missing."""

    text: str
    parts: tuple[tuple[str, str], ...]
    otherwise: Template | None = None

    @property
    def slots(self) -> tuple[str, ...]:
        """The columns named, `otherwise` included."""
        return tuple(slot for _, slot in self.parts if slot) + (self.otherwise.slots if self.otherwise else ())

    def fill(self, row: Map[str, Any]) -> str | None:
        """The text for a row, or None when a value is missing and nothing else is declared."""
        found = []
        for literal, slot in self.parts:
            found.append(literal)
            if slot:
                value = row.get(slot)
                if value is None:
                    return self.otherwise.fill(row) if self.otherwise else None
                found.append(str(value))
        return "".join(found)


@dataclass(frozen=True, slots=True)
class Reference:
    """The id of the record that another part of the mapping makes for this key."""

    part: str
    key: Template


@dataclass(frozen=True, slots=True)
class FromColumn:
    """A column's value; `currency` makes it money in the organisation's currency, multiplied by `times`."""

    column: str
    money: bool = False
    times: int = 1


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value in every record."""

    value: Any


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of texts."""

    items: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """A document of all columns named, by those names; missing values are left out."""

    columns: tuple[str, ...]


Value = Template | Reference | FromColumn | Constant | Listed | Facts


@dataclass(frozen=True, slots=True)
class OwnedBy:
    """The owner is the person that another part makes.

    `first_of` looks the key's row up: the first row of that file whose `match` column has this row's `equals`.
    """

    reference: Reference
    first_of: str = ""
    match: str = ""
    equals: Template | None = None


@dataclass(frozen=True, slots=True)
class InTurn:
    """The organisation's people of these roles, by id, each in turn by a number in the row.

    What has an owner keeps it.
    """

    roles: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True)
class Part:
    """One record a distinct key of a file's rows (or a single record without a file).

    `own_row` says that each of its records stands for one row, which is then counted by what becomes of the record.
    """

    id: str
    type: RecordType
    file: str
    key: Template
    fields: Map[str, Value]
    owner: OwnedBy | InTurn | None
    own_row: bool
    if_none: bool


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping."""

    name: str
    version: int
    title: str
    digest: str
    organisation: Map[str, str]
    files: tuple[SourceFile, ...]
    parts: tuple[Part, ...]
    _files: Map[str, SourceFile] = field(repr=False)

    def file(self, file_id: str) -> SourceFile:
        """The file of this id."""
        return self._files[file_id]


def read_mapping(data: bytes, source: str, schemas: SchemaSource) -> Mapping:
    """The mapping. Raises `InvalidError` with everything that is wrong, each with its place in the file."""
    tree = yaml_reader.read(data, source)
    text = yaml_reader.decode(data, source)
    report = Report()
    try:
        check_shape(tree, SCHEMA, schemas, report)
        report.raise_if_any()
        return _Reader(tree, report).read(sha256(data).hexdigest())
    except InvalidError as error:
        raise InvalidError(problem.in_text(source, text) for problem in error.problems) from None


class _Reader:
    """Builds the model from a tree of the right shape, reporting names that do not exist."""

    def __init__(self, tree: Node, report: Report) -> None:
        self._tree, self._report = tree, report
        self._files: dict[str, SourceFile] = {}
        self._parts: dict[str, Part] = {}
        self._later = {node.text_of("id"): node.text_of("from") for node in tree.list_of("records")}

    def read(self, digest: str) -> Mapping:
        tree = self._tree
        organisation = {name: node.text for name, node in tree["organisation"].members.items()}
        if organisation["currency"] not in MINOR_UNITS:
            self._wrong(f"`{organisation['currency']}` is not an accepted currency", tree["organisation"]["currency"])
        for node in tree.list_of("files"):
            self._file(node)
        for node in tree.list_of("records"):
            self._part(node)
        self._report.raise_if_any()
        version = tree.number_of("version")
        assert version is not None
        return Mapping(
            name=tree.text_of("name"),
            version=int(version),
            title=tree.text_of("title"),
            digest=digest,
            organisation=organisation,
            files=tuple(self._files.values()),
            parts=tuple(self._parts.values()),
            _files=self._files,
        )

    def _wrong(self, message: str, node: Node) -> None:
        self._report.add("mapping.invalid", message, node.place)

    def _file(self, node: Node) -> None:
        file_id = node.text_of("id")
        if file_id in self._files:
            self._wrong(f"two files have the id `{file_id}`", node["id"])
        columns: list[Column] = []
        for item in node.list_of("columns"):
            column = self._column(item)
            if any(column.name == other.name or (column.used and column.as_ == other.as_) for other in columns):
                self._wrong(f"the column `{column.name}` stands twice", item)
            columns.append(column)
        known = {column.as_: column for column in columns if column.used}
        key = node.text_of("key")
        if key not in known:
            self._wrong(f"the key `{key}` is no column of the file{did_you_mean(key, known)}", node["key"])
        fields = {name: feel.Field(_FEEL_TYPES[column.kind], optional=True) for name, column in known.items()}
        rules = tuple(self._rule(item, feel.Scope(fields)) for item in node.list_of("report"))
        self._files[file_id] = SourceFile(
            id=file_id,
            name=node.text_of("name"),
            encoding=node.text_of("encoding", "utf-8"),
            key=key,
            columns=tuple(columns),
            rules=tuple(rule for rule in rules if rule is not None),
        )

    def _column(self, node: Node) -> Column:
        name = node.text_of("name")
        refers: tuple[str, str] | None = None
        if "refers" in node:
            file_id, _, column = node.text_of("refers").partition(".")
            file = self._files.get(file_id)
            if file is None or file.column(column) is None:
                self._wrong(f"`{node.text_of('refers')}` names no column of a file above this one", node["refers"])
            else:
                refers = (file_id, column)
        tree = self._tree
        return Column(
            name=name,
            as_=node.text_of("as") or re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_"),
            kind=node.text_of("kind", "text"),
            used="unused" not in node,
            required="required" in node and node["required"].value is True,
            missing=frozenset(item.text for item in (*tree.list_of("missing"), *node.list_of("missing"))) | {""},
            aliases={wrong: right.text for wrong, right in node["aliases"].members.items()}
            if "aliases" in node
            else {},
            values={text: shown.text for text, shown in node["values"].members.items()} if "values" in node else {},
            choices=tuple(item.text for item in node.list_of("choices")),
            refers=refers,
            booleans={
                text: value.value is True
                for text, value in (tree["booleans"].members if "booleans" in tree else {}).items()
            },
        )

    def _rule(self, node: Node, scope: feel.Scope) -> RowRule | None:
        when = node["when"]
        try:
            condition = feel.check(when.text, scope, expect=types.BOOLEAN, place=when.text_place)
        except InvalidError as error:
            self._report.extend(error.problems)
            return None
        return RowRule(node.text_of("id"), condition, node.text_of("because"))

    def _part(self, node: Node) -> None:
        part_id, file_id = node.text_of("id"), node.text_of("from")
        if part_id in self._parts:
            self._wrong(f"two parts have the id `{part_id}`", node["id"])
        if file_id and file_id not in self._files:
            self._wrong(f"there is no file `{file_id}`{did_you_mean(file_id, self._files)}", node["from"])
            return
        record_type = _TYPES[node.text_of("type")]
        known = {column.as_ for column in self._files[file_id].columns if column.used} if file_id else set[str]()
        fields: dict[str, Value] = {}
        for name, value in node["fields"].members.items():
            if record_type.field(name) is None:
                names = [one.name for one in record_type.fields]
                self._wrong(f"a {record_type.name} has no field `{name}`{did_you_mean(name, names)}", value)
            found = self._value(value, known, file_id)
            if found is not None:
                fields[name] = found
        key = self._template(node["key"], known) if "key" in node else Template("", (("only", ""),))
        own_row = (
            bool(file_id)
            and key.slots == (self._files[file_id].key,)
            and not any(part.own_row and part.file == file_id for part in self._parts.values())
        )
        self._parts[part_id] = Part(
            id=part_id,
            type=record_type,
            file=file_id,
            key=key,
            fields=fields,
            owner=self._owner(node["owner"], known) if "owner" in node else None,
            own_row=own_row,
            if_none="if_none" in node and node["if_none"].value is True,
        )

    def _owner(self, node: Node, known: set[str]) -> OwnedBy | InTurn | None:
        if "in_turn" in node:
            by = node.text_of("by")
            self._known(by, known, node["by"])
            return InTurn(tuple(item.text for item in node.list_of("in_turn")), by)
        if "first_of" not in node:
            reference = self._reference(node, known)
            return OwnedBy(reference) if reference else None
        file = self._files.get(node.text_of("first_of"))
        if file is None:
            self._wrong(f"there is no file `{node.text_of('first_of')}`", node["first_of"])
            return None
        there = {column.as_ for column in file.columns if column.used}
        self._known(node.text_of("match"), there, node["match"])
        reference = self._reference(node, there)
        equals = self._template(node["equals"], known)
        return OwnedBy(reference, file.id, node.text_of("match"), equals) if reference else None

    def _value(self, node: Node, known: set[str], file_id: str) -> Value | None:
        if "text" in node:
            return self._template(node["text"], known, node.get("otherwise"))
        if "record" in node:
            return self._reference(node, known, file_id)
        if "column" in node:
            self._known(node.text_of("column"), known, node["column"])
            return FromColumn(node.text_of("column"))
        if "money" in node:
            self._known(node.text_of("money"), known, node["money"])
            times = node.number_of("times")
            return FromColumn(node.text_of("money"), money=True, times=1 if times is None else int(times))
        if "list" in node:
            items = tuple(self._value(item, known, file_id) for item in node.list_of("list"))
            return Listed(tuple(item for item in items if item is not None))
        if "facts" in node:
            for item in node.list_of("facts"):
                self._known(item.text, known, item)
            return Facts(tuple(item.text for item in node.list_of("facts")))
        return Constant(node["is"].value)

    def _reference(self, node: Node, known: set[str], file_id: str = "") -> Reference | None:
        """A part above, or one below that comes of the same file, so that two records can name each other."""
        part = node.text_of("record")
        if file_id and "key" in node and self._later.get(part) == file_id:
            return Reference(part, self._template(node["key"], known))
        if part not in self._parts:
            self._wrong(f"`{part}` is no part above this one{did_you_mean(part, self._parts)}", node["record"])
            return None
        return Reference(part, self._template(node["key"], known) if "key" in node else self._parts[part].key)

    def _template(self, node: Node, known: set[str], otherwise: Node | None = None) -> Template:
        text = node.text
        parts: list[tuple[str, str]] = []
        end = 0
        for slot in _SLOT.finditer(text):
            self._known(slot[1], known, node)
            parts.append((text[end : slot.start()], slot[1]))
            end = slot.end()
        if end < len(text) or not parts:
            parts.append((text[end:], ""))
        return Template(text, tuple(parts), self._template(otherwise, known) if otherwise is not None else None)

    def _known(self, name: str, known: set[str], node: Node) -> None:
        if name not in known:
            self._wrong(f"`{name}` is no used column of the file{did_you_mean(name, known)}", node)

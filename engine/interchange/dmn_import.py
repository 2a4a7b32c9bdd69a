"""A decision table of a DMN model as a rule file of ours, and the fact schema that it reads.

Names become snake_case, in every text that uses them; hit policy, priorities, defaults and annotations are kept. What
has no place in a rule file is told, all of it at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from engine.dmn.model import Decision, DecisionTable, Definitions, InputClause, InputData, ItemDefinition, OutputClause
from engine.dmn.reading import read_definitions
from engine.dmn.xml_tree import Element, read_xml
from engine.feel import syntax
from engine.feel.standard import syntax_tree
from engine.feel.suggest import closest
from engine.feel.types import TYPE_NAMES
from engine.interchange.dmn_export import OURS, RULE
from engine.interchange.document import TYPED, InputColumn, OutputColumn, Scalar, TableDocument, TableRow
from engine.interchange.names import renamed, snake_case
from engine.problems import InvalidError, NotFoundError, Place, Problem, Report

_FORMATS: Final = {
    "date": "date",
    "time": "time",
    "date and time": "date-time",
    "days and time duration": "duration",
    "years and months duration": "year-month-duration",
}
_STATED_TYPES: Final = frozenset({"string", "number", "boolean", *_FORMATS})
_BECAUSE: Final = 300
_TITLE: Final = 120


@dataclass(frozen=True, slots=True)
class Converted:
    """The document, the JSON Schema of its facts by the name in `document.facts`, and what a person should look at."""

    document: TableDocument
    fact_schema: str
    notes: tuple[str, ...]


def from_dmn(
    data: bytes, source: str, decision: str | None = None, *, effective_from: str, facts: str = ""
) -> Converted:
    """The table of one decision of a model; without a name the only one that has a table.

    `effective_from` and `facts` (a schema that there is already, such as `lead/2`) are taken where the model does not
    say them. Raises `NotFoundError` (`dmn.unknown_decision`) and `InvalidError`: `dmn.*` for the model itself,
    `dmn.not_convertible` for each part that has no place in a rule file.
    """
    definitions = read_definitions(data, source)
    found = _chosen(definitions, decision, source)
    return _Import(definitions, found, read_xml(data, source), effective_from, facts).converted()


def _chosen(definitions: Definitions, name: str | None, source: str) -> Decision:
    decisions = [node for node in definitions.nodes.values() if isinstance(node, Decision)]
    tables = [node for node in decisions if isinstance(node.logic, DecisionTable)]
    listed = ", ".join(f"`{node.name}`" for node in tables) or "none"
    if name is None:
        if len(tables) != 1:
            message = f"the model has {len(tables)} decisions with a table; one must be named"
            raise InvalidError(Problem("dmn.not_convertible", message, Place(source), f"with a table: {listed}"))
        return tables[0]
    found = next((node for node in decisions if node.name == name), None)
    if found is None:
        near = closest(name, [node.name for node in decisions])
        hint = f"did you mean `{near}`?" if near else f"with a table: {listed}"
        raise NotFoundError(Problem("dmn.unknown_decision", f"the model has no decision `{name}`", Place(source), hint))
    if not isinstance(found.logic, DecisionTable):
        message = f"the decision `{name}` is no table"
        raise InvalidError(Problem("dmn.not_convertible", message, found.place, f"with a table: {listed}"))
    return found


@dataclass(slots=True)
class _Fact:
    """An input on its way to a field of the fact schema."""

    name: str
    type_ref: str
    title: str
    allowed: str = ""
    place: Place = field(default_factory=Place)


class _Import:
    """One decision of one model."""

    def __init__(
        self, definitions: Definitions, decision: Decision, root: Element, effective_from: str, facts: str
    ) -> None:
        self.definitions, self.decision = definitions, decision
        self.effective_from, self.given_facts = effective_from, facts
        assert isinstance(decision.logic, DecisionTable)
        self.table: DecisionTable = decision.logic
        found = (each for each in root.all("decision") if each.get("id") == decision.id)
        self.element = next(each for each in found if each.get("name") == decision.name)
        table = self.element.first("decisionTable")
        assert table is not None
        self.table_element = table
        self.report, self.notes = Report(), list[str]()
        self.facts = self._facts()
        self.names = {fact.title: fact.name for fact in self.facts}
        self.parts = self._parts()
        self.ours = self._ours()

    def converted(self) -> Converted:
        """Everything, or every problem."""
        inputs = self._inputs()
        outputs = self._outputs()
        rows = self._rows(inputs, outputs)
        default = {
            column.id: self._output_text(clause.default.text, column)
            for clause, column in zip(self.table.outputs, outputs, strict=True)
            if clause.default is not None
        }
        ours, decision = self.ours, self.decision
        name = ours.get("name") or snake_case(decision.name).replace("_", "-")
        facts = self.given_facts or ours.get("facts") or f"{name}/1"
        schema = self._schema(facts)
        self.report.raise_if_any()
        policy = {"COLLECT": f"COLLECT {self.table.aggregation}".strip()}.get(
            self.table.hit_policy, self.table.hit_policy
        )
        zone = ours.get("zone", "")
        document = TableDocument(
            name=name,
            version=int(ours.get("version") or 1),
            title=ours.get("title") or (self.element.get("label") or decision.name)[:_TITLE],
            effective_from=ours.get("from") or self.effective_from,
            effective_to=ours.get("to", ""),
            zone="" if zone == "UTC" else zone,
            facts=facts,
            hit_policy=policy,
            inputs=inputs,
            outputs=outputs,
            rows=rows,
            default=default,
        )
        return Converted(document, f"{_json(schema)}\n", tuple(self.notes))

    def _refuse(self, message: str, place: Place, help_text: str = "") -> None:
        self.report.add("dmn.not_convertible", message, place, help_text)

    # -- what the table reads

    def _facts(self) -> list[_Fact]:
        found: list[_Fact] = []
        for reference in self.decision.requires:
            node = self.definitions.nodes.get(reference.id)
            if reference.namespace != self.definitions.namespace or node is None:
                self._refuse(
                    f"`{reference.id}` belongs to another model", self.decision.place, "put both into one model"
                )
            elif isinstance(node, InputData):
                found.append(_Fact(snake_case(node.name), node.type_ref, node.name, place=node.place))
            elif isinstance(node, Decision):
                found.append(_Fact(snake_case(node.variable), node.type_ref, node.variable, place=node.place))
                self.notes.append(f"the decision `{node.name}` is a fact of the rule file: decide it first")
        for reference in self.decision.knows:
            node = self.definitions.nodes.get(reference.id)
            name = reference.id if node is None else node.name
            self._refuse(
                f"the table calls the function `{name}`", self.decision.place, "write what it does in the table"
            )
        by_name: dict[str, _Fact] = {}
        for fact in found:
            other = by_name.setdefault(fact.name, fact)
            if other is not fact:
                self._refuse(f"`{other.title}` and `{fact.title}` both become `{fact.name}`", fact.place, "rename one")
        return found

    def _parts(self) -> dict[str, str]:
        """The new names of the components of all types."""
        found: dict[str, str] = {}
        pending = list(self.definitions.types.values())
        while pending:
            for part in pending.pop().components:
                found[part.name] = snake_case(part.name)
                pending.append(part)
        return found

    def _ours(self) -> Mapping[str, str]:
        """What an export of ours says about the rule set."""
        for each in self.element.all("extensionElements"):
            for child in each.children:
                if child.namespace == OURS and child.name == "ruleSet":
                    return child.attributes
        return {}

    # -- the table

    def _text(self, text: str, place: Place, *, unary_tests: bool = False) -> str:
        try:
            return renamed(text.strip(), self.names, self.parts, unary_tests=unary_tests)
        except InvalidError as error:
            for problem in error.problems:
                shown = " ".join(text.split())[:80]
                self.report.add(problem.code, f"{problem.message}, in `{shown}`", place, problem.help)
            return "-" if unary_tests else "null"

    def _inputs(self) -> tuple[InputColumn, ...]:
        found: list[InputColumn] = []
        for clause, element in zip(self.table.inputs, self.table_element.all("input"), strict=True):
            place = clause.expression.place
            if not clause.expression.text.strip():
                self._refuse("an input column has no expression", place)
            text = self._text(clause.expression.text or "null", place)
            fact = next((fact for fact in self.facts if fact.name == text), None)
            label = element.get("label")
            identifier = element.get(f"{{{OURS}}}id") or (fact.name if fact else snake_case(label or text))
            identifier = _unused(identifier, [column.id for column in found])
            named = {fact.title, fact.name} if fact else {text}
            title = element.get(f"{{{OURS}}}title") if self.ours else label if label not in named else ""
            if fact and not title and fact.title != fact.name and not self.ours:
                title = fact.title
            found.append(InputColumn(identifier, title[:_TITLE], "" if identifier == text else text))
            self._limit(clause, fact, place)
        return tuple(found)

    def _limit(self, clause: InputClause, fact: _Fact | None, place: Place) -> None:
        """What a column says about its values belongs to the fact."""
        if fact is not None and not fact.type_ref:
            fact.type_ref = clause.expression.type_ref
        if not clause.allowed:
            return
        if fact is None:
            self.notes.append(f"the values `{clause.allowed}` of a computed column are not checked")
        elif not fact.allowed:
            fact.allowed, fact.place = clause.allowed, place

    def _outputs(self) -> tuple[OutputColumn, ...]:
        found: list[OutputColumn] = []
        for clause, element in zip(self.table.outputs, self.table_element.all("output"), strict=True):
            single = len(self.table.outputs) == 1
            own = snake_case(clause.name or (self.decision.variable if single else element.get("label")))
            identifier = _unused(element.get(f"{{{OURS}}}id") or own, [column.id for column in found])
            label = element.get("label")
            title = element.get(f"{{{OURS}}}title") if self.ours else label if label not in (clause.name, own) else ""
            type_, values = self._output_type(clause)
            if self.ours:
                type_ = element.get(f"{{{OURS}}}type")
            found.append(OutputColumn(identifier, title[:_TITLE], type_, values))
        return tuple(found)

    def _output_type(self, clause: OutputClause) -> tuple[str, tuple[Scalar, ...]]:
        """The column's type as it is stated, and its values in the order of their priority."""
        stated = clause.type_ref or (
            self.table.type_ref or self.decision.type_ref if len(self.table.outputs) == 1 else ""
        )
        item = self._item(stated)
        allowed = clause.allowed or (item.allowed or item.constraint if item is not None else "")
        values = _literals(allowed)
        if allowed and not values:
            self.notes.append(f"the output's limits `{allowed}` are no list of values, so they are not checked")
        type_ = _simple(item.type_ref if item is not None else stated)
        return (type_ if type_ in _STATED_TYPES and not values else ""), values

    def _rows(self, inputs: tuple[InputColumn, ...], outputs: tuple[OutputColumn, ...]) -> tuple[TableRow, ...]:
        found = []
        for number, (rule, element) in enumerate(
            zip(self.table.rules, self.table_element.all("rule"), strict=True), start=1
        ):
            when = {}
            for column, test in zip(inputs, rule.tests, strict=True):
                text = self._text(test.text.strip() or "-", test.place, unary_tests=True)
                if text != "-":
                    when[column.id] = text
            then = {
                column.id: self._output_text(entry.text.strip() or "null", column, entry.place)
                for column, entry in zip(outputs, rule.outputs, strict=True)
            }
            identifier = element.get("id").removeprefix(RULE) if self.ours else f"row-{number}"
            found.append(TableRow(identifier, when, then, self._because(element, number)))
        return tuple(found)

    def _output_text(self, text: str, column: OutputColumn, place: Place | None = None) -> str:
        """An output's text; one of the column's values needs no quotes."""
        made = self._text(text, place or self.table.place)
        tree = syntax_tree(made, self.names.values())
        if isinstance(tree, syntax.Literal) and isinstance(tree.value, str) and tree.value in column.values:
            return made if TYPED.fullmatch(tree.value) or '"' in tree.value else tree.value
        return made

    def _because(self, element: Element, number: int) -> str:
        """The annotations of a rule, else its description, else its number."""
        texts = [" ".join(entry.text_of("text").split()) for entry in element.all("annotationEntry")]
        text = "; ".join(filter(None, texts)) or " ".join(element.text_of("description").split())
        if len(text) > _BECAUSE:
            self.notes.append(f"the annotation of row {number} is cut to {_BECAUSE} characters")
        return text[:_BECAUSE] or f"Row {number} of {self.decision.name}"[:_BECAUSE]

    # -- the facts

    def _schema(self, name: str) -> dict[str, Any]:
        properties = {
            fact.name: self._field(fact.title, fact.type_ref, fact.allowed, fact.place, ()) for fact in self.facts
        }
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": f"Facts of {self.decision.name}",
            "description": f"The inputs of a decision model, as `{name}`.",
            "type": "object",
            "additionalProperties": False,
            "properties": properties,
        }

    def _field(self, title: str, type_ref: str, allowed: str, place: Place, within: tuple[str, ...]) -> dict[str, Any]:
        item = self._item(type_ref)
        if item is not None and len(within) < 20 and type_ref not in within:
            return self._item_field(title, item, allowed, place, (*within, type_ref))
        type_ = _simple(type_ref)
        made: dict[str, Any]
        if type_ in _FORMATS:
            made = {"type": "string", "format": _FORMATS[type_]}
        elif type_ in _STATED_TYPES:
            made = {"type": type_}
        else:
            self.notes.append(f"the model does not say which type `{title}` has; `string` is written for it")
            made = {"type": "string"}
        made["description"] = title
        if allowed:
            made |= self._limits(title, type_, allowed)
        return made

    def _item_field(
        self, title: str, item: ItemDefinition, allowed: str, place: Place, within: tuple[str, ...]
    ) -> dict[str, Any]:
        if item.components:
            parts = {
                snake_case(part.name): self._item_field(part.name, part, "", place, within)
                if part.components or part.is_collection
                else self._field(part.name, part.type_ref, part.allowed or part.constraint, place, within)
                for part in item.components
            }
            made: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": parts}
            made["description"] = title
        else:
            made = self._field(title, item.type_ref, allowed or item.allowed or item.constraint, place, within)
        if item.is_collection:
            return {"type": "array", "items": made, "description": title}
        return made

    def _limits(self, title: str, type_: str, allowed: str) -> dict[str, Any]:
        """Allowed values as JSON Schema says them, where it can."""
        values = _literals(allowed)
        if (
            values
            and type_ in ("string", "number")
            and all(isinstance(value, str) is (type_ == "string") for value in values)
        ):
            return {"enum": list(values)}
        limits = _number_limits(allowed) if type_ == "number" else {}
        if not limits:
            self.notes.append(f"the limits `{allowed}` of `{title}` are not checked by the fact schema")
        return limits

    def _item(self, type_ref: str) -> ItemDefinition | None:
        types = self.definitions.types
        return types.get(type_ref) or types.get(type_ref.partition(":")[2])


def _unused(name: str, used: list[str]) -> str:
    number, found = 1, name
    while found in used:
        number += 1
        found = f"{name}_{number}"
    return found


def _simple(type_ref: str) -> str:
    """A built-in type by FEEL's own name; DMN 1.1 writes a prefix, such as `feel:`."""
    name = type_ref.rpartition(":")[2] if type_ref not in TYPE_NAMES else type_ref
    known = TYPE_NAMES.get(name)
    return "" if known is None else known.name


def _literals(tests: str) -> tuple[Scalar, ...]:
    """The values that tests list, if they list nothing else."""
    try:
        tree = syntax_tree(tests, unary_tests=True) if tests else None
    except InvalidError:
        return ()
    if not isinstance(tree, syntax.UnaryTests) or tree.negated:
        return ()
    values = [_value(test) for test in tree.tests]
    return tuple(value for value in values if value is not None) if None not in values else ()


def _value(node: syntax.Node) -> Scalar | None:
    if isinstance(node, syntax.Literal):
        return node.value
    if isinstance(node, syntax.Negative) and isinstance(node.operand, syntax.Literal):
        return -node.operand.value if isinstance(node.operand.value, Decimal) else None
    return None


def _number_limits(tests: str) -> dict[str, Any]:
    """`minimum` and `maximum` for one range of numbers whose ends belong to it."""
    try:
        tree = syntax_tree(tests, unary_tests=True)
    except InvalidError:
        return {}
    if not isinstance(tree, syntax.UnaryTests) or tree.negated or len(tree.tests) != 1:
        return {}
    (test,) = tree.tests
    match test:
        case syntax.Interval(low=low, high=high, low_closed=True, high_closed=True):
            ends = {"minimum": _value(low), "maximum": _value(high)}
        case syntax.Test(op=">=", operand=low):
            ends = {"minimum": _value(low)}
        case syntax.Test(op="<=", operand=high):
            ends = {"maximum": _value(high)}
        case _:
            return {}
    if not all(isinstance(value, Decimal) for value in ends.values()):
        return {}
    return dict(ends)


def _json(value: Any, indent: str = "") -> str:
    """JSON in which decimals are numbers of their own digits, which a binary number may not have."""
    if isinstance(value, Mapping):
        inner = indent + "  "
        lines = ",\n".join(f"{inner}{json.dumps(key)}: {_json(item, inner)}" for key, item in value.items())
        return f"{{\n{lines}\n{indent}}}" if lines else "{}"
    if isinstance(value, list):
        return f"[{', '.join(_json(item) for item in value)}]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)

"""A decision that is a table: from columns and rows of a file to a compiled table, from its result to an outcome."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from engine import feel
from engine.decision import Explanation, Reason, WhyNot
from engine.feel import types
from engine.kinds.decision.table_nearest import table_nearest
from engine.kinds.paths import in_schema_order, missing
from engine.nearest_change import NearestChange
from engine.problems import InvalidError, Place, Problem
from engine.rulefile.fact_fields import FactField
from engine.rulefile.kind import DescribedRow, Draft, Outcome, Section
from engine.rulefile.nearest import did_you_mean
from engine.rulefile.nodes import Node
from engine.rulefile.question import Question
from engine.rulefile.scalar_places import ScalarStyle
from engine.tables import CompiledTable, HitPolicy, Input, Output, Row, Table, TableModel, TableResult, Text

DEFAULT: Final = "default"
"""The id of the reason that stands when no row matched and the defaults were taken."""

COUNT: Final = "count"
"""The name of the outcome of `COLLECT #` in a table with several outputs."""

_POLICY_NOTES: Final = {
    HitPolicy.UNIQUE: "At most one row matches.",
    HitPolicy.ANY: "Rows that match together agree.",
    HitPolicy.FIRST: "The first row that matches decides.",
    HitPolicy.PRIORITY: "Of the rows that match, the one whose output stands first in its values decides.",
    HitPolicy.RULE_ORDER: "All rows that match count, in the table's order.",
    HitPolicy.OUTPUT_ORDER: "All rows that match count, in the order of the outputs' values.",
    HitPolicy.COLLECT: "All rows that match count.",
    HitPolicy.COLLECT_SUM: "The outputs of all rows that match are added.",
    HitPolicy.COLLECT_MIN: "The smallest output of the rows that match counts.",
    HitPolicy.COLLECT_MAX: "The largest output of the rows that match counts.",
    HitPolicy.COLLECT_COUNT: "The rows that match are counted.",
}


@dataclass(frozen=True, slots=True)
class TableBody:
    """The compiled body of a decision with a table."""

    table: CompiledTable
    zone: tzinfo
    reads: tuple[str, ...]
    titles: tuple[str, ...]
    warnings: tuple[Problem, ...]
    hints: tuple[Problem, ...]

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """The rows' ids, in order."""
        return tuple(row.id for row in self.table.model.rows)

    def decide(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime) -> Outcome:  # noqa: ARG002  # facts carry no second time
        """The outputs. A policy that lets several rows count gives a list for each output, in step with each other."""
        result = self.table.evaluate(facts, at=at, zone=self.zone)
        return Outcome(self._outcome(result), missing(self.reads, facts), lambda: self._explain(facts, at, result))

    def nearest(self, question: Question) -> NearestChange:
        """The nearest change of facts that makes other rows decide, with another outcome."""
        return table_nearest(self.table, question, self.zone, self._outcome)

    def describe(self) -> tuple[Section, ...]:
        """One section: the table as it is written."""
        model = self.table.model
        columns = (*self.table.labels, *self.titles)
        rows = tuple(
            DescribedRow(row.id, tuple(cell.text.strip() for cell in (*row.inputs, *row.outputs)), row.because)
            for row in model.rows
        )
        defaults = [f"{output.name} {output.default.text}" for output in model.outputs if output.default is not None]
        note = _POLICY_NOTES[model.hit_policy] + (f" If none matches: {', '.join(defaults)}." if defaults else "")
        return (Section("Table", note, columns, rows),)

    def _outcome(self, result: TableResult) -> dict[str, Any]:
        names = [output.name for output in self.table.model.outputs]
        policy = self.table.policy
        if result.defaulted:
            return dict(result.outputs[0])
        if policy.aggregates:
            return {names[0] if len(names) == 1 else COUNT: result.value}
        if policy.is_single:
            return dict(result.outputs[0]) if result.outputs else dict.fromkeys(names)
        return {name: tuple(outputs[name] for outputs in result.outputs) for name in names}

    def _explain(self, facts: Mapping[str, Any], at: datetime, result: TableResult) -> Explanation:
        return Explanation.of(self._reasons(result), self._why_not(facts, at, result))

    def _reasons(self, result: TableResult) -> Iterator[Reason]:
        if result.defaulted:
            yield Reason(DEFAULT, "No row matched, so the defaults hold", detail={"outputs": dict(result.outputs[0])})
        for index, row in enumerate(result.rows):
            outputs = dict(result.outputs[min(index, len(result.outputs) - 1)])
            contribution: Decimal | None = None
            if self.table.policy is HitPolicy.COLLECT_SUM:
                # Only a sum is made of parts; of the smallest or largest value no row has a share.
                value = next(iter(outputs.values()))
                contribution = value if isinstance(value, Decimal) else None
            elif self.table.policy is HitPolicy.COLLECT_COUNT:
                contribution = Decimal(1)
            yield Reason(row, self.table.because(row), contribution, {"outputs": outputs})

    def _why_not(self, facts: Mapping[str, Any], at: datetime, result: TableResult) -> Iterator[WhyNot]:
        for row in self.table.model.rows:
            if row.id in result.rows:
                continue
            failed = self.table.why_not(row.id, facts, at=at, zone=self.zone)
            if failed is None:
                yield WhyNot(row.id, row.because, f"matches too, but `{result.rows[0]}` goes before it", {})
            else:
                yield WhyNot(row.id, row.because, f"{failed.column}: {failed.text}", {failed.column: failed.seen})


def build_table(draft: Draft) -> TableBody:
    """The body of a file with `columns` and `rows`. Raises `InvalidError` with all problems."""
    reader = _Reader(draft)
    model = reader.model()
    damaged = bool(draft.report)
    try:
        table = Table.check(model, draft.facts.scope, domains=draft.facts.domains, zone=draft.zone)
    except InvalidError as error:
        # What rows do together is worth telling only of a table that is whole.
        told = [problem for problem in error.problems if not damaged or problem.code.startswith("feel.")]
        draft.report.extend(reader.located(problem) for problem in told)
    draft.report.raise_if_any()
    return TableBody(
        table=table,
        zone=draft.zone,
        reads=in_schema_order(table.reads, draft.facts),
        titles=tuple(node.text_of("title") or node.text_of("id") for node in reader.outputs),
        warnings=tuple(table.warnings),
        hints=tuple(table.hints),
    )


class _Reader:
    """Reads the columns and rows of one file. Remembers which node each piece of the language came from."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        columns = draft.tree["columns"]
        self.inputs = columns.list_of("inputs")
        self.outputs = columns.list_of("outputs")
        self.nodes: dict[str, Node] = {}
        self.allowed: dict[str, list[str]] = {}
        self.input_ids = [node.text_of("id") for node in self.inputs]
        self.output_ids = [node.text_of("id") for node in self.outputs]

    def model(self) -> TableModel:
        """The table as `engine.tables` wants it; contradictions between columns and rows go to the report."""
        tree, draft = self.draft.tree, self.draft
        draft.unique_ids([*self.inputs], "column")
        draft.unique_ids([*self.outputs], "column")
        draft.unique_ids(tree.list_of("rows"), "row")
        policy_node, default = tree.get("hit_policy"), tree.get("default")
        policy = HitPolicy.named(policy_node.text) if policy_node is not None else HitPolicy.UNIQUE
        if policy_node is not None and policy is HitPolicy.COLLECT:
            line = policy_node.lines[policy_node.place.line - 1]
            rest = line[policy_node.place.column - 1 + len(policy_node.text) :].strip()
            if policy_node.style is ScalarStyle.PLAIN and rest == "#":
                message = "`COLLECT #` without quotes is COLLECT, because `#` starts a comment"
                draft.report.add("rules.wrong_value", message, policy_node.place, "write `COLLECT COUNT`")
        if default is not None:
            self._check_names(default, self.output_ids, "output")
        place = tree["columns"].key_place or tree["columns"].place
        return TableModel(
            inputs=tuple(self._input(node) for node in self.inputs),
            outputs=tuple(self._output(node, default) for node in self.outputs),
            rows=tuple(self._row(node) for node in tree.list_of("rows")),
            hit_policy=policy or HitPolicy.UNIQUE,
            place=policy_node.place if policy_node is not None else place,
        )

    def located(self, problem: Problem) -> Problem:
        """A problem of the table at its exact place in the file."""
        node = self.nodes.get(problem.place.path)
        if node is None or not problem.place.line:
            return replace(problem, excerpt="")
        help_text = problem.help
        values = self.allowed.get(problem.place.path)
        if problem.code == "feel.unknown_name" and values is not None and (values or not help_text.startswith("did ")):
            help_text = f"a text has quotes in it: '\"{node.text}\"'"
            if values:
                help_text += f"; values of the column need none: {', '.join(values)}"
        return replace(problem, place=node.exact_place(problem.place), help=help_text, excerpt="")

    def _input(self, node: Node) -> Input:
        expression = node.get("expression") or node["id"]
        return Input(self._text(expression), node.text_of("title") or node.text_of("id"))

    def _output(self, node: Node, defaults: Node | None) -> Output:
        name = node.text_of("id")
        allowed = tuple(
            Decimal(item.text) if isinstance(item.value, Decimal) else item.value for item in node.list_of("values")
        )
        default = defaults.get(name) if defaults is not None else None
        return Output(
            name=name,
            type=self._output_type(node, allowed),
            allowed=allowed,
            default=self._value(default, allowed, may_be_text=_may_be_text(node)) if default is not None else None,
            place=node["id"].place,
        )

    def _output_type(self, node: Node, allowed: Sequence[Any]) -> types.Type:
        """As stated, or that of the allowed values, or that of the cells."""
        if stated := node.text_of("type"):
            return types.TYPE_NAMES[stated]
        if allowed:
            kinds = {type(value) for value in allowed}
            return _TYPES[kinds.pop()] if len(kinds) == 1 else types.ANY
        found: types.Type = types.NULL
        for row in self.draft.tree.list_of("rows"):
            cell = row["then"].get(node.text_of("id"))
            if cell is None:
                continue
            try:
                found = types.common(found, feel.check(cell.text or "null", self.draft.facts.scope).type)
            except InvalidError:
                return types.ANY  # the cell itself is reported when the table is checked
        return found

    def _row(self, node: Node) -> Row:
        when, then = node.get("when"), node["then"]
        if when is not None:
            self._check_names(when, self.input_ids, "input")
        self._check_names(then, self.output_ids, "output")
        place = node["id"].place
        if node.text_of("id") == DEFAULT:
            message = f"`{DEFAULT}` is the id under which the defaults are shown"
            self.draft.report.add("rules.duplicate_id", message, place, "choose another id")
        for name in self.output_ids:
            if name not in then:
                message = f"the row `{node.text_of('id')}` gives no `{name}`"
                self.draft.report.add(
                    "rules.missing_field", message, then.key_place or then.place, "every row gives every output"
                )
        return Row(
            id=node.text_of("id"),
            inputs=tuple(self._cell(column, when, place) for column in self.inputs),
            outputs=tuple(
                self._value(then.get(output.text_of("id")), _texts(output), may_be_text=_may_be_text(output))
                for output in self.outputs
            ),
            because=node.text_of("because"),
            place=place,
        )

    def _check_names(self, node: Node, known: Sequence[str], what: str) -> None:
        for name, member in node.members.items():
            if name not in known:
                message = f"`{name}` is not an {what} column{did_you_mean(name, known)}"
                place = member.key_place or member.place
                self.draft.report.add("rules.unknown_field", message, place, f"{what} columns: {', '.join(known)}")

    def _cell(self, column: Node, when: Node | None, place: Place) -> Text:
        """A cell; a column left out matches everything. Values of a fact's enum may stand without their quotes."""
        node = when.get(column.text_of("id")) if when is not None else None
        if node is None:
            return Text("-", place)
        fact = self.draft.facts.field(column.text_of("expression") or column.text_of("id"))
        plain = [part.strip() for part in node.text.split(",")]
        if (
            fact is not None
            and fact.enum is not None
            and fact.form == "string"
            and all(part in fact.enum for part in plain)
        ):
            return Text(", ".join(feel.literal(part) for part in plain), node.text_place)
        if fact is not None and fact.enum is not None and fact.form == "string" and self._misspelt(node, fact):
            return Text("-", place)
        return self._text(node)

    def _misspelt(self, node: Node, fact: FactField) -> bool:
        """Whether a cell is values without their quotes of which some are none of the fact's; notes those."""
        values = [str(value) for value in fact.enum or ()]
        parts = list(re.finditer(r"[^,]+", node.text))
        words = [part.group().strip() for part in parts]
        if not all(_WORDS.fullmatch(word) for word in words) or any(self._is_name(word) for word in words):
            return False
        for part, word in zip(parts, words, strict=True):
            if word in values:
                continue
            at = node.text_place
            start = at.column + part.start() + len(part.group()) - len(part.group().lstrip())
            message = f"`{word}` is not one of the values of `{fact.name}`{did_you_mean(word, values)}"
            place = node.exact_place(replace(at, column=start, length=len(word)))
            help_text = f"allowed are {', '.join(values)}; several are separated by commas"
            self.draft.report.add("feel.not_in_enum", message, place, help_text)
        return True

    def _is_name(self, word: str) -> bool:
        """Whether a word means something in the language: a fact, or null."""
        return word == "null" or self.draft.facts.field(word) is not None

    def _value(self, node: Node | None, allowed: Sequence[Any], *, may_be_text: bool) -> Text:
        """An output; a text that is one of the column's values may stand without its quotes."""
        if node is None:
            return Text("null")
        if node.text in allowed and isinstance(node.value, str):
            return Text(feel.literal(node.text), node.text_place)
        if allowed or (may_be_text and _WORDS.fullmatch(node.text)):
            self.allowed[node.place.path] = [str(value) for value in allowed]
        return self._text(node)

    def _text(self, node: Node) -> Text:
        self.nodes[node.place.path] = node
        return Text(node.text or "null", node.text_place, node.line_columns)


_WORDS: Final = re.compile(r"[A-Za-z][\w ./&+-]*")
"""A value as it may stand without quotes; with a sign of the language in it a cell is a test."""
_TYPES: Final[Mapping[type, types.Type]] = {str: types.STRING, Decimal: types.NUMBER, bool: types.BOOLEAN}


def _may_be_text(output: Node) -> bool:
    return output.text_of("type", "string") == "string"


def _texts(output: Node) -> list[str]:
    return [item.text for item in output.list_of("values") if isinstance(item.value, str)]

"""The tables of the public DMN compatibility kit as rule files of ours: they decide as their models do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from generated import SCHEMAS

from cli.dmn_kit import load as load_model_file
from engine.dmn import Model
from engine.dmn.json_values import to_json
from engine.dmn.kit import KitCase, is_test_file, read_kit_file
from engine.dmn.model import Decision, DecisionTable
from engine.interchange.dmn_import import from_dmn
from engine.interchange.names import snake_case
from engine.interchange.rule_text import rule_text
from engine.kinds import load
from engine.problems import BylawError
from engine.rulefile import RuleSet, SchemaSource

AT = datetime(2026, 6, 30, tzinfo=UTC)


def renamed(value: Any) -> Any:
    """A value with the names that the conversion gives to parts of contexts."""
    if isinstance(value, dict):
        return {snake_case(name): renamed(item) for name, item in value.items() if item is not None}
    return [renamed(item) for item in value] if isinstance(value, list) else value


def facts_of(model: Model, decision: Decision, case: KitCase) -> dict[str, Any]:
    """What the table of a decision reads in a case: inputs, and what the decisions before it give."""
    space, found = model.definitions.namespace, {}
    for reference in decision.requires:
        node = model.definitions.nodes[reference.id]
        if isinstance(node, Decision):
            found[node.variable] = model.evaluate(node.name, case.inputs, at=AT).value
        else:
            found[node.name] = case.inputs.get(("", node.name), case.inputs.get((space, node.name)))
    return renamed({name: to_json(value) for name, value in found.items()})


def models(shared: Path) -> Iterator[tuple[Path, Model, tuple[KitCase, ...], Mapping[str, Decision]]]:
    """Each test file's model that has a decision with a table: its path, cases and such decisions."""
    for file in sorted((shared / "dmn-tck").rglob("*.xml")):
        if is_test_file(data := file.read_bytes()):
            kit = read_kit_file(data, file.name)
            try:
                model = load_model_file(file.parent / kit.model_name)
            except BylawError:
                continue  # a few models of the kit are wrong on purpose
            nodes = model.definitions.nodes.values()
            tables = {
                each.name: each
                for each in nodes
                if isinstance(each, Decision) and isinstance(each.logic, DecisionTable)
            }
            if tables:
                yield file.parent / kit.model_name, model, kit.cases, tables


def rules_of(path: Path, name: str) -> RuleSet:
    """The rule set of a decision's table."""
    found = from_dmn(path.read_bytes(), path.name, name, effective_from="2026-01-01")
    schema = f"facts/{found.document.facts.replace('/', '-')}.schema.json"
    schemas = SchemaSource({**SCHEMAS.texts, schema: found.fact_schema})
    return load(rule_text(found.document).encode(), source="", schemas=schemas)


def test_the_tables_of_the_kit_decide_alike_as_rule_files(shared: Path) -> None:
    """Every table converts and loads in strict mode, and in every case gives what its model gives."""
    compared = 0
    for path, model, cases, tables in models(shared):
        rules = {name: rules_of(path, name) for name in tables}
        for case in cases:
            for name in {each.name for each in case.expectations} & set(tables):
                expected = renamed(to_json(model.evaluate(name, case.inputs, at=AT).value))
                facts = rules[name].facts.read(facts_of(model, tables[name], case))
                found = renamed(to_json(rules[name].body.table.evaluate(facts, at=AT).value))
                assert (expected or None) == (found or None), (path.name, case.id, name)
                compared += 1
    assert compared > 50

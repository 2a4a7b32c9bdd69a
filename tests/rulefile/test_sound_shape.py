"""The quick look at a file's shape, which passes what jsonschema passes and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.kinds import KINDS
from engine.problems import NOWHERE, Report
from engine.rulefile import SchemaSource, yaml_reader
from engine.rulefile.nodes import Node, NodeKind, PlainNumber, Scalar
from engine.rulefile.shape import check_shape, checks_of
from engine.rulefile.sound_shape import sound_shape

ROOT = Path(__file__).resolve().parents[2]
FILES = [yaml_reader.read(path.read_bytes()) for path in sorted((ROOT / "rules").rglob("*.yaml"))]
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
)
NAMES: Final = ("id", "when", "points", "because", "cap", "rules", "title", "given", "rows", "x", "A", "1")


def scalar(value: Scalar) -> Node:
    """A value that stands nowhere."""
    text = value.text if isinstance(value, PlainNumber) else "" if value is None else str(value)
    return Node(NodeKind.SCALAR, NOWHERE, value=value, text=text)


def listed(nodes: list[Node]) -> Node:
    """A list that stands nowhere."""
    return Node(NodeKind.LIST, NOWHERE, items=tuple(nodes))


def grouped(members: dict[str, Node]) -> Node:
    """A group that stands nowhere."""
    return Node(NodeKind.MAPPING, NOWHERE, members=members)


texts = st.sampled_from(["", " ", "a", "A", "exclude", "FIRST", "amount", "2026-01-01", "x" * 61, "y" * 301, "1"])
numbers = st.sampled_from(["0", "1", "-1", "1.0", "2.5", "1e3", "100", "0.000001", "99999999999"]).map(PlainNumber.of)
scalars = st.one_of(texts, numbers, st.booleans(), st.none()).map(scalar)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(listed), st.dictionaries(st.sampled_from(NAMES), inner, max_size=3).map(grouped)
    ),
    max_leaves=6,
)


def changed(node: Node, data: st.DataObject) -> Node:
    """The tree with one part replaced, left out, repeated or added."""
    inner = [*node.members] if node.kind is NodeKind.MAPPING else [*range(len(node.items))]
    if inner and data.draw(st.integers(0, 5)):
        chosen = data.draw(st.sampled_from(inner))
        if isinstance(chosen, str):
            return replace(node, members={**node.members, chosen: changed(node.members[chosen], data)})
        part = changed(node.items[chosen], data)
        return replace(node, items=(*node.items[:chosen], part, *node.items[chosen + 1 :]))
    match data.draw(st.sampled_from(["replace", "remove", "repeat", "add"])):
        case "remove" if inner and node.kind is NodeKind.MAPPING:
            gone = data.draw(st.sampled_from(inner))
            return replace(node, members={name: part for name, part in node.members.items() if name != gone})
        case "remove" if inner:
            return replace(node, items=node.items[1:])
        case "repeat" if node.items:
            return replace(node, items=node.items * data.draw(st.sampled_from([2, 60, 700])))
        case "add" if node.kind is NodeKind.MAPPING:
            return replace(node, members={**node.members, data.draw(st.sampled_from(NAMES)): data.draw(values)})
        case _:
            return data.draw(values)


@pytest.mark.parametrize("kind", [kind.schema for kind in KINDS])
def test_the_schemas_of_all_kinds_are_known(kind: str) -> None:
    """Every kind's schema uses only keywords that the quick look knows, so that sound files need no jsonschema."""
    assert checks_of(kind, SCHEMAS).is_sound is not None


def test_an_unknown_keyword_leaves_all_to_jsonschema() -> None:
    """A schema with a keyword, a type or a sort of value that the quick look does not know has no quick look."""
    for schema in ({"multipleOf": 2}, {"type": "date"}, {"enum": [1]}, {"items": {"not": {}}}, True):
        assert sound_shape(schema) is None
    assert sound_shape({"title": "a", "description": "b", "type": ["string", "null"]}) is not None


@settings(max_examples=600)
@given(st.sampled_from(FILES), st.data())
def test_the_quick_look_agrees_with_jsonschema(tree: Node, data: st.DataObject) -> None:
    """What the quick look passes has no error by jsonschema, and what it does not pass has one."""
    for _ in range(data.draw(st.integers(0, 2))):
        tree = changed(tree, data)
    for kind in KINDS:
        checks = checks_of(kind.schema, SCHEMAS)
        assert checks.is_sound is not None
        assert checks.is_sound(tree) is checks.validator.is_valid(tree.to_value())


@settings(max_examples=100)
@given(st.sampled_from(FILES), st.data())
def test_what_does_not_pass_is_told(tree: Node, data: st.DataObject) -> None:
    """A tree that the quick look does not pass has at least one problem."""
    tree = changed(tree, data)
    for kind in KINDS:
        report = Report()
        check_shape(tree, kind.schema, SCHEMAS, report)
        assert bool(report) is not checks_of(kind.schema, SCHEMAS).is_sound(tree)

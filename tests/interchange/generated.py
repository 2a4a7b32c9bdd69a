"""Generated decision tables over facts of every type, and records for them."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from engine import feel
from engine.interchange.document import InputColumn, OutputColumn, TableDocument, TableRow
from engine.interchange.rule_text import rule_text
from engine.kinds import load
from engine.rulefile import RuleSet, SchemaSource

ROOT = Path(__file__).resolve().parents[2]
FACTS = {
    "type": "object",
    "additionalProperties": False,
    "required": ["segment"],
    "properties": {
        "segment": {"type": "string", "enum": ["small", "mid-market", "a, b", "null"]},
        "amount": {"type": "number", "minimum": 0, "maximum": 1000},
        "seats": {"type": ["integer", "null"]},
        "note": {"type": "string"},
        "closed_on": {"type": "string", "format": "date"},
        "opened_at": {"type": "string", "format": "date-time"},
        "waited": {"type": "string", "format": "duration"},
        "strategic": {"type": "boolean"},
    },
}
SCHEMAS = SchemaSource(
    {p.relative_to(ROOT / "schemas").as_posix(): p.read_bytes() for p in (ROOT / "schemas").rglob("*.schema.json")}
    | {"facts/sample-1.schema.json": json.dumps(FACTS)}
)
VALUES: dict[str, list[Any]] = {
    "segment": ["small", "mid-market", "a, b", "null"],
    "amount": [Decimal(0), Decimal("0.1"), Decimal("99.99"), Decimal(100), Decimal(1000)],
    "seats": [None, Decimal(-1), Decimal(0), Decimal(12)],
    "note": ["", "5", 'quo"ted', "Ünïcode ☃", "=1+1", "line\nbreak"],
    "closed_on": ["2026-01-01", "2026-06-30", "2026-12-31"],
    "opened_at": ["2026-01-01T00:00:00Z", "2026-06-30T12:00:00+02:00"],
    "waited": ["P1D", "PT36H"],
    "strategic": [True, False],
}
CELLS: dict[str, list[str]] = {
    "segment": ["small", "small, mid-market", '"a, b"', 'not("small")', "null"],
    "amount": ["< 100", "[0.1..99.99]", ">= 100.00", "100, 1000", "(0..100)", "not(0)", "1E+2"],
    "seats": ["null", "> 0", "-1", "not(null)"],
    "note": ['"5"', '"", "quo\\"ted"', 'contains(?, "n")', '"=1+1"', "string length(?) > 3"],
    "closed_on": ['< @"2026-06-30"', 'date("2026-01-01")', '[@"2026-01-01"..@"2026-06-30"]'],
    "opened_at": ['>= @"2026-06-30T10:00:00Z"'],
    "waited": ['@"P1D"', '> duration("PT30H")'],
    "strategic": ["true", "false", "not(true)"],
    "half": ["< 50", ">= 50", "null"],
}
OUTPUTS: dict[str, tuple[OutputColumn, list[str]]] = {
    "label": (
        OutputColumn("label", "A label", values=("high", "5", "true", "no, never", 'quo"te')),
        ["high", '"5"', '"true"', '"no, never"', '"quo\\"te"'],
    ),
    "points": (OutputColumn("points", "Points (%)", type="number"), ["1", "-2.50", "0", "amount + 1", "null", "1e3"]),
    "rank": (OutputColumn("rank", values=(Decimal(3), Decimal("1.50"), Decimal(2))), ["3", "1.5", "2"]),
    "yes": (OutputColumn("yes", type="boolean"), ["true", "false", "strategic"]),
    "day": (OutputColumn("day", type="date"), ['@"2026-02-28"', "closed_on", 'date("2026-03-01")']),
}
POLICIES = (
    "FIRST",
    "PRIORITY",
    "RULE ORDER",
    "OUTPUT ORDER",
    "COLLECT",
    "COLLECT SUM",
    "COLLECT MIN",
    "COLLECT #",
    "COLLECT MAX",
)
SENTENCES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")), min_size=1, max_size=20
).filter(lambda text: text == text.strip() != "" and "\ufeff" not in text)
"""What people write as titles and reasons; comments and titles do not begin or end with blanks."""


@st.composite
def documents(draw: st.DrawFn) -> TableDocument:
    """Any table: some columns, some rows, any policy that fits them."""
    policy = draw(st.sampled_from(POLICIES))
    names = draw(st.lists(st.sampled_from(list(CELLS)), min_size=1, max_size=4, unique=True))
    inputs = tuple(
        InputColumn(name, draw(st.one_of(st.just(""), SENTENCES)), "amount / 2" if name == "half" else "")
        for name in names
    )
    adds = policy in {"COLLECT SUM", "COLLECT MIN", "COLLECT MAX"}
    known = ["points"] if adds else list(OUTPUTS)
    wanted = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
    if policy in {"PRIORITY", "OUTPUT ORDER"} and not {"label", "rank"} & set(wanted):
        wanted.append("rank")
    outputs = tuple(OUTPUTS[name][0] for name in wanted)
    rows = []
    for number in range(draw(st.integers(1, 5))):
        when = {name: draw(st.sampled_from(CELLS[name])) for name in names if draw(st.booleans())}
        # A sum of ours passes over null, the standard's is null then: see docs/dmn.md.
        then = {name: draw(st.sampled_from(["1", "-2.50", "1e3"] if adds else OUTPUTS[name][1])) for name in wanted}
        rows.append(TableRow(f"r{number}", when, then, draw(SENTENCES), draw(st.one_of(st.just(""), SENTENCES))))
    has_default = policy in {"FIRST", "PRIORITY"} and draw(st.booleans())
    return TableDocument(
        name="sample",
        version=draw(st.integers(1, 12)),
        title=draw(SENTENCES),
        effective_from="2026-01-01",
        effective_to=draw(st.sampled_from(["", "2027-01-01"])),
        zone=draw(st.sampled_from(["", "Europe/Berlin"])),
        facts="sample/1",
        hit_policy=policy,
        inputs=inputs,
        outputs=outputs,
        rows=tuple(rows),
        default={name: draw(st.sampled_from(OUTPUTS[name][1])) for name in wanted} if has_default else {},
        tests=tuple(draw(st.lists(tests(wanted[0]), max_size=2, unique_by=lambda test: test["name"]))),
        note=draw(st.one_of(st.just(""), SENTENCES)),
    )


def tests(output: str) -> st.SearchStrategy[dict[str, Any]]:
    """A test of the file's own, right or wrong."""
    return st.fixed_dictionaries(
        {"name": SENTENCES, "at": st.just("2026-02-01T00:00:00Z"), "given": records(), "expect": st.just({output: "5"})}
    )


def records() -> st.SearchStrategy[dict[str, Any]]:
    """Facts, of which all but the required one may be absent."""
    optional = {name: st.sampled_from(values) for name, values in VALUES.items() if name != "segment"}
    return st.fixed_dictionaries({"segment": st.sampled_from(VALUES["segment"])}, optional=optional)


def loaded(document: TableDocument) -> RuleSet:
    """The rule set of a document's text."""
    return load(rule_text(document).encode(), source="sample.yaml", schemas=SCHEMAS)


def quoted(text: str) -> str:
    """A text as a literal of the language."""
    return feel.literal(text)

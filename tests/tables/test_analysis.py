"""What is found about a table: each finding against enumeration of all records over a small domain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feel import Field, Scope, check_unary_tests, types
from engine.feel.domains import Domain
from engine.tables import Finding, HitPolicy, Input, Output, Row, Table, TableModel, Text
from engine.tables.analysis import analyse

SCOPE = Scope(
    {
        "size": Field(types.NUMBER),
        "region": Field(types.STRING, enum=("north", "south", "west")),
        "known": Field(types.BOOLEAN, optional=True),
        "level": Field(types.NUMBER, optional=True),
        "code": Field(types.STRING),
    }
)
DOMAINS = {
    "size": Domain(Decimal(0), Decimal(5), whole=True),
    "level": Domain(Decimal(1), Decimal(2), whole=True),
    "code": Domain(longest=1),
}
VALUES: Mapping[str, Sequence[Any]] = {
    "size": [Decimal(n) for n in range(6)],
    "region": ["north", "south", "west"],
    "known": [True, False, None],
    "level": [Decimal(1), Decimal(2), None],
    "code": ["A", "B", "?"],  # every other text is like the last
}
CELLS: Mapping[str, st.SearchStrategy[str]] = {
    "size": st.one_of(
        st.just("-"),
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "!="]), st.integers(-1, 6)).map(
            lambda pair: f"{pair[0]} {pair[1]}"
        ),
        st.tuples(st.sampled_from("[("), st.integers(0, 4), st.integers(1, 4), st.sampled_from("])")).map(
            lambda g: f"{g[0]}{g[1]}..{g[1] + g[2]}{g[3]}"
        ),
        st.tuples(st.integers(0, 5), st.integers(0, 5)).map(lambda pair: f"{pair[0]}, {pair[1]}"),
        st.integers(0, 5).map("{}".format),
        st.sampled_from(["not(2)", "not([1..3])", "2.5", "[1.5..3.5]"]),
    ),
    "region": st.sampled_from(
        ["-", '"north"', '"south"', '"north", "west"', 'not("west")', '"north", "south", "west"']
    ),
    "known": st.sampled_from(["-", "-", "true", "false", "null", "!= null", "true, false"]),
    "level": st.sampled_from(["-", "-", "1", ">= 2", "null", "!= null", "null, 1", "not(1)", "< 3"]),
    "code": st.sampled_from(["-", "-", '"A"', '"B"', '"A", "B"', 'not("A")', '"AA"']),
}
ALLOWED = ("x", "y", "z")


@st.composite
def tables(draw: st.DrawFn) -> TableModel:
    """A table over two or three of the facts."""
    names = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=3, unique=True))
    policy = draw(st.sampled_from(list(HitPolicy)))
    number = policy.aggregates
    outputs = st.sampled_from(["1", "2"] if number else ['"x"', '"y"', '"z"'])
    rows = draw(st.lists(st.tuples(*(CELLS[name] for name in names), outputs), min_size=1, max_size=6))
    return table_model(policy, names, rows)


def table_model(policy: HitPolicy, names: Sequence[str], rows: Sequence[Sequence[str]]) -> TableModel:
    """A table of rows whose last text is the output."""
    output = Output("result", types.NUMBER) if policy.aggregates else Output("result", types.STRING, ALLOWED)
    made = tuple(
        Row(f"r{at}", tuple(Text(cell) for cell in cells), (Text(value),)) for at, (*cells, value) in enumerate(rows)
    )
    return TableModel(tuple(Input(Text(name)) for name in names), (output,), made, policy)


def findings_of(model: TableModel, domains: Mapping[str, Domain] = DOMAINS) -> list[Finding]:
    """What is found, as errors too, without the table being refused."""
    free = TableModel(model.inputs, model.outputs, model.rows, HitPolicy.COLLECT)
    table = Table.check(free, SCOPE, domains=domains)
    ranks = {f"r{at}": at for at in range(len(model.rows))}
    assert set(ranks) == {row.id for row in model.rows}
    as_if = table.analysed(model.hit_policy)
    return analyse(as_if)


@cache
def cell_truth(name: str, text: str, value: Any) -> bool:
    """A cell's truth, by the interpreter."""
    return check_unary_tests(text, SCOPE.fields[name], SCOPE).interpret({"?": value}) is True


def records(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Every record there is."""
    for values in product(*(VALUES[name] for name in names)):
        yield dict(zip(names, values, strict=True))


def hits(model: TableModel, names: Sequence[str], record: Mapping[str, Any]) -> list[int]:
    """The rows that match, in the table's order."""
    return [
        at
        for at, row in enumerate(model.rows)
        if all(cell_truth(name, cell.text, record[name]) for name, cell in zip(names, row.inputs, strict=True))
    ]


def in_precedence(model: TableModel, rows: Sequence[int]) -> list[int]:
    """Rows as they go before each other."""
    if model.hit_policy is HitPolicy.PRIORITY:
        return sorted(rows, key=lambda at: (ALLOWED.index(model.rows[at].outputs[0].text.strip('"')), at))
    return list(rows)


def outcome(
    model: TableModel, names: Sequence[str], record: Mapping[str, Any], without: frozenset[int] = frozenset()
) -> Any:
    """What comes out without some of the rows."""
    matching = [at for at in hits(model, names, record) if at not in without]
    values = [model.rows[at].outputs[0].text for at in in_precedence(model, matching)]
    if model.hit_policy is HitPolicy.ANY:
        return set(values)
    if model.hit_policy.is_single:
        return values[:1]
    return sorted(values)


def told(findings: Sequence[Finding], code: str) -> list[Finding]:
    """The findings with a code."""
    return [finding for finding in findings if finding.code == code]


def number_of(row: str) -> int:
    """The row's place."""
    return int(row.removeprefix("r"))


def given_on(finding: Finding, names: Sequence[str]) -> dict[str, Any]:
    """The witness's values of the columns; it is a whole record that the facts' domains allow."""
    witness = finding.witness
    assert {"size", "region", "code"} <= set(witness)
    assert None not in witness.values()
    if "size" in witness:
        assert witness["size"] in VALUES["size"]
    assert len(witness["code"]) <= 1
    return {name: witness.get(name) for name in names}


@settings(max_examples=400, deadline=None)
@given(tables())
def test_findings_are_those_of_enumeration(model: TableModel) -> None:
    """Over a small domain exactly those pairs, gaps, rows and cells are told that trying every record finds."""
    names = [given.expression.text for given in model.inputs]
    findings = findings_of(model)
    policy = model.hit_policy
    every = [(record, hits(model, names, record)) for record in records(names)]
    together = {(a, b) for _, rows in every for a in rows for b in rows if a < b}
    differ = {(a, b) for a, b in together if model.rows[a].outputs[0].text != model.rows[b].outputs[0].text}
    for code, wanted in (
        ("table.overlap", together if policy is HitPolicy.UNIQUE else set()),
        ("table.contradiction", differ if policy is HitPolicy.ANY else set()),
    ):
        pairs = told(findings, code)
        assert wanted == {(number_of(each.rows[0]), number_of(each.rows[1])) for each in pairs}
        for each in pairs:
            assert {number_of(row) for row in each.rows} <= set(hits(model, names, given_on(each, names)))
    wrong = bool(told(findings, "table.overlap") or told(findings, "table.contradiction"))

    gaps, null_gaps = told(findings, "table.gap"), told(findings, "table.null_gap")
    if policy.is_single:
        assert any(not rows and None not in record.values() for record, rows in every) == bool(gaps)
        if not gaps:
            assert any(not rows for _, rows in every) == bool(null_gaps)
    else:
        assert not gaps
        assert not null_gaps
    for each in (*gaps, *null_gaps):
        assert [] == hits(model, names, given_on(each, names))

    first = {in_precedence(model, rows)[0] for _, rows in every if rows}
    matching = {row for _, rows in every for row in rows}
    masked = {number_of(each.rows[-1]) for each in told(findings, "table.masked_row")}
    if policy in {HitPolicy.FIRST, HitPolicy.PRIORITY}:
        assert matching - first == masked
    else:
        assert not masked
    for each in told(findings, "table.masked_row"):
        winner = in_precedence(model, hits(model, names, given_on(each, names)))[0]
        assert number_of(each.rows[-1]) in hits(model, names, given_on(each, names))
        assert winner != number_of(each.rows[-1])

    never, always = set(), set()
    for column, name in enumerate(names):
        for row in model.rows:
            truths = {cell_truth(name, row.inputs[column].text, value) for value in VALUES[name]}
            if truths == {False}:
                never.add((name, row.inputs[column].text))
            if truths == {True} and row.inputs[column].text != "-":
                always.add((name, row.inputs[column].text))
    assert len(never) == len(told(findings, "table.impossible_cell"))
    assert len(always) == len(told(findings, "table.needless_cell"))

    redundant = frozenset(number_of(each.rows[-1]) for each in told(findings, "table.redundant_row"))
    for record, _ in every:
        assert outcome(model, names, record) == outcome(model, names, record, redundant | masked)
    if policy in {HitPolicy.FIRST, HitPolicy.PRIORITY, HitPolicy.ANY} and not wrong:
        for needed in matching - redundant - masked:
            without = redundant | masked | {needed}
            assert any(outcome(model, names, r) != outcome(model, names, r, without) for r, _ in every), needed

    for each in told(findings, "table.mergeable_rows"):
        merged = joined(model, names, each)
        for record, _ in every:
            assert outcome(model, names, record) == outcome(merged, names, record), each
    assert [] == told(findings, "table.partly_analysed")


def joined(model: TableModel, names: Sequence[str], finding: Finding) -> TableModel:
    """The table with the rows of a finding made one, as it says."""
    text, _, name = finding.help.removeprefix("write `").partition("` for ")
    rows = list(model.rows)
    chain = sorted(number_of(row) for row in finding.rows)
    old = rows[chain[0]]
    at = names.index(name)
    rows[chain[0]] = Row(old.id, (*old.inputs[:at], Text(text), *old.inputs[at + 1 :]), old.outputs)
    left = [row for place, row in enumerate(rows) if place not in chain[1:]]
    return TableModel(model.inputs, model.outputs, tuple(left), model.hit_policy)

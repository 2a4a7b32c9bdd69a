"""Decision tables: every hit policy, load-time findings with witnesses, and agreement with brute force."""

from __future__ import annotations

import pickle
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feel import Field, Scope, check, check_unary_tests, literal, types
from engine.problems import InvalidError, Place
from engine.tables import (
    CompiledTable,
    FailedCell,
    HitPolicy,
    Input,
    Output,
    Row,
    Severity,
    Table,
    TableModel,
    TableResult,
    Text,
)
from engine.tables.analysis import analyse

CASES = Path(__file__).parents[1] / "cases" / "tables"
SCOPE = Scope({"amount": Field(types.NUMBER), "segment": Field(types.STRING, optional=True)})


def cases(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((CASES / f"{name}.yaml").read_text(encoding="utf-8"))
    return read


def model(
    policy: str,
    rows: list[list[str]],
    kind: str = "string",
    allowed: list[str] | None = None,
    default: str | None = None,
) -> TableModel:
    """A table over `amount` and `segment`; row `n` stands in line `n`."""
    values = tuple(check(text, Scope()).evaluate({}) for text in allowed or [])
    output = Output("result", types.TYPE_NAMES[kind], values, Text(default) if default else None)
    made = []
    for line, (name, amount, segment, *outputs) in enumerate(rows, 1):
        place = Place("table", line, 1)
        inputs = (Text(amount, place), Text(segment, place))
        made.append(Row(name, inputs, tuple(Text(each, place) for each in outputs), f"because {name}", place))
    hit_policy = HitPolicy.named(policy)
    assert hit_policy is not None
    return TableModel((Input(Text("amount")), Input(Text("segment"))), (output,), tuple(made), hit_policy)


def number(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) else value


def policy_cases() -> list[Any]:
    return [
        pytest.param(table, facts, rows, value, id=f"{table['policy']} {facts}")
        for table in cases("hit_policies")["tables"]
        for facts, rows, value in table["results"]
    ]


@pytest.mark.parametrize(("table", "facts", "rows", "value"), policy_cases())
def test_a_hit_policy_decides_as_its_case_says(
    table: dict[str, Any], facts: dict[str, Any], rows: list[str], value: str
) -> None:
    """Each hit policy gives the rows, in its order, and the value of its case."""
    compiled = Table.check(
        model(table["policy"], table["rows"], table.get("type", "string"), table.get("allowed"), table.get("default")),
        SCOPE,
    )
    result = compiled.evaluate({name: number(each) for name, each in facts.items()})
    assert (tuple(rows), value) == (result.rows, literal(result.value))
    assert result.defaulted == (not rows and "default" in table)


@pytest.mark.parametrize("case", cases("refused")["cases"], ids=lambda case: case[0])
def test_a_wrong_table_is_refused_with_all_its_problems(case: list[Any]) -> None:
    """A table is refused with the code and place of each problem."""
    name, policy, kind, allowed, rows, told = case
    with pytest.raises(InvalidError) as caught:
        Table.check(model(policy, rows, kind, allowed), SCOPE)
    found = caught.value.problems
    assert [(code, line) for code, line, _ in told] == [(problem.code, problem.place.line) for problem in found], name
    assert all(said in problem.message for (_, _, said), problem in zip(told, found, strict=True))


@pytest.mark.parametrize(("name", "policy", "rows", "told"), cases("warned")["cases"])
def test_a_suspicious_table_is_warned_about(name: str, policy: str, rows: list[list[str]], told: list[str]) -> None:
    """A gap or a row that can never decide is a warning with an example, and nothing else is."""
    warnings = Table.check(model(policy, rows), SCOPE).warnings
    assert told[:1] == [problem.code for problem in warnings], name
    assert not told or told[1] in warnings[0].message


def test_a_second_hit_under_unique_names_both_rows() -> None:
    """An overlap that shows only at run time is an error naming the rows."""
    table = Table.check(model("U", [["one", "? * 2 > 10", "-", '"a"'], ["two", "> 7", "-", '"b"']]), SCOPE)
    assert table.evaluate({"amount": Decimal(6)}).rows == ("one",)
    with pytest.raises(InvalidError, match="`one` and `two` both match") as caught:
        table.evaluate({"amount": Decimal(8)})
    assert caught.value.code == "table.not_unique"


def test_rows_that_disagree_under_any_are_named() -> None:
    """Different computed outputs under ANY are an error naming the rows."""
    rows = [["one", "> 1", "-", "amount"], ["two", "> 5", "-", "amount + segment_count"]]
    scope = SCOPE.child({"segment_count": Field(types.NUMBER)})
    table = Table.check(model("A", rows, "number"), scope)
    assert table.evaluate({"amount": Decimal(9), "segment_count": Decimal(0)}).value == 9
    with pytest.raises(InvalidError) as caught:
        table.evaluate({"amount": Decimal(9), "segment_count": Decimal(1)})
    assert caught.value.code == "table.disagree"


def test_why_not_names_the_first_cell_that_fails() -> None:
    """For a row that did not match: its first failing cell, the column, and the value seen."""
    table = Table.check(model("U", [["one", "> 10", '"x"', '"a"']]), SCOPE)
    assert FailedCell("amount", "> 10", Decimal(5)) == table.why_not("one", {"amount": Decimal(5), "segment": "x"})
    assert FailedCell("segment", '"x"', None) == table.why_not("one", {"amount": Decimal(50)})
    assert table.why_not("one", {"amount": Decimal(50), "segment": "x"}) is None
    assert table.because("one") == "because one"


def test_a_table_reads_computed_columns_and_other_facts() -> None:
    """A column may be any expression, and a cell may name other facts; faults carry the cell's place."""
    scope = SCOPE.child({"limit": Field(types.NUMBER)})
    place = Place("file", 7, 12)
    rows = (
        Row("over", (Text("> limit"), Text("-")), (Text("amount - limit"),)),
        Row("else", (Text("-"), Text("1 / ? > 0", place)), (Text("0"),)),
    )
    made = TableModel(
        (Input(Text("amount * 2"), "doubled"), Input(Text("limit"))),
        (Output("rest", types.NUMBER),),
        rows,
        HitPolicy.FIRST,
    )
    table = Table.check(made, scope)
    assert frozenset({"amount", "limit"}) == table.reads
    result = table.evaluate({"amount": Decimal(4), "limit": Decimal(5)})
    assert (("over",), Decimal(-1)) == (result.rows, result.value)
    assert FailedCell("doubled", "> limit", Decimal(2)) == table.why_not(
        "over", {"amount": Decimal(1), "limit": Decimal(5)}
    )
    with pytest.raises(InvalidError) as caught:
        table.evaluate({"amount": Decimal(-1), "limit": Decimal(0)})
    assert ("feel.division_by_zero", 7, 12) == (
        caught.value.code,
        caught.value.problems[0].place.line,
        caught.value.problems[0].place.column,
    )
    with pytest.raises(InvalidError) as caught:
        table.evaluate({"amount": "x"})
    assert ["feel.missing_fact", "feel.wrong_fact"] == sorted(problem.code for problem in caught.value.problems)


def test_a_text_that_stands_twice_has_its_problems_where_it_fails() -> None:
    """Rows that repeat a cell or an output name their own place when theirs is the one that cannot be computed."""
    cell, output = "1 / (string length(?) - 1) > 0", "1 / (amount - 5)"
    rows = [["one", "> 100", cell, output], ["two", "> 4", cell, output], ["three", "-", "-", output]]
    table = Table.check(model("F", rows, "number"), SCOPE)
    for facts, line in (({"amount": 7, "segment": "x"}, 2), ({"amount": 101, "segment": "x"}, 1)):
        record = {**facts, "amount": number(facts["amount"])}
        for decide in (table.evaluate, table.interpret):
            with pytest.raises(InvalidError) as caught:
                decide(record)
            assert [line] == [problem.place.line for problem in caught.value.problems]
    for segment, line in (("long", 2), (None, 3)):
        with pytest.raises(InvalidError) as caught:
            table.evaluate({"amount": Decimal(5), "segment": segment})
        assert [line] == [problem.place.line for problem in caught.value.problems]


def test_several_outputs_are_one_mapping() -> None:
    """A row with several outputs gives them by name."""
    outputs = (Output("band", types.STRING), Output("points", types.NUMBER, default=Text("0")))
    rows = (Row("r", (Text("> 5"),), (Text('"A"'), Text("amount + 1"))),)
    table = Table.check(TableModel((Input(Text("amount")),), outputs, rows), SCOPE)
    assert {"band": "A", "points": Decimal(8)} == dict(table.evaluate({"amount": Decimal(7)}).outputs[0])
    missed = table.evaluate({"amount": Decimal(1)})
    assert ({"band": None, "points": Decimal(0)}, True) == (missed.value, missed.defaulted)


numbers = st.integers(0, 6)
amount_cells = st.one_of(
    st.just("-"),
    numbers.map("{}".format),
    st.tuples(numbers, numbers).map(lambda pair: f"{pair[0]}, {pair[1]}"),
    st.tuples(st.sampled_from(["<", "<=", ">", ">=", "!="]), numbers).map(lambda pair: f"{pair[0]} {pair[1]}"),
    st.tuples(st.sampled_from("[("), numbers, st.integers(1, 3), st.sampled_from("])")).map(
        lambda g: f"{g[0]}{g[1]}..{g[1] + g[2]}{g[3]}"
    ),
    numbers.map("not({})".format),
    numbers.map("? * 2 > {}".format),
)
segment_cells = st.sampled_from(["-", '"x"', '"y"', '"x", "y"', 'not("x")', "null", "!= null", 'starts with(?, "x")'])
table_rows = st.lists(
    st.tuples(amount_cells, segment_cells, st.sampled_from(["1", "2", "3", "amount"])), min_size=1, max_size=7
)
facts_strategy = st.fixed_dictionaries(
    {"amount": st.integers(-1, 14).map(lambda n: Decimal(n) / 2), "segment": st.sampled_from([None, "x", "y", "z"])}
)
ALLOWED = tuple(Decimal(n) / 2 for n in (4, 2, 6, *(n for n in range(-1, 15) if n not in {2, 4, 6})))


def brute_force(policy: HitPolicy, rows: list[tuple[str, str, str]], facts: dict[str, Any]) -> Any:
    """The hit policy by its definition: look at every row with the interpreter."""
    hits = []
    for at, (amount, segment, output) in enumerate(rows):
        cells = (
            check_unary_tests(amount, SCOPE.fields["amount"], SCOPE).interpret({**facts, "?": facts["amount"]}),
            check_unary_tests(segment, SCOPE.fields["segment"], SCOPE).interpret({**facts, "?": facts["segment"]}),
        )
        if cells == (True, True):
            hits.append((at, check(output, SCOPE).interpret(facts)))
    values = [value for _, value in hits]
    ordered = sorted(values, key=ALLOWED.index)
    if policy.is_single and policy is not HitPolicy.UNIQUE and not hits:
        return None
    match policy:
        case HitPolicy.UNIQUE:
            return "table.not_unique" if len(hits) > 1 else values[0] if hits else None
        case HitPolicy.ANY:
            return values[0] if len(set(values)) == 1 else "table.disagree"
        case HitPolicy.FIRST:
            return values[0]
        case HitPolicy.PRIORITY:
            return ordered[0]
        case HitPolicy.OUTPUT_ORDER:
            return tuple(ordered)
        case HitPolicy.RULE_ORDER | HitPolicy.COLLECT:
            return tuple(values)
        case HitPolicy.COLLECT_COUNT:
            return len(values)
        case HitPolicy.COLLECT_SUM:
            return sum(values) if values else None
        case HitPolicy.COLLECT_MIN:
            return min(values, default=None)
        case _:
            return max(values, default=None)


@settings(max_examples=600)
@given(st.sampled_from(list(HitPolicy)), table_rows, st.lists(facts_strategy, min_size=1, max_size=5))
def test_a_table_agrees_with_brute_force(
    policy: HitPolicy, rows: list[tuple[str, str, str]], records: list[dict[str, Any]]
) -> None:
    """For every hit policy and any cells, the index finds what looking at every row finds."""
    made = model(policy.value, [[f"r{at}", *row] for at, row in enumerate(rows)], "number", [str(n) for n in ALLOWED])
    try:
        table = Table.check(made, SCOPE)
    except InvalidError as error:
        # an overlap found at load must be one at run time: the witness says where
        assert {problem.code for problem in error.problems} & {"table.overlap", "table.contradiction"}
        assert_overlap_is_real(made, rows)
        return
    for record in records:
        try:
            found: Any = table.evaluate(record).value
        except InvalidError as error:
            found = error.code
        assert brute_force(policy, rows, record) == found
    for finding in table.findings:
        if finding.code == "table.gap":
            assert table.matching(finding.witness) == ()
        if finding.code == "table.masked_row":
            assert set(finding.rows[-1:]) < set(table.matching(finding.witness))


def assert_overlap_is_real(made: TableModel, rows: list[tuple[str, str, str]]) -> None:
    """Every overlap's witness makes both rows match."""
    free = TableModel(made.inputs, made.outputs, made.rows, HitPolicy.COLLECT)
    table = Table.check(free, SCOPE)
    subjects = tuple(expression.ir for expression in table.inputs if expression is not None)
    assert len(subjects) == 2
    findings = [each for each in analyse(table.analysed(made.hit_policy)) if each.severity is Severity.ERROR]
    assert findings
    for finding in findings:
        assert set(finding.rows) <= set(table.matching(finding.witness)), (finding, rows)


def test_a_table_survives_pickling() -> None:
    """A pickled table gives the same results."""
    table = Table.check(model("F", [["one", "> 5", "-", '"a"'], ["rest", "-", "-", '"b"']]), SCOPE)
    again: CompiledTable = pickle.loads(pickle.dumps(table))
    facts = {"amount": Decimal(6)}
    assert TableResult(("one",), ({"result": "a"},), "a") == again.evaluate(facts) == table.evaluate(facts)


@pytest.mark.parametrize("budget", [1, 10, 300, 10**9])
def test_a_large_table_finds_the_same_rows_under_any_memory_budget(
    budget: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where masks are shared or listed to save memory, the rows found stay the same."""
    monkeypatch.setattr("engine.tables.table.BITS_BUDGET", budget)
    rows = [[f"r{at}", f"[{at * 7 % 100}..{at * 7 % 100 + 5}]", f'"s{at % 9}", "all"', f'"{at}"'] for at in range(120)]
    table = Table.check(model("C", rows), SCOPE)
    for amount in range(0, 106, 3):
        for segment in ("s0", "s5", "all", "none", None):
            wanted = tuple(
                f"r{at}"
                for at in range(120)
                if at * 7 % 100 <= amount <= at * 7 % 100 + 5 and segment in {f"s{at % 9}", "all"}
            )
            assert wanted == table.matching({"amount": Decimal(amount), "segment": segment})

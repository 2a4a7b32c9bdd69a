"""The index of a table finds the rows that looking at every row finds, whatever shape it takes."""

from __future__ import annotations

import datetime as dt
import pickle
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feel import Expression, Field, Scope, check_unary_tests, types
from engine.feel.values import YearMonthDuration
from engine.problems import InvalidError
from engine.tables import HitPolicy, Input, Output, Row, Table, TableModel, Text, row_index

SCOPE = Scope(
    {
        "amount": Field(types.NUMBER),
        "share": Field(types.NUMBER, optional=True),
        "segment": Field(types.STRING, optional=True),
        "source": Field(types.STRING),
        "consent": Field(types.BOOLEAN, optional=True),
        "signed": Field(types.DATE, optional=True),
        "term": Field(types.YEARS_MONTHS_DURATION),
    }
)
COLUMNS = tuple(SCOPE.fields)

numbers = st.integers(0, 4).map(str)
days = st.integers(1, 4).map(lambda day: f'date("2026-03-0{day}")')
terms = st.integers(0, 5).map(lambda months: f'duration("P{months}M")')


def ordered(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Cells about ordered values: bounds of each kind, several of them, and what excludes them."""
    return st.one_of(
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "!="]), values).map(" ".join),
        st.tuples(st.sampled_from("[("), values, values, st.sampled_from("])")).map(
            lambda g: f"{g[0]}{g[1]}..{g[2]}{g[3]}"
        ),
        values,
        st.tuples(values, values, values).map(", ".join),
        st.tuples(values, values).map(lambda pair: f"not({pair[0]}, > {pair[1]})"),
    )


def texts(*values: str) -> st.SearchStrategy[str]:
    """Cells about texts."""
    quoted = [f'"{value}"' for value in values]
    return st.one_of(
        st.sampled_from(quoted),
        st.lists(st.sampled_from(quoted), min_size=2, max_size=3).map(", ".join),
        st.sampled_from(quoted).map("not({})".format),
    )


nulls = st.sampled_from(["null", "!= null", "not(null)"])
opaque = st.sampled_from(["? * 2 > 9", "? = amount", "10 / (? - 3) > 2"])
MAYBE = {
    "amount": st.one_of(ordered(numbers), ordered(numbers), opaque),
    "share": st.one_of(ordered(numbers), nulls),
    "segment": st.one_of(texts("a", "b", "c", "d"), nulls),
    "source": texts("x", "y", "z"),
    "consent": st.one_of(st.sampled_from(["true", "false", "not(true)"]), nulls),
    "signed": st.one_of(ordered(days), nulls),
    "term": ordered(terms),
}


def cells(*, wildcards: bool, simple: bool) -> st.SearchStrategy[tuple[str, ...]]:
    """A row's cells; mostly `-` where `wildcards`."""
    strategies = {**MAYBE, **({"amount": ordered(numbers)} if simple else {})}
    dash = st.just("-")
    return st.tuples(
        *(st.one_of(dash, dash, dash, each) if wildcards else st.one_of(dash, each) for each in strategies.values())
    )


def tables(*, wildcards: bool, simple: bool) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(cells(wildcards=wildcards, simple=simple), min_size=3, max_size=25)


any_table = st.one_of(
    tables(wildcards=True, simple=True), tables(wildcards=False, simple=True), tables(wildcards=True, simple=False)
)
records = st.fixed_dictionaries(
    {
        "amount": st.integers(-1, 9).map(lambda half: Decimal(half) / 2),
        "share": st.one_of(st.none(), st.integers(-1, 9).map(lambda half: Decimal(half) / 2)),
        "segment": st.sampled_from([None, "a", "b", "c", "d", "other"]),
        "source": st.sampled_from(["x", "y", "z", "other"]),
        "consent": st.sampled_from([None, True, False]),
        "signed": st.one_of(st.none(), st.integers(1, 5).map(lambda day: dt.date(2026, 3, day))),
        "term": st.integers(0, 6).map(YearMonthDuration),
    }
)


@cache
def checked(column: str, text: str) -> Expression | None:
    """A cell; None where its bounds contradict each other, which is told at load."""
    try:
        return check_unary_tests(text, SCOPE.fields[column], SCOPE)
    except InvalidError:
        return None


def looking_at_every_row(rows: list[tuple[str, ...]], record: dict[str, Any]) -> list[str] | None:
    """The rows whose cells are all true, by the interpreter; None where one that is reached cannot be computed."""
    found = []
    for at, row in enumerate(rows):
        for column, text in zip(COLUMNS, row, strict=True):
            cell = checked(column, text)
            assert cell is not None
            try:
                if cell.interpret({**record, "?": record[column]}) is not True:
                    break
            except InvalidError:
                return None
        else:
            found.append(f"r{at}")
    return found


def made(rows: list[tuple[str, ...]], policy: HitPolicy) -> TableModel:
    """A table over all the facts."""
    return TableModel(
        tuple(Input(Text(column)) for column in COLUMNS),
        (Output("result", types.NUMBER),),
        tuple(Row(f"r{at}", tuple(map(Text, row)), (Text(str(at)),)) for at, row in enumerate(rows)),
        policy,
    )


@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"SHORT": 0},
        {"SHORT": 0, "ENTRIES_PER_ROW": 0, "SPARE_ENTRIES": 0},
        {"SHORT": 0, "FEW": 0, "MOST_CANDIDATES": 1},
        {"SHORT": 0, "FEW": 0, "ENTRIES_PER_ROW": 0, "SPARE_ENTRIES": 0},
        {"SHORT": 0, "FEW": 0, "ENTRIES_PER_ROW": 0, "SPARE_ENTRIES": 0, "budget": 40},
    ],
    ids=["as it is", "no short lists", "short lists only", "masks below look-ups", "masks only", "shared masks"],
)
@settings(max_examples=120, deadline=None)
@given(any_table, st.lists(records, min_size=3, max_size=12))
def test_the_index_finds_what_looking_at_every_row_finds(
    limits: dict[str, int], rows: list[tuple[str, ...]], facts: list[dict[str, Any]]
) -> None:
    """Texts, booleans, numbers, dates, durations, nulls, wildcards and duplicates: the same rows in every shape."""
    rows = [row for row in rows if all(checked(c, text) for c, text in zip(COLUMNS, row, strict=True))]
    if not rows:
        return
    with pytest.MonkeyPatch.context() as patch:
        for name, value in limits.items():
            if name == "budget":
                patch.setattr("engine.tables.table.BITS_BUDGET", value)
            else:
                patch.setattr(row_index, name, value)
        patch.setattr("engine.tables.table.analyse", lambda _: ())
        first = Table.check(made(rows, HitPolicy.FIRST), SCOPE)
        every = Table.check(made(rows, HitPolicy.COLLECT), SCOPE)
        for record in facts:
            wanted = looking_at_every_row(rows, record)
            if wanted is None:
                continue  # which rows are computed after one that cannot be is not the index's to say
            try:
                assert tuple(wanted) == every.evaluate(record).rows == first.matching(record)
                assert tuple(wanted[:1]) == first.evaluate(record).rows
            except InvalidError as error:
                assert {"feel.division_by_zero"} == {problem.code for problem in error.problems}
                assert any("10 / " in cell for row in rows for cell in row)


def test_all_threads_and_copies_find_the_same() -> None:
    """One table asked from several threads, and its pickled copy, give the same rows."""
    rows = [
        ("-" if at % 5 == 0 else f"[{at % 7}..{at % 7 + 2})", "-", f'"{"abcd"[at % 4]}"', "-", "-", "-", "-")
        for at in range(90)
    ]
    table = Table.check(made(rows, HitPolicy.FIRST), SCOPE)
    copy = pickle.loads(pickle.dumps(table))
    asked = [
        {
            "amount": Decimal(at % 19) / 2,
            "share": None,
            "segment": "abcde"[at % 5],
            "source": "x",
            "consent": None,
            "signed": None,
            "term": YearMonthDuration(0),
        }
        for at in range(200)
    ]
    wanted = [tuple((looking_at_every_row(rows, record) or [])[:1]) for record in asked]
    with ThreadPoolExecutor(4) as pool:
        assert wanted == [result.rows for result in pool.map(table.evaluate, asked)]
        assert wanted == [result.rows for result in pool.map(copy.evaluate, asked)]
        assert [looking_at_every_row(rows, record) for record in asked] == list(
            map(list, pool.map(table.matching, asked))
        )


def test_the_cost_follows_the_rows_that_match() -> None:
    """A first hit among 4,000 rows compares a few values with the fact, however many rows there are."""

    class Counted(Decimal):
        compared = 0

        def __lt__(self, other: Any) -> bool:
            Counted.compared += 1
            return super().__lt__(other)

        def __gt__(self, other: Any) -> bool:
            Counted.compared += 1
            return super().__gt__(other)

        def __le__(self, other: Any) -> bool:
            Counted.compared += 1
            return super().__le__(other)

        def __ge__(self, other: Any) -> bool:
            Counted.compared += 1
            return super().__ge__(other)

    rows = [
        (f"[{at * 7 % 4_001}..{at * 7 % 4_001 + 9})", "-", f'"{"abcd"[at % 4]}"', "-", "-", "-", "-")
        for at in range(4_000)
    ]
    scope = SCOPE
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engine.tables.table.analyse", lambda _: ())
        table = Table.check(made(rows, HitPolicy.FIRST), scope)
    record = {
        "segment": "b",
        "source": "x",
        "share": None,
        "consent": None,
        "signed": None,
        "term": YearMonthDuration(0),
    }
    found = table.evaluate({**record, "amount": Counted(2_000)})
    assert found.rows == tuple((looking_at_every_row(rows, {**record, "amount": Decimal(2_000)}) or [])[:1])
    assert 0 < Counted.compared < 40


@pytest.mark.parametrize("brackets", ["[)", "(]", "[]", "()"])
@pytest.mark.parametrize("policy", [HitPolicy.FIRST, HitPolicy.COLLECT])
def test_a_bound_is_inside_or_outside_as_its_bracket_says(brackets: str, policy: HitPolicy) -> None:
    """Where all rows of a column use the same brackets, values at and beside every bound find the right rows."""
    rows = [(f"{brackets[0]}{low}..{low + 3}{brackets[1]}", *["-"] * 6) for low in (3, 0, 7, 1, 9, 4, 5, 0)]
    table = Table.check(made(rows, policy), SCOPE)
    record = {"segment": "b", "source": "x", "share": None, "consent": None, "signed": None}
    for half in range(-1, 27):
        facts = {**record, "amount": Decimal(half) / 2, "term": YearMonthDuration(0)}
        wanted = tuple(looking_at_every_row(rows, facts) or ())
        assert table.evaluate(facts).rows == (wanted[:1] if policy is HitPolicy.FIRST else wanted)

"""Generated conditions and records at the edges of what columns hold exactly."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from engine.feel import Field, Scope, YearMonthDuration, types

SCOPE = Scope(
    {
        "a": Field(types.NUMBER),
        "b": Field(types.NUMBER, optional=True),
        "m": Field(types.NUMBER),
        "s": Field(types.STRING),
        "t": Field(types.STRING, optional=True),
        "p": Field(types.BOOLEAN),
        "q": Field(types.BOOLEAN, optional=True),
        "d": Field(types.DATE),
        "f": Field(types.DATE, optional=True),
        "i": Field(types.DATE_TIME, optional=True),
        "l": Field(types.DAYS_TIME_DURATION, optional=True),
        "y": Field(types.YEARS_MONTHS_DURATION),
        "h": Field(types.TIME, optional=True),
        "c": Field(types.ContextType({"n": Field(types.NUMBER, optional=True)}), optional=True),
    }
)

EDGES = """
0 -0 0.00 1 -1 2 3 7 10 0.1 0.01 1.50 99.99 -0.005 1e3 1e18 1e19 -1e19 1e-19 1e-7 1e6000 1e-6000
9223372036854775807 -9223372036854775808 9223372036854775808 4611686018427387904 3037000500 -3037000499.5
922337203685477.5807 92233720368547758.07 1234567890123456789012345678901234 0.1234567890123456789012345678901234
""".split()  # noqa: SIM905  # thirty numbers read better without quotes
edge_numbers = st.sampled_from([Decimal(text) for text in EDGES])
few_numbers = st.sampled_from([Decimal(text) for text in ("0", "1", "2", "3.5", "10", "-2", "0.25", "19.99")])
some_numbers = st.one_of(
    few_numbers, edge_numbers, st.decimals(min_value=-(10**6), max_value=10**6, places=2), st.integers(-5, 5)
)
texts = st.sampled_from(["", "a", "b", "ab", "B", "ü", "a b"])
days = st.sampled_from([dt.date(1, 1, 1), dt.date(2024, 2, 29), dt.date(2026, 11, 2), dt.date(9999, 12, 31)])
BERLIN = ZoneInfo("Europe/Berlin")
instants = st.sampled_from(
    [
        dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 2, 10, tzinfo=dt.timezone(dt.timedelta(hours=1))),
        dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
        dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=BERLIN),
        dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC),
        dt.datetime(1, 1, 1, tzinfo=dt.UTC),
        dt.datetime(2026, 11, 2, 9),  # noqa: DTZ001  # a time without a zone, which is not compared with the others
    ]
)
lengths = st.sampled_from([dt.timedelta(), dt.timedelta(days=3), dt.timedelta(microseconds=-1), dt.timedelta.max])


def maybe(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Also null."""
    return st.one_of(st.none(), inner)


_good: dict[str, st.SearchStrategy[Any]] = {
    "a": some_numbers,
    "b": maybe(some_numbers),
    "m": few_numbers,
    "s": texts,
    "t": maybe(texts),
    "p": st.booleans(),
    "q": maybe(st.booleans()),
    "d": days,
    "f": maybe(days),
    "i": maybe(instants),
    "l": maybe(lengths),
    "y": st.integers(-3, 30).map(YearMonthDuration),
    "h": maybe(st.just(dt.time(9, 30))),
    "c": maybe(st.fixed_dictionaries({}, optional={"n": maybe(some_numbers)})),
}
wrong = st.sampled_from([1.5, "x", Decimal(3), True, dt.date(2026, 1, 1), [1], {}])
records = st.one_of(
    st.fixed_dictionaries(_good),
    st.fixed_dictionaries(_good),
    st.fixed_dictionaries({}, optional=_good),
    st.tuples(st.fixed_dictionaries(_good), st.sampled_from(list(_good)), wrong).map(
        lambda given: {**given[0], given[1]: given[2]}
    ),
)
"""Records; a few lack facts they need, or have one of a wrong type."""


def _number(value: Decimal | int) -> str:
    return f"({value})" if value < 0 else str(value)


constants = st.one_of(edge_numbers, few_numbers).map(_number)


def _join(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda given: template.format(*given))


def numbers(depth: int) -> st.SearchStrategy[str]:
    """Numeric expressions."""
    leaf = st.one_of(st.sampled_from(["a", "b", "m", "a", "c.n"]), constants)
    if depth == 0:
        return leaf
    n = numbers(depth - 1)
    operators = st.sampled_from(["+", "-", "*", "/", "-", "+"])
    return st.one_of(
        leaf,
        st.tuples(n, operators, n).map(lambda g: f"({g[0]} {g[1]} {g[2]})"),
        _join("({} / {})", n, st.sampled_from(["4", "100", "0.5", "-2", "3", "0"])),
        _join("-{}", n),
        _join("abs({})", n),
        _join("min({}, {})", n, n),
        _join("max({}, a, {})", n, n),
        _join("(if {} then {} else {})", conditions(0), n, n),
        st.sampled_from(["d.year", "f.month", "string length(s)", "(d - f).days", "modulo(m, 2)", "floor(m)"]),
    )


def conditions(depth: int) -> st.SearchStrategy[str]:
    """Conditions."""
    order = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    fact = st.sampled_from(["a", "b", "m", "c.n"])
    text = texts.map(lambda value: f'"{value}"')
    day = days.map(lambda value: f'@"{value}"')
    leaf = st.one_of(
        st.tuples(fact, order, constants).map(" ".join),
        st.tuples(constants, order, fact).map(" ".join),
        st.tuples(fact, order, fact).map(" ".join),
        st.tuples(st.sampled_from(["d", "f"]), order, day).map(" ".join),
        st.tuples(st.just("d"), order, st.just("f")).map(" ".join),
        st.tuples(st.sampled_from(["s", "t"]), order, text).map(" ".join),
        st.tuples(st.just("s"), order, st.just("t")).map(" ".join),
        st.tuples(st.just("i"), order, st.sampled_from(['@"2026-11-02T09:00:00Z"', "now()", "i"])).map(" ".join),
        st.tuples(st.just("l"), order, st.sampled_from(['@"P3D"', "(d - f)", '(@"2026-11-02" - d)'])).map(" ".join),
        st.tuples(st.just("y"), order, st.just('@"P1Y"')).map(" ".join),
        _join("{} in [{}..{})", fact, few_numbers.map(_number), few_numbers.map(_number)),
        _join('t in ("{}", "b")', texts),
        _join("starts with(t, {})", text),
        _join("contains(s + t, {})", text),
        st.sampled_from(
            [
                "p",
                "q",
                "not(q)",
                "b = null",
                "c = null",
                "c.n != null",
                "p = q",
                "1 / m > 2",
                "b != 0 and 1 / b > 0.1",
                'd >= today() - @"P30D"',
                'h = @"09:30:00"',
                "(a + 1) in [1..5]",
                "some x in [1, 2] satisfies x = m",
                "d.weekday > 5",
                'date(s) < @"2026-01-01"',
            ]
        ),
    )
    leaf = leaf.filter(lambda given: "1E+6000.." not in given)
    if depth == 0:
        return leaf
    c, n = conditions(depth - 1), numbers(1)
    return st.one_of(
        leaf,
        _join("({} and {})", c, c),
        _join("({} or {})", c, c),
        _join("not({})", c),
        st.tuples(n, order, n).map(" ".join),
        _join("(if {} then {} else {})", c, c, c),
    )


sets_of_rules = st.lists(st.lists(conditions(1), min_size=1, max_size=3).map(" and ".join), min_size=1, max_size=8)
"""Sets of conditions."""

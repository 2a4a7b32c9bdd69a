"""Generated expressions, rules and facts: texts that are well typed, over a fixed scope, with nulls and faults."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from engine.feel import Field, Scope, YearMonthDuration, types

ENUM = ("retail", "logistics", "software")
ITEM = types.ContextType({"kind": Field(types.STRING), "n": Field(types.NUMBER, optional=True)})
SCOPE = Scope(
    {
        "a": Field(types.NUMBER),
        "b": Field(types.NUMBER, optional=True),
        "s": Field(types.STRING),
        "t": Field(types.STRING, optional=True),
        "e": Field(types.STRING, optional=True, enum=ENUM),
        "p": Field(types.BOOLEAN),
        "q": Field(types.BOOLEAN, optional=True),
        "d": Field(types.DATE),
        "f": Field(types.DATE, optional=True),
        "u": Field(types.YEARS_MONTHS_DURATION),
        "xs": Field(types.ListType(types.NUMBER)),
        "items": Field(types.ListType(ITEM)),
        "c": Field(types.ContextType({"n": Field(types.NUMBER), "m": Field(types.STRING, optional=True)})),
    }
)

few_numbers = st.sampled_from([Decimal(n) for n in ("0", "1", "2", "3", "-1", "0.5", "10", "1e6100", "100.00")])
few_texts = st.sampled_from(["", "a", "b", "ab", "retail", "Ä"])
few_dates = st.sampled_from([dt.date(2026, 1, 31), dt.date(2026, 2, 1), dt.date(2024, 2, 29), dt.date(9999, 12, 31)])


def maybe(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Also absent."""
    return st.one_of(st.none(), inner)


def _facts(optional: Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "a": few_numbers,
            "b": optional(few_numbers),
            "s": few_texts,
            "t": optional(few_texts),
            "e": optional(st.sampled_from(ENUM)),
            "p": st.booleans(),
            "q": optional(st.booleans()),
            "d": few_dates,
            "f": optional(few_dates),
            "u": st.sampled_from([YearMonthDuration(0), YearMonthDuration(13)]),
            "xs": st.lists(few_numbers, max_size=3),
            "items": st.lists(st.fixed_dictionaries({"kind": few_texts, "n": optional(few_numbers)}), max_size=3),
            "c": st.fixed_dictionaries({"n": few_numbers, "m": optional(few_texts)}),
        }
    )


facts = _facts(maybe)
complete_facts = _facts(lambda inner: inner)
"""Records with and without absent values."""


def text_of(value: Any) -> str:
    """A generated constant as text."""
    if isinstance(value, str):
        return f'"{value}"'
    return f'@"{value}"' if isinstance(value, dt.date) else f"({value})" if value < 0 else str(value)


_POINT_RELATIONS = st.sampled_from(["before", "after", "during", "starts", "finishes"])
_RANGE_RELATIONS = st.sampled_from(
    [
        "before",
        "meets",
        "met by",
        "overlaps",
        "overlaps before",
        "overlaps after",
        "finished by",
        "includes",
        "coincides",
    ]
)


def _join(template: str, *parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.tuples(*parts).map(lambda given: template.format(*given))


def _numbers(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(few_numbers.map(text_of), st.sampled_from(["a", "b", "c.n", "a", "xs[1]", "items[1].n", "d.day"]))
    if depth == 0:
        return leaf
    n, c, x = _numbers(depth - 1), conditions(depth - 1), _lists(depth - 1)
    operators = st.sampled_from(["+", "-", "*", "/", "**"])
    return st.one_of(
        leaf,
        st.tuples(n, operators, n).map(lambda g: f"({g[0]} {g[1]} {g[2]})"),
        _join("-{}", n),
        _join("(if {} then {} else {})", c, n, n),
        _join("sum({})", x),
        _join("count({})", x),
        _join("max({}, {})", n, n),
        _join("floor({})", n),
        _join("modulo({}, {})", n, n),
        _join("{}[{}]", x, n),
        _join("string length({})", _texts(depth - 1)),
        _join("{{k: {}, r: k + 1}}.r", n),
        _join("(function(z: number) z * {})({})", n, n),
        _join("{{f: function(z: number) if z <= 1 then z else z * f(z - 1), r: f({})}}.r", n),
        _join("{{f: function(y, z) y - z, r: f(z: {}, y: {})}}.r", n, n),
        st.tuples(st.sampled_from(["stddev", "median", "mean", "product", "min"]), x).map(lambda g: f"{g[0]}({g[1]})"),
        _join("abs({})", n),
        _join("round half up({}, {})", n, st.sampled_from(["0", "2", "-1"])),
        _join("sqrt({})", n),
        _join("{}.{}", _ranges(depth - 1), st.sampled_from(["start", "end"])),
        _join('number({}, null, ".")', _texts(depth - 1)),
        _join('get value({{k: {}}}, "k")', n),
        _join('context put(c, "n", {}).n', n),
        _join("({} - {}).days", _dates(depth - 1), _dates(depth - 1)),
        _join("years and months duration({}, {}).months", _dates(depth - 1), _dates(depth - 1)),
        _join("day of year({})", _dates(depth - 1)),
    )


def _ranges(depth: int) -> st.SearchStrategy[str]:
    n = _numbers(depth)
    return st.one_of(
        _join("[{}..{}]", n, n),
        _join("({}..{})", n, n),
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "="]), n).map(lambda given: f"({given[0]} {given[1]})"),
    )


def _dates(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(few_dates.map(text_of), st.sampled_from(["d", "f"]))
    if depth == 0:
        return leaf
    return st.one_of(
        leaf,
        _join('({} + @"P1M")', _dates(depth - 1)),
        _join("({} - duration({}))", _dates(depth - 1), st.sampled_from(['"P30D"', '"P1Y"', "s"])),
        _join("date(2024, {}, 29)", _numbers(0)),
        _join("date({})", _texts(0)),
        _join("max({}, {})", _dates(depth - 1), _dates(depth - 1)),
    )


def _texts(depth: int) -> st.SearchStrategy[str]:
    leaf = st.one_of(few_texts.map(text_of), st.sampled_from(["s", "t", "e", "c.m"]))
    if depth == 0:
        return leaf
    s = _texts(depth - 1)
    return st.one_of(
        leaf,
        _join("({} + {})", s, s),
        _join("upper case({})", s),
        _join("substring({}, {})", s, _numbers(0)),
        _join("string({})", _numbers(depth - 1)),
        _join("string({})", _ranges(depth - 1)),
        _join("string({})", _dates(depth - 1)),
        _join("string join(items.kind, {})", s),
        _join("substring before({}, {})", s, s),
        _join('replace({}, "[ab]", {})', s, s),
        _join("get value(c, {})", st.sampled_from(['"m"', '"n"', "s"])),
        _join("day of week({})", _dates(depth - 1)),
    )


def _lists(depth: int) -> st.SearchStrategy[str]:
    leaf = st.sampled_from(["xs", "items.n[item != null]", "[1, 2, 3]"])
    if depth == 0:
        return leaf
    n = _numbers(depth - 1)
    return st.one_of(
        leaf,
        _join("[{}, {}]", n, n),
        _join("{}[item > {}]", _lists(depth - 1), n),
        _join("(for i in {} return i + {})", _lists(depth - 1), n),
        _join("(for i in 1..3, j in {} return i * j)", _lists(depth - 1)),
        _join("append({}, {})", _lists(depth - 1), n),
        _join("sort({})", _lists(depth - 1)),
        _join("sort({}, function(i, j) i > j)", _lists(depth - 1)),
        _join("list replace({}, {}, {})", _lists(depth - 1), n, n),
        _join("list replace({}, function(i, new) i < new, {})", _lists(depth - 1), n),
        _join("sublist({}, {})", _lists(depth - 1), n),
        _join("mode({})", _lists(depth - 1)),
        _join("distinct values(concatenate({}, {}))", _lists(depth - 1), _lists(depth - 1)),
        _join("index of({}, {})", _lists(depth - 1), n),
        _join("[{}, {}].day", _dates(depth - 1), _dates(depth - 1)),
        _join("(for i in {} return i)", st.sampled_from(["[1..3)", "a..3", "[b..2]"])),
    )


def conditions(depth: int) -> st.SearchStrategy[str]:
    """Conditions; at depth 0 only the plain ones that are indexed."""
    order = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
    number = few_numbers.map(text_of)
    leaf = st.one_of(
        st.tuples(st.sampled_from(["a", "b", "c.n"]), order, number).map(" ".join),
        st.tuples(number, order, st.sampled_from(["a", "b"])).map(" ".join),
        st.tuples(st.sampled_from(["d", "f"]), order, few_dates.map(text_of)).map(" ".join),
        _join('s in ({}, "b")', few_texts.map(text_of)),
        _join("t = {}", few_texts.map(text_of)),
        _join("t != {}", few_texts.map(text_of)),
        _join('e in ("retail", "{}")', st.sampled_from(ENUM)),
        _join("a in [{}..1000)", number),
        _join("b between {} and 10", number),
        st.sampled_from(["p", "q", "not(p)", "not(q)", "b = null", "e != null", 'f in (@"2026-01-01"..@"2026-02-01"]']),
    )
    leaf = leaf.filter(lambda text: "[1E+6100..1000)" not in text and "[1e6100..1000)" not in text)
    if depth == 0:
        return leaf
    n, c = _numbers(depth - 1), conditions(depth - 1)
    return st.one_of(
        leaf,
        _join("({} and {})", c, c),
        _join("({} or {})", c, c),
        _join("not({})", c),
        st.tuples(n, order, n).map(" ".join),
        st.tuples(_texts(depth - 1), order, _texts(depth - 1)).map(" ".join),
        _join("{} in ({}, < {})", n, n, n),
        _join("{} in {}", n, _lists(depth - 1)),
        _join("some x in {} satisfies x > {}", _lists(depth - 1), n).map("({})".format),
        _join("every x in items satisfies x.n > {}", n).map("({})".format),
        _join('(d + @"P1D") < {}', few_dates.map(text_of)),
        _join("contains({}, {})", _texts(depth - 1), _texts(depth - 1)),
        _join("({}) instance of number", n),
        _join("({}) instance of list<number>", _lists(depth - 1)),
        _join("({}) instance of range<number>", _ranges(depth - 1)),
        _join("is({}, {})", n, n),
        _join("{} in {}", n, _ranges(depth - 1)),
        st.tuples(_POINT_RELATIONS, n, _ranges(depth - 1)).map(lambda given: "{}({}, {})".format(*given)),
        st.tuples(_RANGE_RELATIONS, _ranges(depth - 1), _ranges(depth - 1)).map(lambda g: "{}({}, {})".format(*g)),
        _join("list contains({}, {})", _lists(depth - 1), n),
        _join("all({}, {})", c, c),
        _join("even({})", n),
        _join("({} < {})", _dates(depth - 1), _dates(depth - 1)),
    )


expressions = st.one_of(conditions(2), _numbers(2), _texts(2), _lists(2), _dates(2), _ranges(1))
rules = st.lists(st.lists(conditions(1), min_size=1, max_size=3).map(" and ".join), min_size=1, max_size=6)
"""Sets of conditions."""

"""Arrays become columns without losing anything, and what does not fit is told or computed one by one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.columns import Population, coded, evaluate_conditions, evaluate_expression, scaled
from engine.feel import ConditionSet, Field, Scope, check, types

SCOPE = Scope(
    {
        "n": Field(types.NUMBER, optional=True),
        "m": Field(types.NUMBER, optional=True),
        "s": Field(types.STRING, optional=True),
        "p": Field(types.BOOLEAN, optional=True),
        "d": Field(types.DATE, optional=True),
        "i": Field(types.DATE_TIME, optional=True),
        "l": Field(types.DAYS_TIME_DURATION, optional=True),
    }
)
MOST = 2**63 - 1


def values(name: str, array: Any, **nulls: Any) -> list[Any]:
    """A fact's values as an expression sees them."""
    population = Population.from_columns(SCOPE, {name: array}, nulls=nulls)
    return evaluate_expression(check(name, SCOPE), population).to_list()


@pytest.mark.parametrize(
    ("name", "array", "wanted"),
    [
        ("n", np.array([1, -2], np.int8), [Decimal(1), Decimal(-2)]),
        ("n", np.array([2**64 - 1, 3], np.uint64), [Decimal(2**64 - 1), Decimal(3)]),
        ("n", np.array([-(2**63), MOST]), [Decimal(-(2**63)), Decimal(MOST)]),
        ("n", scaled([199, -5], 2), [Decimal("1.99"), Decimal("-0.05")]),
        ("n", scaled([-(2**63)], 18), [Decimal(-(2**63)).scaleb(-18)]),
        ("n", [1, None, Decimal("1e30"), Decimal("0.1")], [Decimal(1), None, Decimal("1e30"), Decimal("0.1")]),
        ("s", np.array(["b", "a", "b"]), ["b", "a", "b"]),
        ("s", coded([1, -1, 0], ["x", "y"]), ["y", None, "x"]),
        ("s", np.array(["b", None], object), ["b", None]),
        ("p", np.array([True, False]), [True, False]),
        (
            "d",
            np.array(["2024-02-29", "NaT", "0001-01-01"], "datetime64[D]"),
            [dt.date(2024, 2, 29), None, dt.date.min],
        ),
        (
            "i",
            np.array(["2026-11-02T09:00:00.000001", "NaT"], "datetime64[us]"),
            [dt.datetime(2026, 11, 2, 9, 0, 0, 1, tzinfo=dt.UTC), None],
        ),
        ("i", np.array(["2026-11-02"], "datetime64[D]"), [dt.datetime(2026, 11, 2, tzinfo=dt.UTC)]),
        ("l", np.array([3, -1], "timedelta64[D]"), [dt.timedelta(days=3), dt.timedelta(days=-1)]),
    ],
)
def test_an_array_has_the_values_that_it_stands_for(name: str, array: Any, wanted: list[Any]) -> None:
    """Whole numbers of every width, money, texts, days, instants and durations come out as they are."""
    assert wanted == values(name, array)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("n", np.array([1, 2])),
        ("s", np.array(["a", "b"])),
        ("d", np.array(["2026-01-01", "2026-01-02"], "datetime64[D]")),
    ],
)
def test_a_mask_empties_rows(name: str, array: Any) -> None:
    """A row that the mask marks is null whatever the array holds there."""
    first, second = values(name, array, **{name: np.array([False, True])})
    assert first is not None
    assert second is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: scaled([1.5], 2), "whole numbers of up to 64 bits, not float64"),
        (lambda: scaled([1], 19), "a scale is from 0 to 18"),
        (lambda: coded([2], ["a", "b"][:1]), "a code is 2, but the dictionary has 1 texts"),
        (lambda: coded([0], ["a", "a"]), "names each text once"),
        (lambda: scaled([1], nulls=[True, False]), "a truth value for each of the 1 rows"),
        (lambda: values("d", np.array(["20000-01-01"], "datetime64[D]")), "outside the years 1 to 9999"),
        (lambda: values("i", np.array([1], "datetime64[ns]")), "a finer one is given"),
        (lambda: values("n", coded([0], ["a"])), "a column of string is given where the fact is a number"),
    ],
)
def test_what_cannot_be_a_column_is_told(make: Any, message: str) -> None:
    """Fractions, codes outside the dictionary, masks of other lengths and days out of the calendar are refused."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_only_rows_that_overflow_are_computed_alone() -> None:
    """A sum or product beyond 64 bits is exact, and no other row pays for it."""
    numbers = [1, MOST, -MOST, 3_037_000_500, 5]
    population = Population.from_columns(SCOPE, {"n": np.array(numbers)})
    for text, alone in (("n + n", [1, 2]), ("n * n", [1, 2, 3]), ("-n", []), ("n * 0.01", [])):
        expression = check(text, SCOPE)
        found = evaluate_expression(expression, population)
        assert [expression.interpret({"n": Decimal(number)}) for number in numbers] == found.to_list()
        assert alone == found.recomputed.tolist()


def test_a_quotient_is_compared_without_dividing() -> None:
    """Whatever the signs, a quotient's comparison is exact; only a division by zero is computed alone, and tells."""
    pairs = [(n, m) for n in (-7, 0, 6, 9, MOST) for m in (-3, -2, 0, 2, 3)]
    population = Population.from_columns(
        SCOPE, {"n": np.array([n for n, _ in pairs]), "m": np.array([m for _, m in pairs])}
    )
    for op in ("<", "<=", "=", "!=", ">=", ">"):
        rule = check(f"n / m {op} 3", SCOPE)
        bits = evaluate_conditions(ConditionSet.compile([("r", rule)]), population)
        for row, (n, m) in enumerate(pairs):
            if m == 0:
                assert bits.errors[row].code in {"feel.division_by_zero", "feel.undefined_number"}
            else:
                assert rule.evaluate({"n": Decimal(n), "m": Decimal(m)}) is bool(bits.mask(row))
        assert bits.recomputed.tolist() == [row for row, (_, m) in enumerate(pairs) if m == 0]


def test_a_relative_date_is_a_place() -> None:
    """A condition about how long ago something was is settled once for all records, and decided by a look-up."""
    at = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
    instants = np.datetime64("2026-11-02T09:00:00", "us") - np.arange(100).astype("timedelta64[D]")
    rule = check('i >= now() - duration("P30D")', SCOPE)
    bits = evaluate_conditions(
        ConditionSet.compile([("recent", rule)]), Population.from_columns(SCOPE, {"i": instants}), at=at
    )
    assert [row <= 30 for row in range(100)] == [bool(bits.mask(row)) for row in range(100)]
    assert bits.share_recomputed == 0


def test_more_rules_than_a_word_has_bits() -> None:
    """Rules beyond the sixty-fourth lie in the next word."""
    rules = ConditionSet.compile([(f"r{number}", check(f"n >= {number}", SCOPE)) for number in range(150)])
    bits = evaluate_conditions(rules, Population.from_columns(SCOPE, {"n": np.array([-1, 0, 63, 64, 149])}))
    assert bits.rules.shape == (5, 3)
    assert [0, 1, 64, 65, 150] == [len(bits.fired(row)) for row in range(5)]

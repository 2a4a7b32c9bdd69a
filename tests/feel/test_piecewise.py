"""Banded expressions take one look-up and one multiplication, and give the interpreter's answers digit for digit."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.feel import Field, Scope, check, types
from engine.feel.piecewise import straight_pieces
from engine.problems import InvalidError

SCOPE = Scope({"x": Field(types.NUMBER)})
BANDS = ((0, "0.02"), (10_000, "0.03"), (25_000, "0.045"), (60_000, "0.06"), (120_000, "0.08"), (250_000, "0.1"))
TOPS = (*(low for low, _ in BANDS[1:]), None)
COMMISSION = " + ".join(
    f"(if x > {low} then ({f'min(x, {top})' if top else 'x'} - {low}) * {rate} else 0)"
    for (low, rate), top in zip(BANDS, TOPS, strict=True)
)

spelt = st.one_of(
    st.integers(-50, 50).map(str),
    st.tuples(st.integers(-9_999, 9_999), st.integers(1, 4)).map(lambda pair: f"{Decimal(pair[0]).scaleb(-pair[1]):f}"),
    st.sampled_from(["0", "0.0", "1000000000000000000000", "0.00000000000000000001", "1234567890123456789.0123456789"]),
)
spelt_in_brackets = spelt.map(lambda text: f"({text})" if text.startswith("-") else text)
parts = st.recursive(
    st.one_of(st.just("x"), spelt_in_brackets),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-"), inner).map(lambda g: f"({g[0]} {g[1]} {g[2]})"),
        st.tuples(inner, spelt_in_brackets).map(lambda g: f"{g[0]} * {g[1]}"),
        st.tuples(st.sampled_from(["<", "<=", ">", ">=", "="]), spelt, inner, inner).map(
            lambda g: f"(if x {g[0]} {g[1]} then {g[2]} else {g[3]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), spelt, st.booleans()).map(
            lambda g: f"{g[0]}({f'x, {g[1]}' if g[2] else f'{g[1]}, x'})"
        ),
    ),
    max_leaves=12,
)
amounts = st.one_of(
    spelt.map(Decimal),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.builds(
        lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-(10**34), 10**34), st.integers(0, 40)
    ),
    st.builds(
        lambda digits, places: Decimal(digits).scaleb(-places), st.integers(-500, 500), st.integers(-6_140, 6_170)
    ),
)


def written(compute: Any) -> Any:
    """A number with its sign and all its places, or the problems."""
    try:
        return compute().as_tuple()
    except InvalidError as error:
        return error.problems


def answers(text: str, x: Decimal) -> tuple[Any, Any]:
    expression = check(text, SCOPE)
    with localcontext(prec=5):  # what the caller computes with changes nothing
        found = written(lambda: expression.evaluate({"x": x}))
    return written(lambda: expression.interpret({"x": x})), found


@settings(max_examples=2_000, deadline=None)
@given(parts, amounts)
def test_a_banded_expression_gives_what_its_steps_give(text: str, x: Decimal) -> None:
    """Any sum of bands gives the interpreter's number, with its sign and places, or its problem."""
    try:
        check(text, SCOPE)
    except InvalidError:
        return  # a constant part that cannot be computed is told at load
    wanted, found = answers(text, x)
    assert wanted == found


@settings(max_examples=1_000, deadline=None)
@given(amounts)
def test_a_commission_gives_what_its_steps_give(x: Decimal) -> None:
    """Six bands, unrounded and rounded, agree with the interpreter on amounts of any size and spelling."""
    for text in (COMMISSION, f"round half up({COMMISSION}, 2)"):
        wanted, found = answers(text, x)
        assert wanted == found


@pytest.mark.parametrize(
    "amount", ["0", "0.00", "-0.0", "10000", "10000.00", "1E+4", "25000.005", "250000", "99999.995"]
)
def test_thresholds_and_zero_keep_their_spelling(amount: str) -> None:
    """On a threshold, and at zero with a sign or with places, the answer is spelt as the steps spell it."""
    wanted, found = answers(COMMISSION, Decimal(amount))
    assert wanted == found


def test_bands_are_recognised() -> None:
    """Six bands of one amount are straight pieces, which never take their steps on ordinary amounts."""
    quick = straight_pieces(check(COMMISSION, SCOPE).ir)
    assert quick is not None
    fact, quickened = quick
    assert fact.path == ("x",)

    def steps(_: Decimal) -> Decimal:
        raise AssertionError("took the steps")

    assert quickened(steps)(Decimal("123456789012345678.905")) == Decimal("12345678901225792.8905")
    assert quickened(steps)(Decimal("30000.01")) == Decimal("875.00045")


@pytest.mark.parametrize(
    "text",
    [
        "x * 2 + 1 - 3",  # no threshold
        "if x > 1 then x * x + 1 - 2 else 0",
        "if x > 1 then x / 3 + 1 - 2 else 0",
        "if x > 1 then 1 else 0",
    ],
)
def test_what_is_no_band_takes_its_steps(text: str) -> None:
    """Squares, divisions, expressions without a threshold and short ones have no quick form."""
    assert straight_pieces(check(text, SCOPE).ir) is None


ROUNDINGS = ("floor", "ceiling", "decimal", "round up", "round down", "round half up", "round half down")


@settings(max_examples=1_500, deadline=None)
@given(st.sampled_from(ROUNDINGS), st.integers(-3, 40), amounts)
def test_rounding_to_a_fixed_scale_agrees_with_rounding_to_a_computed_one(name: str, scale: int, x: Decimal) -> None:
    """Each rounding function with its scale written out gives the interpreter's number, sign and places."""
    wanted, found = answers(f"{name}(x, {scale})", x)
    assert wanted == found

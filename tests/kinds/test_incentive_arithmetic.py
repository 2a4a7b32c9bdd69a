"""The arithmetic of incentive plans: bands, rounding, allocation, against independent formulas."""

from __future__ import annotations

from decimal import Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.kinds.allocation import allocate
from engine.kinds.incentive_plan.tiers import ZERO, Band, Tiers, scaled
from engine.kinds.rounding import EXACT, is_payable, minor_unit, ratio, round_money

cents = st.integers(-10_000_000, 10_000_000).map(lambda value: Decimal(value).scaleb(-2))
MARGINAL, RETROACTIVE = (False,), (True,)
rates = st.integers(0, 4_000).map(lambda value: Decimal(value).scaleb(-4))


@st.composite
def tables(draw: st.DrawFn, to_all: tuple[bool, ...] = (True, False), *, flats: bool = True) -> Tiers:
    """A gapless table of one to five bands; each applies to the excess or to all, some with a flat amount."""
    starts = draw(st.lists(st.integers(1, 5_000_000), max_size=4, unique=True).map(sorted))
    flat = st.integers(0, 50_000).map(lambda value: Decimal(value).scaleb(-2)) if flats else st.just(ZERO)
    bands = tuple(
        Band(Decimal(start).scaleb(-2), draw(rates), draw(flat), draw(st.sampled_from(to_all)))
        for start in (0, *starts)
    )
    return Tiers(bands, draw(st.sampled_from(["upper", "lower"])))


def brute_marginal(tiers: Tiers, total: Decimal) -> Fraction:
    """F(P) of domain page incentives, section 2.1, in rational numbers; the first band is open below."""
    value = Fraction(0)
    for index, band in enumerate(tiers.bands):
        start = Fraction(band.start)
        end = Fraction(tiers.bands[index + 1].start) if index + 1 < len(tiers.bands) else None
        upto = Fraction(total) if end is None else min(Fraction(total), end)
        part = upto - start
        value += Fraction(band.rate) * (part if index == 0 and total < 0 else max(Fraction(0), part))
    return value


@given(tables(MARGINAL, flats=False), cents)
def test_marginal_is_the_sum_over_bands(tiers, total):
    """A marginal payout is the rate of each band times the part of the total inside it."""
    with localcontext(EXACT):
        assert brute_marginal(tiers, total) == Fraction(tiers.payout(total))


@given(tables(MARGINAL, flats=False), cents.filter(lambda value: value >= 0))
def test_marginal_equals_the_quick_form(tiers, total):
    """A marginal payout is `r_k * P - K_k` with the quick deduction `K_k = K_k-1 + (r_k - r_k-1) * L_k`."""
    with localcontext(EXACT):
        deduction, deductions = ZERO, [ZERO]
        for before, band in zip(tiers.bands, tiers.bands[1:], strict=False):
            deduction += (band.rate - before.rate) * band.start
            deductions.append(deduction)
        reached = tiers.reached(total)
        assert tiers.bands[reached].rate * total - deductions[reached] == tiers.payout(total)


@given(tables(RETROACTIVE, flats=False), cents)
def test_retroactive_is_one_rate_on_everything(tiers, total):
    """A retroactive payout is the reached band's rate on the whole total."""
    with localcontext(EXACT):
        assert tiers.bands[tiers.reached(total)].rate * total == tiers.payout(total)


@given(tables(), st.lists(cents, max_size=12), st.randoms())
def test_lines_telescope_in_every_order(tiers, amounts, shuffler):
    """Credits' lines add up to F(P) exactly, whatever the order and number of credits, negative ones included."""
    with localcontext(EXACT):
        total = sum(amounts, ZERO)
        steps = tiers.in_force(total)
        for _ in range(2):
            position = earned = ZERO
            for amount in amounts:
                slices = tiers.slices(position, position + amount, steps)
                assert amount == sum((piece.amount for piece in slices), ZERO)
                earned += sum((piece.earned + piece.flat for piece in slices), ZERO)
                position += amount
            assert tiers.payout(total) == earned
            shuffler.shuffle(amounts)


@given(tables(), cents)
def test_a_payout_is_exact_in_any_context(tiers, total):
    """A payout keeps every digit, however few the caller's own arithmetic keeps."""
    with localcontext(Context(prec=3)):
        found = tiers.payout(total)
    with localcontext(EXACT):
        assert tiers.payout(total) == found
        assert sum((piece.earned + piece.flat for piece in tiers.slices(ZERO, total, tiers.in_force(total))), ZERO) == (
            found
        )


@given(tables(), cents, cents)
def test_a_reversal_undoes_its_credit(tiers, before, amount):
    """Under one table in force, adding a credit and its reversal earns exactly nothing."""
    with localcontext(EXACT):
        steps = tiers.in_force(before)
        there = tiers.slices(before, before + amount, steps)
        back = tiers.slices(before + amount, before, steps)
        assert ZERO == sum((piece.earned + piece.flat for piece in (*there, *back)), ZERO)


@given(tables(flats=False), st.integers(1, 4))
def test_the_boundary_rule_matters_only_on_the_boundary(tiers, index):
    """`upper` and `lower` differ exactly by the jump at a band's start, and one cent away they agree."""
    index = min(index, len(tiers.bands) - 1)
    start = tiers.bands[index].start
    with localcontext(EXACT):
        upper, lower = Tiers(tiers.bands, "upper"), Tiers(tiers.bands, "lower")
        assert tiers.jump(index) == upper.payout(start) - lower.payout(start)
        for near in (start - Decimal("0.001"), start + Decimal("0.001")):
            assert upper.payout(near) == lower.payout(near)


def test_a_flat_amount_is_paid_once_on_entry():
    """A band's flat amount is added once, on the credit that enters the band, and zero enters nothing."""
    tiers = Tiers((Band(ZERO, Decimal("0.01"), Decimal(200)), Band(Decimal(1000), Decimal("0.02"), Decimal(300))))
    with localcontext(EXACT):
        assert Decimal(0) == tiers.payout(ZERO)
        assert Decimal("200.01") == tiers.payout(Decimal(1))
        assert Decimal(510) == tiers.payout(Decimal(1000))


def test_attainment_bands_scale_without_rounding():
    """Attainment bands times a quota keep every digit."""
    tiers = scaled(Tiers((Band(ZERO, ZERO), Band(Decimal("0.333333"), ZERO))), Decimal("100.01"))
    assert Decimal("33.33663333") == tiers.bands[1].start


sizes = st.dictionaries(st.text(max_size=3), st.integers(0, 500).map(Decimal), min_size=1, max_size=6)


@given(st.integers(-10_000, 10_000), sizes)
def test_parts_sum_to_the_whole(total, weights):
    """Allocated parts sum to the whole, each is within one unit of its exact part, and negation mirrors them."""
    if not any(weights.values()):
        with pytest.raises(ValueError, match="weights"):
            allocate(total, weights)
        return
    parts = allocate(total, weights)
    assert total == sum(parts.values())
    whole = sum(weights.values())
    for key, part in parts.items():
        assert abs(Fraction(part) - Fraction(total) * Fraction(weights[key]) / Fraction(whole)) < 1
    assert {key: -part for key, part in parts.items()} == allocate(-total, weights)
    assert parts == allocate(total, dict(reversed(weights.items())))


@given(st.decimals(-1000, 1000, places=5), st.sampled_from(["half_up", "half_even"]))
def test_rounding_is_symmetric(value, mode):
    """Rounding the negative is the negative of rounding, and never moves more than half a unit."""
    unit = minor_unit("USD")
    rounded = round_money(value, unit, mode)
    assert -rounded == round_money(-value, unit, mode)
    assert abs(rounded - value) <= unit / 2
    assert is_payable(rounded, unit)


@pytest.mark.parametrize(
    ("currency", "mode", "value", "expected"),
    [
        ("USD", "half_up", "0.125", "0.13"),
        ("USD", "half_even", "0.125", "0.12"),
        ("JPY", "half_up", "10.5", "11"),
        ("JPY", "half_even", "10.5", "10"),
        ("KWD", "half_up", "1.0005", "1.001"),
    ],
)
def test_rounding_follows_the_currency(currency, mode, value, expected):
    """An amount is rounded to the currency's own minor unit, a tie as declared."""
    assert Decimal(expected) == round_money(Decimal(value), minor_unit(currency), mode)


def test_a_ratio_is_shown_to_six_places():
    """Attainment is shown to a millionth, half to even."""
    assert Decimal("0.333333") == ratio(Decimal(1), Decimal(3))
    assert Decimal("1.000000") == ratio(Decimal("9999999.999"), Decimal(10_000_000))

"""Amounts, rates and bands as people read them."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal, localcontext

from engine.kinds.incentive_plan.plan import Component, Limit, Plan
from engine.kinds.incentive_plan.tiers import Band
from engine.kinds.rounding import EXACT


def money(amount: Decimal, plan: Plan) -> str:
    """`12,345.00 USD`; digits finer than the currency stay."""
    digits = max(-int(plan.unit.as_tuple().exponent), -int(trimmed(amount).as_tuple().exponent))
    return f"{amount:,.{digits}f} {plan.currency}"


def trimmed(value: Decimal) -> Decimal:
    """The number without trailing zeros after the point."""
    text = format(value, "f")
    return Decimal(text.rstrip("0").rstrip(".")) if "." in text else Decimal(text)


def percent(value: Decimal) -> str:
    """`0.08` is `8%`."""
    with localcontext(EXACT):
        return f"{trimmed(value * 100):f}%"


def rate(value: Decimal, component: Component, plan: Plan) -> str:
    """`8%`, or `400.00 USD a deal` where deals are counted."""
    return percent(value) if component.measure == "amount" else f"{money(value, plan)} a deal"


def start(band: Band, component: Component, plan: Plan) -> str:
    """Where a band of the written table starts: `60% of quota`, `10,000.00 USD`, `4 deals`."""
    if component.on == "attainment":
        return f"{percent(band.start)} of quota"
    return measure(band.start, component, plan)


def measure(value: Decimal, component: Component, plan: Plan) -> str:
    """A measured quantity: money, or a number of deals."""
    if component.measure == "amount":
        return money(value, plan)
    return f"{trimmed(value):,f} deal{'' if value == 1 else 's'}"


def distance(value: Decimal, component: Component, plan: Plan) -> str:
    """How much is lacking, rounded up to what can be sold: whole minor units, whole deals."""
    unit = plan.unit if component.measure == "amount" else Decimal(1)
    with localcontext(EXACT):
        return measure(value.quantize(unit, rounding=ROUND_CEILING), component, plan)


def limit(given: Limit, plan: Plan) -> str:
    """`5,000.00 USD a period`."""
    return f"{money(given.amount, plan)} a {'deal' if given.per == 'credit' else 'period'}"

"""What a payee earns: bands, kickers, one rounding a payout line, caps and floors, each step kept.

Exact until it is paid: all arithmetic runs in a context that refuses to round. A component's earnings are rounded once,
as a whole; its credits' lines are the differences of the rounded running total, `line_i = R(E_i) - R(E_i-1)`, so the
lines add up to the payout to the cent and none is off by more than one minor unit. (The telescoping form of marginal
earnings, applied to the rounded running total; per-band or per-line rounding loses money, see docs/incentive-plans.md.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext

from engine.kinds.incentive_plan.crediting import Credit
from engine.kinds.incentive_plan.plan import Component, Condition, Kicker, Limit, Plan
from engine.kinds.incentive_plan.tiers import ZERO, Band, Slice, Tiers, scaled
from engine.kinds.rounding import EXACT, round_money


@dataclass(frozen=True, slots=True)
class Line:
    """What one credit earned in one component: `earned` is exact, with kickers; `payout` is rounded, before limits."""

    credit: Credit
    measured: Decimal
    slices: tuple[Slice, ...]
    kickers: tuple[Kicker, ...]
    earned: Decimal
    payout: Decimal


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A line that a cap or a floor adds: `change` is what it took away (negative) or topped up (positive).

    `before` is the sum it looked at; `credit` is the line's credit for a limit per credit, else the credit at which the
    running total crossed the limit, where there is one.
    """

    limit: Limit
    kind: str
    before: Decimal
    change: Decimal
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class Earned:
    """One component's result. `tiers` start in the measure's unit; `by_rate` is rounded, before kickers and limits.

    `kicked` gives each kicker's addition, rounded so that `by_rate + sum(kicked) == sum of line payouts`.
    """

    component: Component
    tiers: Tiers
    measured: Decimal
    lines: tuple[Line, ...]
    exact: Decimal
    by_rate: Decimal
    kicked: tuple[Decimal, ...]
    adjustments: tuple[Adjustment, ...]
    payout: Decimal


@dataclass(frozen=True, slots=True)
class Result:
    """The whole calculation for one payee and period."""

    earned: tuple[Earned, ...]
    adjustments: tuple[Adjustment, ...]
    payout: Decimal


KickerBits = Callable[[Credit], int]


def calculate(plan: Plan, credited: Sequence[Credit], quota: Decimal | None, kicker_bits: KickerBits) -> Result:
    """Every component's earnings for credits in order, then the plan's own caps and floors.

    `quota` is positive or None; None with attainment bands uses the plan's declared rate without a quota.
    `kicker_bits` tells which kickers' conditions hold for a credit.
    """
    with localcontext(EXACT):
        earned = tuple(_component(plan, component, credited, quota, kicker_bits) for component in plan.components)
        before = sum((found.payout for found in earned), ZERO)
        adjustments = _limit_period(before, plan.caps, plan.floors, ())
        return Result(earned, adjustments, before + sum((made.change for made in adjustments), ZERO))


def meets(condition: Condition | None, bits: int) -> bool:
    """Whether a condition holds; no condition always does."""
    return condition is None or bool(bits >> condition.bit & 1)


def tiers_in_measure(plan: Plan, component: Component, quota: Decimal | None) -> Tiers:
    """The component's bands with starts in its measure's unit: attainment bands times the quota, unrounded."""
    if component.on == "amount":
        return component.tiers
    if quota is None:
        assert plan.quota.rate_without is not None, "a statement without a quota is held before this"
        return Tiers((Band(ZERO, plan.quota.rate_without, because=plan.quota.because),), component.tiers.at_boundary)
    return scaled(component.tiers, quota)


def _component(
    plan: Plan, component: Component, credited: Sequence[Credit], quota: Decimal | None, kicker_bits: KickerBits
) -> Earned:
    tiers = tiers_in_measure(plan, component, quota)
    measured = [
        (credit, credit.part if component.measure == "amount" else Decimal(1))
        for credit in credited
        if meets(component.condition, credit.bits)
    ]
    total = sum((amount for _, amount in measured), ZERO)
    by_period = component.window == "period"
    steps = tiers.in_force(total)
    position = ZERO
    drafts: list[tuple[Credit, Decimal, tuple[Slice, ...], tuple[Kicker, ...], list[Decimal]]] = []
    for credit, amount in measured:
        if by_period:
            slices = tiers.slices(position, position + amount, steps)
            position += amount
        else:
            slices = tiers.slices(ZERO, amount, tiers.in_force(amount))
        bits = kicker_bits(credit) if component.kickers else 0
        applied = tuple(kicker for kicker in component.kickers if meets(kicker.condition, bits))
        drafts.append((credit, amount, slices, applied, _stages(slices, component.kickers, applied)))
    rounded = [
        _round_lines([draft[4][stage] for draft in drafts], plan, by_period=by_period)
        for stage in range(len(component.kickers) + 1)
    ]
    lines = tuple(
        Line(credit, amount, slices, applied, stages[-1], rounded[-1][index])
        for index, (credit, amount, slices, applied, stages) in enumerate(drafts)
    )
    sums = [sum(stage, ZERO) for stage in rounded]
    per_credit = _limit_credits(lines, component)
    before = sums[-1] + sum((made.change for made in per_credit), ZERO)
    adjustments = per_credit + _limit_period(
        before, _per(component.caps, "period"), _per(component.floors, "period"), lines
    )
    return Earned(
        component=component,
        tiers=tiers,
        measured=total,
        lines=lines,
        exact=sum((line.earned for line in lines), ZERO),
        by_rate=sums[0],
        kicked=tuple(sums[stage + 1] - sums[stage] for stage in range(len(component.kickers))),
        adjustments=adjustments,
        payout=sums[-1] + sum((made.change for made in adjustments), ZERO),
    )


def _stages(slices: tuple[Slice, ...], kickers: tuple[Kicker, ...], applied: tuple[Kicker, ...]) -> list[Decimal]:
    """A line's exact earnings by rate, then after each of the component's kickers; flats are never multiplied."""
    by_rate = sum((piece.earned for piece in slices), ZERO)
    flat = sum((piece.flat for piece in slices), ZERO)
    stages = [by_rate + flat]
    for kicker in kickers:
        if kicker in applied:
            by_rate *= kicker.factor
        stages.append(by_rate + flat)
    return stages


def _round_lines(exact: Sequence[Decimal], plan: Plan, *, by_period: bool) -> list[Decimal]:
    """Rounded lines: differences of the rounded running total, or each by itself where each is a payout."""
    if not by_period:
        return [round_money(value, plan.unit, plan.rounding) for value in exact]
    running = paid = ZERO
    lines: list[Decimal] = []
    for value in exact:
        running += value
        now = round_money(running, plan.unit, plan.rounding)
        lines.append(now - paid)
        paid = now
    return lines


def _per(limits: tuple[Limit, ...], scope: str) -> tuple[Limit, ...]:
    return tuple(limit for limit in limits if limit.per == scope)


def _limit_credits(lines: Sequence[Line], component: Component) -> tuple[Adjustment, ...]:
    """Caps, then floors, on each credit's line; a negative credit mirrors what its original met."""
    made: list[Adjustment] = []
    for line in lines:
        now = line.payout
        sign = -1 if line.measured < 0 else 1
        for limit in _per(component.caps, "credit"):
            if sign * now > limit.amount:
                made.append(Adjustment(limit, "cap", now, sign * limit.amount - now, line.credit))
                now = sign * limit.amount
        for limit in _per(component.floors, "credit"):
            if line.measured and sign * now < limit.amount:
                made.append(Adjustment(limit, "floor", now, sign * limit.amount - now, line.credit))
                now = sign * limit.amount
    return tuple(made)


def _limit_period(
    before: Decimal, caps: tuple[Limit, ...], floors: tuple[Limit, ...], lines: Sequence[Line]
) -> tuple[Adjustment, ...]:
    """Caps, then floors, on a sum. A cap holds for a negative sum too: a reversal takes back what was paid."""
    made: list[Adjustment] = []
    now = before
    for limit in caps:
        if abs(now) > limit.amount:
            held = limit.amount if now > 0 else -limit.amount
            made.append(Adjustment(limit, "cap", now, held - now, _crossing(lines, limit.amount)))
            now = held
    for limit in floors:
        if now < limit.amount:
            made.append(Adjustment(limit, "floor", now, limit.amount - now))
            now = limit.amount
    return tuple(made)


def _crossing(lines: Sequence[Line], amount: Decimal) -> Credit | None:
    """The credit whose line takes the running total over a cap: the deal that straddles it."""
    running = ZERO
    for line in lines:
        running += line.payout
        if abs(running) > amount:
            return line.credit
    return None

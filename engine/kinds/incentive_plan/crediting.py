"""Which deals count for the payee and with how much: every given cent ends up credited or excluded with a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from engine.kinds.allocation import allocate
from engine.kinds.incentive_plan.plan import Plan
from engine.kinds.rounding import round_money

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True)
class Credit:
    """One deal as the payee's facts give it. `part` is the payee's share of it in money; `bits` are true conditions."""

    position: int
    id: str
    name: str
    amount: Decimal
    closed_on: date | None
    share: Decimal
    part: Decimal
    bits: int
    split_fault: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A deal that does not count, by which rule, and why."""

    credit: Credit
    rule: str
    reason: str


def part_of(credit: Mapping[str, Any], payee: str, plan: Plan) -> tuple[Decimal, Decimal, str]:
    """The payee's share in percent, its money, and what is wrong with the deal's splits ("" when nothing is).

    With everybody's `splits` a revenue split divides the deal's minor units by largest remainder, ties by payee, so the
    parts of all parties add up to the deal. With a lone `share`, or as overlay, the part is rounded by itself.
    """
    amount: Decimal = credit["amount"]
    splits: Sequence[Mapping[str, Any]] | None = credit.get("splits")
    if not splits:
        given = credit.get("share")
        share = HUNDRED if given is None else given
        return share, _rounded_part(amount, share, plan), ""
    shares: dict[str, Decimal] = {}
    for party in splits:
        shares[party["payee"]] = shares.get(party["payee"], Decimal(0)) + party["share"]
    share = shares.get(payee, Decimal(0))
    total = sum(shares.values(), Decimal(0))
    if plan.splits == "overlay":
        return share, _rounded_part(amount, share, plan), ""
    if total != HUNDRED:
        return share, _rounded_part(amount, share, plan), f"the shares of the deal total {_plain(total)} %, not 100 %"
    minor = allocate(int(amount / plan.unit), shares)
    return share, minor.get(payee, 0) * plan.unit, ""


def sort_credits(
    plan: Plan, deals: Sequence[Credit], period: tuple[date, date]
) -> tuple[tuple[Credit, ...], tuple[Exclusion, ...]]:
    """Credited deals in incentive-date order (then by id), and excluded ones in the order given.

    The plan's own conditions come first, in file order; then the period, then the splits, then the components.
    """
    credited: list[Credit] = []
    excluded: list[Exclusion] = []
    for credit in deals:
        rule, reason = _why_excluded(plan, credit, period)
        if rule:
            excluded.append(Exclusion(credit, rule, reason))
        else:
            credited.append(credit)
    credited.sort(key=lambda credit: (credit.closed_on or date.min, credit.id))
    return tuple(credited), tuple(excluded)


def _why_excluded(plan: Plan, credit: Credit, period: tuple[date, date]) -> tuple[str, str]:
    for condition in plan.eligible:
        if not credit.bits >> condition.bit & 1:
            return condition.id, condition.because
    first, end = period
    if credit.closed_on is None:
        return "period", "it has no closing date"
    if not first <= credit.closed_on < end:
        return "period", f"it closed on {credit.closed_on}, outside the period from {first} to before {end}"
    if credit.split_fault:
        return "splits", credit.split_fault
    conditions = [component.condition for component in plan.components]
    if all(condition is not None and not credit.bits >> condition.bit & 1 for condition in conditions):
        return "components", "no component of the plan pays for it"
    return "", ""


def _rounded_part(amount: Decimal, share: Decimal, plan: Plan) -> Decimal:
    return amount if share == HUNDRED else round_money(amount * share / HUNDRED, plan.unit, plan.rounding)


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text

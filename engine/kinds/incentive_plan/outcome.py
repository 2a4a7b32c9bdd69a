"""The statement as data: every line with its derivation, and the checks that nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from engine.kinds.incentive_plan.calculate import Adjustment, Earned, Line, Result
from engine.kinds.incentive_plan.crediting import Credit, Exclusion
from engine.kinds.incentive_plan.plan import Plan
from engine.kinds.incentive_plan.tiers import ZERO, Slice, Tiers
from engine.kinds.rounding import EXACT, ratio, round_money


@dataclass(frozen=True, slots=True)
class Statement:
    """What a decision of this kind is made from. `result` is None while the statement is held for lack of a quota."""

    plan: Plan
    given: tuple[Credit, ...]
    credited: tuple[Credit, ...]
    exclusions: tuple[Exclusion, ...]
    quota: Decimal | None
    result: Result | None

    @property
    def given_sum(self) -> Decimal:
        """The payee's part of every deal that was given."""
        return sum_of(credit.part for credit in self.given)

    @property
    def credited_sum(self) -> Decimal:
        """The money that counts."""
        return sum_of(credit.part for credit in self.credited)

    @property
    def excluded_sum(self) -> Decimal:
        """The money that does not."""
        return sum_of(exclusion.credit.part for exclusion in self.exclusions)

    @property
    def payout(self) -> Decimal:
        """What is paid; nothing while held."""
        return self.result.payout if self.result is not None else ZERO


def sum_of(values: Any) -> Decimal:
    """An exact sum."""
    with localcontext(EXACT):
        return sum(values, ZERO)


def outcome_of(statement: Statement) -> dict[str, Any]:
    """The document `docs/incentive-plans.md` describes."""
    plan, result = statement.plan, statement.result
    earned: Sequence[Earned] = result.earned if result is not None else ()
    credited, excluded = statement.credited_sum, statement.excluded_sum
    lines = [line for found in earned for line in _component_lines(found)]
    lines += [_adjustment(made, "") for made in (result.adjustments if result is not None else ())]
    return {
        "state": "held" if result is None else "calculated",
        "payout": statement.payout,
        "currency": plan.currency,
        "given": statement.given_sum,
        "credited": credited,
        "excluded": excluded,
        "quota": statement.quota,
        "attainment": ratio(credited, statement.quota) if statement.quota is not None else None,
        "lines": lines,
        "exclusions": [_exclusion(exclusion) for exclusion in statement.exclusions],
        "bands": [band for found in earned for band in _bands(found, statement.quota)],
        "components": [
            {
                "component": found.component.id,
                "because": found.component.because,
                "measure": found.component.measure,
                "measured": found.measured,
                "earned": found.exact,
                "payout": found.payout,
            }
            for found in earned
        ],
        "checks": _checks(statement, lines),
    }


def _checks(statement: Statement, lines: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Zero-sum checks: each side is computed on its own way, so that a fault in one shows."""
    paid = sum_of(line["payout"] for line in lines)
    limited = sum_of(line["payout"] for line in lines if line["kind"] != "credit")
    rounded = sum_of(_rounded(found, statement.plan) for found in (statement.result.earned if statement.result else ()))
    return [
        _check("the lines add up to the payout", paid, statement.payout),
        _check(
            "credited and excluded add up to what was given",
            sum_of((statement.credited_sum, statement.excluded_sum)),
            statement.given_sum,
        ),
        _check(
            "earnings rounded once, with caps and floors, are the payout", sum_of((rounded, limited)), statement.payout
        ),
    ]


def _check(name: str, left: Decimal, right: Decimal) -> dict[str, Any]:
    return {"check": name, "left": left, "right": right, "holds": left == right}


def _rounded(found: Earned, plan: Plan) -> Decimal:
    """A component's exact earnings, rounded as one payout, or one a credit where each credit is its own."""
    if found.component.window == "period":
        return round_money(found.exact, plan.unit, plan.rounding)
    return sum_of(round_money(line.earned, plan.unit, plan.rounding) for line in found.lines)


def _component_lines(found: Earned) -> list[dict[str, Any]]:
    """A component's credits in order, each followed by its own caps and floors, then those of the period."""
    lines: list[dict[str, Any]] = []
    per_credit: dict[str, list[Adjustment]] = {}
    for made in found.adjustments:
        if made.limit.per == "credit" and made.credit is not None:
            per_credit.setdefault(made.credit.id, []).append(made)
    for line in found.lines:
        lines.append(_credit_line(line, found))
        lines += [_adjustment(made, found.component.id) for made in per_credit.get(line.credit.id, ())]
    lines += [_adjustment(made, found.component.id) for made in found.adjustments if made.limit.per == "period"]
    return lines


def _credit_line(line: Line, found: Earned) -> dict[str, Any]:
    credit = line.credit
    return {
        "kind": "credit",
        "component": found.component.id,
        "credit": credit.id,
        "name": credit.name,
        "closed_on": credit.closed_on,
        "amount": credit.amount,
        "share": credit.share,
        "credited": credit.part,
        "split": [_slice(piece) for piece in line.slices],
        "kickers": [{"rule": kicker.condition.id, "factor": kicker.factor} for kicker in line.kickers],
        "earned": line.earned,
        "payout": line.payout,
    }


def _slice(piece: Slice) -> dict[str, Any]:
    with localcontext(EXACT):
        shown: dict[str, Any] = {
            "from": piece.start,
            "to": piece.to,
            "amount": piece.amount,
            "rate": piece.rate,
            "earned": piece.earned,
        }
    if piece.flat:
        shown["flat"] = piece.flat
    return shown


def _adjustment(made: Adjustment, component: str) -> dict[str, Any]:
    return {
        "kind": made.kind,
        "component": component or None,
        "rule": made.limit.id,
        "because": made.limit.because,
        "credit": made.credit.id if made.credit is not None else None,
        "limit": made.limit.amount,
        "before": made.before,
        "payout": made.change,
    }


def _exclusion(exclusion: Exclusion) -> dict[str, Any]:
    credit = exclusion.credit
    return {
        "credit": credit.id,
        "name": credit.name,
        "amount": credit.part,
        "closed_on": credit.closed_on,
        "rule": exclusion.rule,
        "reason": exclusion.reason,
    }


def _bands(found: Earned, quota: Decimal | None) -> list[dict[str, Any]]:
    """The component's table with what fell into each band, and the leap at its start where there is one."""
    tiers, component = found.tiers, found.component
    on_quota = component.on == "attainment" and quota is not None
    with localcontext(EXACT):
        reached = tiers.reached(found.measured)
        amounts: dict[int, Decimal] = {}
        earned: dict[int, Decimal] = {}
        by_period = _bands_by_start(tiers, found.measured)
        for line in found.lines:
            # The window decides which table was in force: the period's total, or the credit by itself.
            by_start = by_period if component.window == "period" else _bands_by_start(tiers, line.measured)
            for piece in line.slices:
                index = by_start[piece.start]
                amounts[index] = amounts.get(index, ZERO) + piece.amount
                earned[index] = earned.get(index, ZERO) + piece.earned + piece.flat
        return [
            {
                "component": component.id,
                "attainment": component.tiers.bands[index].start if on_quota else None,
                "from": band.start,
                "to": tiers.bands[index + 1].start if index + 1 < len(tiers.bands) else None,
                "rate": band.rate,
                "applies_to": "all" if band.to_all else "excess",
                "amount": amounts.get(index, ZERO),
                "earned": earned.get(index, ZERO),
                "reached": index <= reached,
                "jump": tiers.jump(index),
                "because": band.because,
            }
            for index, band in enumerate(tiers.bands)
        ]


def _bands_by_start(tiers: Tiers, total: Decimal) -> dict[Decimal, int]:
    """Which band each step of the table in force for a total comes from, by the step's start."""
    return {step.start: step.band for step in tiers.in_force(total)}

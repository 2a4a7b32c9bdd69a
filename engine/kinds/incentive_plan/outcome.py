"""The statement as data: every line with its derivation, and the checks that nothing was lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Any

from engine.kinds.incentive_plan.calculate import Adjustment, Earned, Line, Result
from engine.kinds.incentive_plan.crediting import Credit, Exclusion
from engine.kinds.incentive_plan.plan import Plan
from engine.kinds.incentive_plan.tiers import ZERO, Slice
from engine.kinds.rounding import EXACT, ratio


@dataclass(frozen=True, slots=True)
class Statement:
    """What a decision of this kind is made from. `result` is None while the statement is held for lack of a quota."""

    plan: Plan
    credited: tuple[Credit, ...]
    exclusions: tuple[Exclusion, ...]
    quota: Decimal | None
    result: Result | None

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
    given = sum_of((credited, excluded))
    return {
        "state": "held" if result is None else "calculated",
        "payout": statement.payout,
        "currency": plan.currency,
        "given": given,
        "credited": credited,
        "excluded": excluded,
        "quota": statement.quota,
        "attainment": ratio(credited, statement.quota) if statement.quota is not None else None,
        "lines": lines,
        "exclusions": [_exclusion(exclusion) for exclusion in statement.exclusions],
        "bands": [band for found in earned for band in _bands(found)],
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
        "checks": _checks(statement, lines, given),
    }


def _checks(statement: Statement, lines: Sequence[dict[str, Any]], given: Decimal) -> list[dict[str, Any]]:
    """Zero-sum checks, computed from the lines as shown and not from the sums they prove."""
    paid = sum_of(line["payout"] for line in lines)
    parts = sum_of(credit.part for credit in (*statement.credited, *(found.credit for found in statement.exclusions)))
    adjusted = sum_of(line["payout"] for line in lines if line["kind"] != "credit")
    by_credit = sum_of(line["payout"] for line in lines if line["kind"] == "credit")
    return [
        {
            "check": "the lines add up to the payout",
            "left": paid,
            "right": statement.payout,
            "holds": paid == statement.payout,
        },
        {
            "check": "credited and excluded add up to what was given",
            "left": parts,
            "right": given,
            "holds": parts == given,
        },
        {
            "check": "earnings with caps and floors add up to the payout",
            "left": by_credit + adjusted,
            "right": statement.payout,
            "holds": by_credit + adjusted == statement.payout,
        },
    ]


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


def _bands(found: Earned) -> list[dict[str, Any]]:
    """The component's table with what fell into each band, and the leap at its start where there is one."""
    tiers, component = found.tiers, found.component
    with localcontext(EXACT):
        reached = tiers.reached(found.measured)
        amounts: dict[int, Decimal] = {}
        earned: dict[int, Decimal] = {}
        for line in found.lines:
            # The window decides which table was in force: the period's total, or the credit by itself.
            steps = tiers.in_force(found.measured if component.window == "period" else line.measured)
            by_start = {step.start: step.band for step in steps}
            for piece in line.slices:
                index = by_start[piece.start]
                amounts[index] = amounts.get(index, ZERO) + piece.amount
                earned[index] = earned.get(index, ZERO) + piece.earned + piece.flat
        return [
            {
                "component": component.id,
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

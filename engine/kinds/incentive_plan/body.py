"""The compiled plan: facts in, statement out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from typing import Any

from engine.decision import Explanation
from engine.kinds.incentive_plan.calculate import calculate
from engine.kinds.incentive_plan.crediting import Credit, part_of, sort_credits
from engine.kinds.incentive_plan.description import describe
from engine.kinds.incentive_plan.explanation import explain
from engine.kinds.incentive_plan.outcome import Statement, outcome_of, sum_of
from engine.kinds.incentive_plan.plan import PERIOD_MONTHS, Condition, Plan
from engine.kinds.incentive_plan.read import Conditions
from engine.kinds.rounding import EXACT, LARGEST_AMOUNT, is_payable
from engine.problems import Place, Problem, Report
from engine.rulefile.kind import Outcome, Section


@dataclass(frozen=True, slots=True)
class IncentivePlanBody:
    """A checked plan that decides. Immutable and safe to share between threads."""

    plan: Plan
    conditions: Conditions
    zone: tzinfo
    warnings: tuple[Problem, ...]
    hints: tuple[Problem, ...] = ()

    @property
    def rule_ids(self) -> tuple[str, ...]:
        """Components, kickers, caps and floors: what can stand in the reasons."""
        found: list[str] = []
        for component in self.plan.components:
            found += [component.id, *(kicker.condition.id for kicker in component.kickers)]
            found += [limit.id for limit in (*component.caps, *component.floors)]
        return (*found, *(limit.id for limit in (*self.plan.caps, *self.plan.floors)))

    def describe(self) -> tuple[Section, ...]:
        """Who is credited, what each component pays, limits, quota."""
        return describe(self.plan)

    def decide(self, facts: Mapping[str, Any], *, at: datetime, as_of: datetime) -> Outcome:  # noqa: ARG002  # one rule set, one answer
        """The statement for one payee and period.

        Raises `InvalidError`: another currency or period than the plan's, amounts finer than the currency, a credit
        given twice.
        """
        _check(self.plan, facts)
        outer = {name: value for name, value in facts.items() if name != "credits"}
        period = facts["period"]
        deals = tuple(self._credit(index, given, facts, outer, at) for index, given in enumerate(facts["credits"]))
        credited, exclusions = sort_credits(self.plan, deals, (period["from"], period["to"]))
        quota = _quota(self.plan, facts)
        totals = _totals(credited, quota)

        def seen_by(credit: Credit, *, with_totals: bool) -> dict[str, Any]:
            return {**outer, **facts["credits"][credit.position], **(totals if with_totals else {})}

        def kicker_bits(credit: Credit) -> int:
            compiled = self.conditions.on_kicker
            return compiled.evaluate(seen_by(credit, with_totals=True), at=at, zone=self.zone).rules

        held = quota is None and self.plan.needs_quota and self.plan.quota.rate_without is None
        result = None if held else calculate(self.plan, credited, quota, kicker_bits)
        statement = Statement(self.plan, deals, credited, exclusions, quota, result)

        def on_credit(condition: Condition, credit: Credit) -> tuple[str, Mapping[str, Any]]:
            seen = seen_by(credit, with_totals=False)
            failed = self.conditions.on_credit.why_not(condition.id, seen, at=at, zone=self.zone)
            return (failed.text, dict(failed.seen)) if failed is not None else (condition.text, {})

        def on_kicker(condition: Condition, credit: Credit) -> tuple[str, Mapping[str, Any]]:
            seen = seen_by(credit, with_totals=True)
            failed = self.conditions.on_kicker.why_not(condition.id, seen, at=at, zone=self.zone)
            return (failed.text, dict(failed.seen)) if failed is not None else (condition.text, {})

        def texts() -> Explanation:
            return explain(statement, on_credit, on_kicker)

        return Outcome(outcome_of(statement), self._missing(facts, quota), texts)

    def _credit(
        self, position: int, given: Mapping[str, Any], facts: Mapping[str, Any], outer: Mapping[str, Any], at: datetime
    ) -> Credit:
        bits = self.conditions.on_credit.evaluate({**outer, **given}, at=at, zone=self.zone).rules
        with localcontext(EXACT):
            share, part, fault = part_of(given, facts["payee"], self.plan)
        return Credit(
            position=position,
            id=given["id"],
            name=given.get("name") or given["id"],
            amount=given["amount"],
            closed_on=given.get("closed_on"),
            share=share,
            part=part,
            bits=bits,
            split_fault=fault,
        )

    def _missing(self, facts: Mapping[str, Any], quota: Decimal | None) -> tuple[str, ...]:
        """Optional facts that a condition reads and that are absent, of the payee or of any credit; and the quota."""
        found = []
        for path in self.conditions.reads:
            name = path.split(".")[0]
            if name in ("credited", "deals", "attainment") or facts.get(name) is not None:
                continue
            if any(credit.get(name) is None for credit in facts["credits"]):
                found.append(path if name in ("quota", "role", "payee_name") else f"credits.{path}")
        if quota is None and self.plan.needs_quota and "quota" not in found:
            found.append("quota")
        return tuple(sorted(found))


def _quota(plan: Plan, facts: Mapping[str, Any]) -> Decimal | None:
    """The payee's own quota, else the plan's; a quota of zero is none, as attainment is undefined for it."""
    own = facts.get("quota")
    given = plan.quota.amount if own is None else own
    return given if given is not None and given > 0 else None


def _totals(credited: tuple[Credit, ...], quota: Decimal | None) -> dict[str, Any]:
    """What kickers may read. The attainment is cut to 34 digits, never rounded up: 99.99...% does not reach 100%."""
    total = sum_of(credit.part for credit in credited)
    found: dict[str, Any] = {"credited": total, "deals": Decimal(len(credited))}
    if quota is not None:
        found |= {"attainment": _DOWN.divide(total, quota), "quota": quota}
    return found


def _check(plan: Plan, facts: Mapping[str, Any]) -> None:
    """Refuse facts that the plan cannot be about, all faults at once."""
    report = Report()
    if facts["currency"] != plan.currency:
        message = f"the facts are in `{facts['currency']}`, the plan pays in `{plan.currency}`"
        report.add(
            "plan.currency", message, Place("facts", path="$.currency"), "amounts of two currencies are never added"
        )
    period = facts["period"]
    if _months_later(period["from"], PERIOD_MONTHS[plan.period]) != period["to"]:
        message = f"the plan is for a {plan.period}; from {period['from']} to before {period['to']} is none"
        report.add("plan.period", message, Place("facts", path="$.period"), "`to` is the first day after the period")
    seen: set[str] = set()
    for index, credit in enumerate(facts["credits"]):
        path = f"$.credits[{index}]"
        if credit["id"] in seen:
            report.add(
                "plan.duplicate_credit",
                f"the credit `{credit['id']}` is given twice",
                Place("facts", path=f"{path}.id"),
            )
        seen.add(credit["id"])
        _check_amount(plan, credit["amount"], f"{path}.amount", report)
    if (quota := facts.get("quota")) is not None:
        _check_amount(plan, quota, "$.quota", report)
    report.raise_if_any()


def _check_amount(plan: Plan, amount: Decimal, path: str, report: Report) -> None:
    """Money is whole minor units, and no larger than sums of it stay exact."""
    place = Place("facts", path=path)
    if abs(amount) > LARGEST_AMOUNT:
        report.add("facts.out_of_range", f"the amount is beyond {LARGEST_AMOUNT:,f} {plan.currency}", place)
    elif not is_payable(amount, plan.unit):
        message = f"`{str(amount)[:60]}` is finer than the smallest amount of {plan.currency}, {plan.unit:f}"
        report.add("plan.finer_than_currency", message, place, "give whole minor units")


def _months_later(day: date, months: int) -> date | None:
    """The same day of the month some months later, None where that month has none."""
    index = day.month - 1 + months
    try:
        return date(day.year + index // 12, index % 12 + 1, day.day)
    except ValueError:
        return None


_DOWN = Context(prec=34, rounding=ROUND_DOWN)

"""The plan in readable form: what the console and `rules show` print."""

from __future__ import annotations

from engine.kinds.incentive_plan import wording
from engine.kinds.incentive_plan.plan import Component, Limit, Plan
from engine.rulefile.kind import DescribedRow, Section

SPLITS = {
    "revenue": "Shares of a deal total exactly 100 %; leftover cents go by largest remainder.",
    "overlay": "Shares of a deal may total more than 100 %; each is credited by itself.",
}


def describe(plan: Plan) -> tuple[Section, ...]:
    """Sections: who is credited, each component, limits on the whole, quota."""
    eligible = tuple(DescribedRow(rule.id, (rule.text,), rule.because) for rule in plan.eligible)
    note = f"A deal of the {plan.period} counts when all of these hold. {SPLITS[plan.splits]}"
    sections = [Section("Which deals count", note, ("Condition",), eligible)]
    sections += [_component(component, plan) for component in plan.components]
    limits = _limit_rows(plan.caps, "at most", plan) + _limit_rows(plan.floors, "at least", plan)
    if limits:
        sections.append(
            Section("Limits on the payout", "Applied last, to the sum of all components.", ("Limit",), limits)
        )
    sections.append(_quota(plan))
    return tuple(sections)


def _component(component: Component, plan: Plan) -> Section:
    what = "credited amounts" if component.measure == "amount" else "the number of deals"
    which = f"deals with {component.condition.text}" if component.condition is not None else "every credited deal"
    window = "" if component.window == "period" else " Each deal is measured by itself."
    note = f"{component.because}. Measures {what} of {which}.{window}"
    rows = []
    for index, band in enumerate(component.tiers.bands):
        flat = f" and {wording.money(band.flat, plan)} once" if band.flat else ""
        scope = "everything" if band.to_all else "what lies in the band"
        rows.append(
            DescribedRow(
                f"{component.id}.band.{index + 1}",
                (
                    f"from {wording.start(band, component, plan)}",
                    f"{wording.rate(band.rate, component, plan)}{flat} on {scope}",
                ),
                band.because,
            )
        )
    rows += [
        DescribedRow(
            kicker.condition.id,
            (f"when {kicker.condition.text}", f"times {wording.trimmed(kicker.factor):f}"),
            kicker.condition.because,
        )
        for kicker in component.kickers
    ]
    for row in _limit_rows(component.caps, "at most", plan) + _limit_rows(component.floors, "at least", plan):
        rows.append(DescribedRow(row.id, ("limit", *row.cells), row.because))
    return Section(f"Component {component.id}", note, ("Where", "Pays"), tuple(rows))


def _limit_rows(limits: tuple[Limit, ...], words: str, plan: Plan) -> tuple[DescribedRow, ...]:
    return tuple(DescribedRow(limit.id, (f"{words} {wording.limit(limit, plan)}",), limit.because) for limit in limits)


def _quota(plan: Plan) -> Section:
    quota = plan.quota
    rows = [DescribedRow("quota", ("the payee's own quota, where one is set",))]
    if quota.amount is not None:
        rows.append(DescribedRow("quota", (f"otherwise {wording.money(quota.amount, plan)} a {plan.period}",)))
    if plan.needs_quota:
        without = (
            "the statement is held until a quota is set"
            if quota.rate_without is None
            else f"{wording.percent(quota.rate_without)} on everything"
        )
        rows.append(DescribedRow("quota", (f"without any quota: {without}",), quota.because))
    rounding = "half away from zero" if plan.rounding == "half_up" else "half to even"
    note = f"Paid in {plan.currency}, rounded once a payout line to {plan.unit:f}, {rounding}."
    return Section("Quota and rounding", note, ("Quota",), tuple(rows))

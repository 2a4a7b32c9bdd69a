"""Reasons whose contributions add up to the payout, and for what did not pay: why not, and how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal, localcontext
from typing import Any

from engine.decision import Explanation, Reason, WhyNot
from engine.kinds.incentive_plan import wording
from engine.kinds.incentive_plan.calculate import Adjustment, Earned, meets
from engine.kinds.incentive_plan.crediting import Credit
from engine.kinds.incentive_plan.outcome import Statement
from engine.kinds.incentive_plan.plan import Component, Condition, Plan
from engine.kinds.rounding import EXACT

FirstFailure = Callable[[Condition, Credit], tuple[str, Mapping[str, Any]]]
"""The text of the first part of a condition that is not true for a credit, and the values it saw."""


def explain(statement: Statement, on_credit: FirstFailure, on_kicker: FirstFailure) -> Explanation:
    """One reason a component, kicker, cap and floor that did something; why-not for the rest and for the next band."""
    plan, result = statement.plan, statement.result
    if result is None:
        condition = "the payee has a quota above zero"
        held = WhyNot("quota", "Held until a quota is set", condition, {"quota": None})
        return Explanation.of([], [held])
    reasons: list[Reason] = []
    why_not = list(_not_credited(statement, on_credit))
    with localcontext(EXACT):
        for found in result.earned:
            _explain_component(found, statement, reasons, why_not, on_credit=on_credit, on_kicker=on_kicker)
        reasons += [_adjusted(made, plan) for made in result.adjustments]
    return Explanation.of(reasons, why_not)


def _explain_component(
    found: Earned,
    statement: Statement,
    reasons: list[Reason],
    why_not: list[WhyNot],
    *,
    on_credit: FirstFailure,
    on_kicker: FirstFailure,
) -> None:
    component, plan = found.component, statement.plan
    if found.lines:
        detail: dict[str, Any] = {
            "measured": wording.measure(found.measured, component, plan),
            "bands": _band_sentences(found, plan),
        }
        reasons.append(Reason(component.id, component.because, found.by_rate, detail))
    else:
        why_not.append(_no_credit(component, statement, on_credit))
    for kicker, added in zip(component.kickers, found.kicked, strict=True):
        applied = [line.credit.id for line in found.lines if kicker in line.kickers]
        if applied:
            effect = {"factor": kicker.factor, "credits": applied}
            reasons.append(Reason(kicker.condition.id, kicker.condition.because, added, effect))
            continue
        text, seen = (
            _no_kick(kicker.condition) if not found.lines else on_kicker(kicker.condition, found.lines[0].credit)
        )
        why_not.append(WhyNot(kicker.condition.id, kicker.condition.because, text, seen))
    reasons += _by_limit(found.adjustments, plan)
    if (following := _next_band(found, plan)) is not None:
        why_not.append(following)


def _not_credited(statement: Statement, on_credit: FirstFailure) -> Iterator[WhyNot]:
    """For each crediting rule that kept deals out: what was not true of the first of them, and how many they are."""
    for condition in statement.plan.eligible:
        kept_out = [exclusion.credit for exclusion in statement.exclusions if exclusion.rule == condition.id]
        if kept_out:
            text, seen = on_credit(condition, kept_out[0])
            shown = {"credit": kept_out[0].id, **seen, "kept_out": Decimal(len(kept_out))}
            yield WhyNot(condition.id, condition.because, text, shown)


def _no_kick(condition: Condition) -> tuple[str, Mapping[str, Any]]:
    """Where the component has no deal that the condition could be looked at for."""
    return condition.text, {"deals": Decimal(0)}


def _no_credit(component: Component, statement: Statement, on_credit: FirstFailure) -> WhyNot:
    if component.condition is None or not statement.credited:
        return WhyNot(
            component.id, component.because, "a deal is credited", {"deals": Decimal(len(statement.credited))}
        )
    first = next(credit for credit in statement.credited if not meets(component.condition, credit.bits))
    text, seen = on_credit(component.condition, first)
    return WhyNot(component.id, component.because, text, {"credit": first.id, **seen})


def _next_band(found: Earned, plan: Plan) -> WhyNot | None:
    """`12,345.00 USD more reaches 8%`; none in the top band, or where every credit is measured by itself."""
    component, tiers = found.component, found.tiers
    index = tiers.reached(found.measured) + 1
    if index >= len(tiers.bands) or component.window == "credit":
        return None
    band = tiers.bands[index]
    lacking = band.start - found.measured
    more = wording.distance(lacking, component, plan)
    reached = wording.rate(band.rate, component, plan)
    if band.flat:
        reached += f" and {wording.money(band.flat, plan)}"
    verb = "reaches" if tiers.at_boundary == "upper" else "is the line above which it is"
    scope = "on everything" if band.to_all else "on what follows"
    because = band.because or f"{reached} {scope}"
    seen: dict[str, Any] = {"measured": found.measured, "starts_at": band.start, "lacking": lacking}
    return WhyNot(f"{component.id}.band.{index + 1}", because, f"{more} more {verb} {reached}", seen)


def _band_sentences(found: Earned, plan: Plan) -> list[str]:
    """What fell into each band, as a calculation one can follow with a pencil."""
    component = found.component
    sums: dict[tuple[Decimal, Decimal | None, Decimal], tuple[Decimal, Decimal]] = {}
    for line in found.lines:
        for piece in line.slices:
            key = (piece.start, piece.to, piece.rate)
            amount, flat = sums.get(key, (Decimal(0), Decimal(0)))
            sums[key] = (amount + piece.amount, flat + piece.flat)
    sentences = []
    for (_, _, rate), (amount, flat) in sorted(sums.items(), key=lambda item: item[0][0]):
        text = f"{wording.measure(amount, component, plan)} at {wording.rate(rate, component, plan)}"
        text += f" = {wording.money(amount * rate, plan)}"
        sentences.append(text + (f", and {wording.money(flat, plan)} for entering the band" if flat else ""))
    return sentences


def _by_limit(adjustments: tuple[Adjustment, ...], plan: Plan) -> list[Reason]:
    """One reason a limit: a cap per credit may have acted on many lines."""
    by_rule: dict[str, list[Adjustment]] = {}
    for made in adjustments:
        by_rule.setdefault(made.limit.id, []).append(made)
    found = []
    for group in by_rule.values():
        first = group[0]
        if len(group) == 1:
            found.append(_adjusted(first, plan))
            continue
        detail = {
            "limit": wording.limit(first.limit, plan),
            "credits": [made.credit.id for made in group if made.credit is not None],
        }
        found.append(
            Reason(first.limit.id, first.limit.because, sum((made.change for made in group), Decimal(0)), detail)
        )
    return found


def _adjusted(made: Adjustment, plan: Plan) -> Reason:
    detail: dict[str, Any] = {"limit": wording.limit(made.limit, plan), "before": made.before}
    if made.credit is not None:
        detail["credit"] = made.credit.id
    return Reason(made.limit.id, made.limit.because, made.change, detail)

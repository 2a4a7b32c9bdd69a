"""The kind `incentive-plan`: what a payee earns in a period, exact to the cent, every step explained."""

from __future__ import annotations

from engine.kinds.incentive_plan.body import IncentivePlanBody
from engine.kinds.incentive_plan.read import read_plan
from engine.rulefile.kind import Draft, Kind


def build(draft: Draft) -> IncentivePlanBody:
    """The body of a plan file. Raises `InvalidError` with everything that is wrong in it."""
    plan, conditions, warnings = read_plan(draft)
    return IncentivePlanBody(plan, conditions, draft.zone, warnings)


KIND = Kind("incentive-plan", "rules/incentive-plan.schema.json", build)

"""Incentives: starting a run for a plan and a period, and reading its statements."""

from __future__ import annotations

from engine import exact_json
from engine.caller import Caller
from engine.ports import Ports
from engine.records import Record
from engine.service.auditing import Attempt, audited
from engine.service.incentive_run import INCENTIVE_PLAN, first_instant, plan_version
from engine.service.jobs import start_job
from engine.service.periods import Period, parse_period, quarter_before
from engine.service.records import get_record

__all__ = ["Period", "parse_period", "plan_name", "quarter_before", "start_run", "statement"]


def plan_name(plan: str) -> str:
    """The rule set's whole name: `sales-commission` is `incentive-plan/sales-commission`."""
    return plan if "/" in plan else f"{INCENTIVE_PLAN}/{plan}"


def start_run(ports: Ports, caller: Caller, plan: str, period: str) -> Record:
    """Start the job that writes the period's statements: the plan in force on its first day, all known as of now.

    It covers the payees whose statements the caller may write. Raises `InvalidError` for a malformed period or a rule
    set that is no plan, `NotFoundError` for an unknown one, `DeniedError`.
    """
    name = plan_name(plan)
    with audited(ports, caller, [Attempt("start", "job", "incentive-run")]):
        wanted = parse_period(period)
        version = plan_version(ports, caller, name, wanted, as_of=caller.now)
    parameters = {
        "plan": name,
        "period": wanted.label,
        "at": exact_json.instant_text(first_instant(wanted, version)),
        "as_of": exact_json.instant_text(caller.now),
    }
    return start_job(ports, caller, "incentive-run", f"{version.rule_set.title}, {wanted.label}", parameters)


def statement(ports: Ports, caller: Caller, statement_id: str) -> Record:
    """A statement; its `decision` holds the whole derivation. Raises `NotFoundError`."""
    return get_record(ports, caller, "statement", statement_id)

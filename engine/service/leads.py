"""Leads: why a lead scores what it scores, scoring one now, and scoring all of them in the background."""

from __future__ import annotations

from datetime import datetime

from engine import exact_json
from engine.caller import Caller
from engine.decision import Decision
from engine.ports import Ports
from engine.records import Record
from engine.service.auditing import Attempt, accepted, audited
from engine.service.jobs import start_job
from engine.service.records import get_record, read_for_write
from engine.service.scoring import Scorer, score, store_scored


def explain_lead(
    ports: Ports, caller: Caller, lead_id: str, *, at: datetime, as_of: datetime, rule_set: str | None = None
) -> Decision:
    """The decision about a lead, computed anew; the lead's record holds what was stored. Changes nothing.

    Without a `rule_set` the one in force that reads the lead's facts decides. Raises `NotFoundError` for a lead that
    the caller may not read and when no rule set applies, `InvalidError` when the facts do not fit.
    """
    lead = get_record(ports, caller, "lead", lead_id)
    return Scorer.prepare(ports, caller, at=at, as_of=as_of, rule_set=rule_set).decide(lead)


def score_lead(
    ports: Ports, caller: Caller, lead_id: str, *, rule_set: str | None = None, revision: int | None = None
) -> Record:
    """Score one lead now and store the outcome with its decision.

    Raises as `update_record` does, and what `explain_lead` raises when there is no decision.
    """
    attempt = [Attempt("score", "lead", lead_id)]
    with audited(ports, caller, attempt):
        scorer = Scorer.prepare(ports, caller, at=caller.now, as_of=caller.now, rule_set=rule_set)
        with ports.store.transaction() as transaction:
            lead = read_for_write(ports, caller, transaction, "lead", lead_id, revision=revision, attempt=attempt)
            scored = score(scorer, lead, f"decision-{ports.new_id()}", caller.now)
            if scored.error is not None:
                raise scored.error
            if not scored.changed:
                return lead
            stored = store_scored(caller, transaction, scored)
            decision = scored.decision
            assert decision is not None
            transaction.append_audit(
                accepted(
                    caller,
                    "score",
                    before=lead,
                    after=stored,
                    rule_set=decision.rule_set,
                    rule_version=decision.version,
                )
            )
            return stored


def start_scoring(ports: Ports, caller: Caller, rule_set: str | None = None) -> Record:
    """Start the job that scores every lead the caller may write; at and as of now, however long it takes."""
    with audited(ports, caller, [Attempt("start", "job", "score-leads")]):
        Scorer.prepare(ports, caller, at=caller.now, as_of=caller.now, rule_set=rule_set)  # refuse a wrong name at once
    now = exact_json.instant_text(caller.now)
    parameters = {"at": now, "as_of": now} | ({"rule_set": rule_set} if rule_set else {})
    title = f"Score all leads with {rule_set}" if rule_set else "Score all leads"
    return start_job(ports, caller, "score-leads", title, parameters)

"""Deciding: about one, about many, about a lead as it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response

from engine.decision import Decision
from engine.nearest_change import NearestChange
from engine.problems import BylawError
from engine.service import conflicts, evaluate, leads
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.context import ports
from webapp.problems import document, status_of


def one(asked: Asked) -> Response:
    """One decision; the same bytes as `bylaw evaluate --json` prints."""
    body, now = asked.body, asked.caller.now
    when = {"at": body["at"] or now, "as_of": body["as_of"] or now, "version": body["version"]}
    change = None
    if body["nearest"] is not None:  # first, so that a question that is refused keeps no receipt
        change = evaluate.nearest_change(
            ports(), asked.caller, rule_set_name(asked), body["facts"], **when, **body["nearest"]
        )
    decision = evaluate.evaluate(
        ports(),
        asked.caller,
        rule_set_name(asked),
        body["facts"],
        **when,
        record=body["record"],
    )
    return decision_answer(decision, explain=body["explain"], change=change)


def many(asked: Asked) -> Response:
    """A decision or a problem for each of the given facts, in their order."""
    body, now = asked.body, asked.caller.now
    decided = evaluate.evaluate_many(
        ports(),
        asked.caller,
        rule_set_name(asked),
        body["facts"],
        at=body["at"] or now,
        as_of=body["as_of"] or now,
        version=body["version"],
    )
    results = [_result(found, explain=body["explain"]) for found in decided]
    failed = sum(isinstance(found, BylawError) for found in decided)
    return answers.json({"results": results, "decided": len(decided) - failed, "failed": failed})


def lead(asked: Asked) -> Response:
    """Why a lead has its priority, computed anew."""
    return _explained(asked, leads.explain_lead)


def conflict(asked: Asked) -> Response:
    """What the rules would make of a conflict; nothing is changed."""
    return _explained(asked, conflicts.explain_conflict)


def _explained(asked: Asked, explain: Callable[..., Decision]) -> Response:
    query, now = asked.query, asked.caller.now
    when = {"at": query["at"] or now, "as_of": query["as_of"] or now}
    return decision_answer(explain(ports(), asked.caller, asked.path["id"], **when, rule_set=query["rule_set"]))


def decision_answer(decision: Decision, *, explain: bool = True, change: NearestChange | None = None) -> Response:
    """The decision's document, with the nearest change where it was asked for."""
    if change is None:
        return answers.written(decision.canonical(explain=explain))
    return answers.json(decision.to_json(explain=explain) | {"nearest": change.to_json()})


def rule_set_name(asked: Asked) -> str:
    """`lead-priority/inbound` from the address."""
    return f"{asked.path['kind']}/{asked.path['name']}"


def _result(found: Decision | BylawError, *, explain: bool) -> dict[str, Any]:
    if isinstance(found, BylawError):
        return {"problem": document(status_of(found), found.problems)}
    return {"decision": found.to_json(explain=explain)}

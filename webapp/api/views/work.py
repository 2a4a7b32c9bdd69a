"""What is set in motion: jobs started and cancelled, conflicts resolved; and who is asking."""

from __future__ import annotations

from flask import Response

from engine.problems import Place, Report
from engine.records import Record
from engine.service import conflicts, incentives, jobs, leads
from webapp import bearer
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.context import ports, surroundings
from webapp.identity import csrf_token

TAKES = {"score-leads": ("rule_set",), "incentive-run": ("plan", "period")}
"""Which members go with which kind of job."""


def start_job(asked: Asked) -> Response:
    """Start a job and hand it to the workers; if the queue is away, it is delivered as soon as it is back."""
    job = _start(asked)
    jobs.deliver_pending(ports())
    return answers.one(job, 202, {"Location": f"/api/v1/jobs/{job.id}"})


def _start(asked: Asked) -> Record:
    body, kind = asked.body, asked.body["kind"]
    report = Report()
    for name in ("rule_set", "plan", "period"):
        place = Place("body", path=f"$.{name}")
        if name not in TAKES[kind] and body[name] is not None:
            report.add("field.not_settable", f"`{name}` says nothing to a job of kind `{kind}`", place)
    if kind == "score-leads":
        report.raise_if_any()
        return leads.start_scoring(ports(), asked.caller, body["rule_set"])
    for name in TAKES[kind]:
        if body[name] is None:
            report.add(
                "field.missing", f"`{name}` is required for a job of kind `{kind}`", Place("body", path=f"$.{name}")
            )
    report.raise_if_any()
    return incentives.start_run(ports(), asked.caller, body["plan"], body["period"])


def cancel_job(asked: Asked) -> Response:
    """Cancel a job: at once if it waits, after its present chunk if it runs."""
    return answers.one(jobs.cancel_job(ports(), asked.caller, asked.path["id"]))


def resolve_conflict(asked: Asked) -> Response:
    """Let the rules settle a conflict, as its preview shows; what they leave to a person is chosen in the body."""
    settled = conflicts.resolve_conflict(
        ports(),
        asked.caller,
        asked.path["id"],
        revision=asked.revision,
        choices=asked.body["choices"],
        reason=asked.body["reason"],
    )
    return answers.one(settled)


def me(asked: Asked) -> Response:
    """Who is asking, and how that is known."""
    actor = asked.caller.actor
    value = {
        "id": actor.id, "name": actor.name, "role": actor.role, "organisation_id": actor.organisation_id,
        "region_id": actor.region_id or None, "branch_id": actor.branch_id or None, "team_id": actor.team_id or None,
        "territory_ids": list(actor.territory_ids),
        "signed_in_with": bearer.kind() if bearer.presented() else "session",
        "scopes": None if actor.scopes is None else sorted(actor.scopes),
    }  # fmt: skip
    if not bearer.presented():
        value["csrf_token"] = csrf_token()
    return answers.json(value)


def openapi(_asked: Asked) -> Response:
    """The document that describes all this."""
    return Response(surroundings().document_bytes, mimetype="application/json")

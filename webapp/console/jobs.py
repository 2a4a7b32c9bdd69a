"""Long work: starting it, watching it, stopping it. The page of a job follows it by asking once a second."""

from __future__ import annotations

from flask import Response, make_response, render_template, request

from engine.ports import Sort
from engine.problems import BylawError, Problem
from engine.records import Record
from engine.service import incentives, records, rulesets
from engine.service import jobs as job_cases
from engine.service import leads as lead_cases
from engine.service.actions import START
from engine.service.auditing import place_of
from webapp import identity
from webapp.console.frame import Route, api, asked_by_htmx, caller, link, page, ports, see_other
from webapp.console.listing import asked, equal, listing, person_names

STOP_POLLING = 286
"""htmx's own status: swap this answer and ask no more."""

ENDED = frozenset({"succeeded", "failed", "cancelled"})
STATES = ("queued", "running", "succeeded", "failed", "cancelled")


def jobs() -> Response:
    """The list, with the forms that start a job for those who may."""
    return _jobs_page()


def start() -> Response:
    """Start a rescoring or an incentive run and go to its page."""
    try:
        job = _start(request.form.get("kind", ""))
    except BylawError as error:
        if not error.problems or not _may_start():
            raise
        return _jobs_page(problems=error.problems, status=422)
    job_cases.deliver_pending(ports())
    return see_other("job", record_id=job.id, done="started")


def job(record_id: str) -> Response:
    """One job. A question from the page itself gets only the part that changes, and 286 once nothing will change."""
    record = records.get_record(ports(), caller(), "job", record_id)
    shown = {
        "job": record,
        "ended": record["state"] in ENDED,
        "percent": percent(record),
        "may_cancel": record["state"] not in ENDED and records.may_write(ports(), caller(), record),
        "starter": person_names().get(record["actor_id"], record["actor_id"]),
    }
    if asked_by_htmx():
        body = render_template("parts/job_progress.html", csrf_token=identity.csrf_token(), **shown)
        return make_response(body, STOP_POLLING if shown["ended"] else 200)
    return page(
        "job.html",
        section="jobs",
        title=record["title"],
        crumbs=(("Jobs", link("jobs")),),
        json_url=api(f"jobs/{record.id}"),
        of_record=record,
        **shown,
    )


def cancel(record_id: str) -> Response:
    """Stop a job between two chunks; what is done stays done."""
    job_cases.cancel_job(ports(), caller(), record_id)
    return see_other("job", record_id=record_id, done="cancelled")


def percent(record: Record) -> int | None:
    """How much is done, 0 to 100, or None while the total is not known."""
    total = record["total"]
    return min(100, (record["done"] or 0) * 100 // total) if total else None


def _start(kind: str) -> Record:
    if kind == "incentive-run":
        plan, period = request.form.get("plan", "")[:200], request.form.get("period", "").strip()[:40]
        return incentives.start_run(ports(), caller(), plan, period)
    if kind == "score-leads":
        return lead_cases.start_scoring(ports(), caller(), request.form.get("rule_set", "")[:200] or None)
    return job_cases.start_job(ports(), caller(), kind[:60], kind[:60], {})


def _may_start() -> bool:
    """Whether a job of this person, where this person stands, is allowed: the policies say, as they will later."""
    actor = caller().actor
    fields = {**place_of(None, caller()), "actor_id": actor.id, "kind": "score-leads"}
    draft = Record("job", "job-draft", actor.organisation_id, fields)
    return ports().authorizer.allows(actor, START, draft)


def _jobs_page(problems: tuple[Problem, ...] = (), status: int = 200) -> Response:
    state, kind = asked("state"), asked("kind")
    filters = {"state": state, "kind": kind}
    summaries = rulesets.list_rule_sets(ports(), caller(), at=caller().now)
    return page(
        "jobs.html",
        section="jobs",
        title="Jobs",
        json_url=api("jobs", state=state, kind=kind),
        status=status,
        problems=problems,
        listing=listing(
            "jobs",
            "job",
            equal("state", state),
            equal("kind", kind),
            sort=(Sort("created_at", descending=True),),
            filters=filters,
        ),
        states=STATES,
        filters=filters,
        names=person_names(),
        percent=percent,
        may_start=_may_start(),
        priorities=[one for one in summaries if one.kind == "lead-priority"],
        plans=[one for one in summaries if one.kind == "incentive-plan"],
        period=request.form.get("period", "") or incentives.quarter_before(caller().now.date()).label,
        chosen_plan=request.form.get("plan", ""),
    )


ROUTES = (
    Route("/jobs", "jobs", jobs, asks=("read:job", "read:person", "read:rule_version", "start:job")),
    Route("/jobs", "start_job", start, methods=("POST",), asks=("start:job", "read:rule_version")),
    Route("/jobs/<record_id>", "job", job, asks=("read:job", "read:person", "write:job")),
    Route("/jobs/<record_id>/cancel", "cancel_job", cancel, methods=("POST",), asks=("read:job", "write:job")),
)

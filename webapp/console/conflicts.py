"""Edits that met in sync: both sides, what the rule makes of them as a dry run, and carrying that out."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from flask import Response, request

from engine.decision import Decision
from engine.ports import Sort
from engine.problems import BylawError, ConflictError, InvalidError, Problem, StaleError
from engine.records import Record
from engine.records import record_type as type_of
from engine.service import conflicts as conflict_cases
from engine.service import records
from engine.service.auditing import LONGEST_REASON
from webapp.console.audit import record_address
from webapp.console.documents import StoredDecision, stored_decision
from webapp.console.frame import Route, api, caller, link, page, ports, see_other
from webapp.console.listing import asked, equal, listing, person_names

OPEN = "open"
STATES = ("open", "resolved")
CHOICE = "choice."
"""Form fields with this prefix say whose value stands for a field that the rules leave to a person."""


def conflicts() -> Response:
    """The list, open ones unless another state is asked for."""
    state = asked("state")
    tally = records.tally_records(ports(), caller(), "conflict", "state")
    return page(
        "conflicts.html",
        section="conflicts",
        title="Conflicts",
        json_url=api("conflicts", state=state),
        listing=listing(
            "conflicts", "conflict", equal("state", state), sort=(Sort("found_at", descending=True),),
            filters={"state": state},
        ),
        states=[(name, tally.get(name, 0)) for name in STATES],
        all_count=sum(tally.values()),
        state=state,
        names=person_names(),
    )  # fmt: skip


def conflict(record_id: str) -> Response:
    """One conflict: every field's two edits and what it was before, the outcome, and the rule that decided."""
    return _conflict_page(records.get_record(ports(), caller(), "conflict", record_id))


def resolve(record_id: str) -> Response:
    """Do what the dry run shows, if the conflict is still the one that was shown."""
    given = request.form.get("revision", "")
    if not (given.isascii() and given.isdigit() and len(given) <= 12):
        raise InvalidError(Problem("request.bad_parameter", "the form does not say which revision it was made from"))
    choices = {
        name.removeprefix(CHOICE): side for name, side in request.form.items() if name.startswith(CHOICE) and side
    }
    reason = request.form.get("reason", "")
    try:
        conflict_cases.resolve_conflict(
            ports(),
            caller(),
            record_id,
            revision=int(given),
            choices=choices,
            reason=reason if reason.strip() else None,
        )
    except (ConflictError, StaleError, InvalidError) as error:
        record = records.get_record(ports(), caller(), "conflict", record_id)
        status = 422 if isinstance(error, InvalidError) else 409
        return _conflict_page(record, problems=error.problems, status=status, choices=choices, reason=reason)
    return see_other("conflict", record_id=record_id)


def _conflict_page(
    record: Record,
    problems: tuple[Problem, ...] = (),
    status: int = 200,
    choices: Mapping[str, str] = MappingProxyType({}),
    reason: str = "",
) -> Response:
    is_open = record["state"] == OPEN
    decision, refused = _decision(record)
    # What was carried out, choices included; for an open conflict what the rules would make of it.
    outcome = (record["outcome"] if not is_open else None) or (decision.outcome if decision else {})
    return page(
        "conflict.html",
        section="conflicts",
        title=record["record_name"] or record["record_id"],
        crumbs=(("Conflicts", link("conflicts")),),
        json_url=api(f"conflicts/{record.id}"),
        of_record=record,
        status=status,
        conflict=record,
        is_open=is_open,
        decision=decision,
        fields=[field for field in outcome.get("fields", ()) if _touched(field)],
        untouched=[field for field in outcome.get("fields", ()) if not _touched(field)],
        needs_person=outcome.get("needs_person", False),
        choices=choices,
        reason=reason or outcome.get("reason", ""),
        longest_reason=LONGEST_REASON,
        rewrites=not type_of(record["record_type"]).append_only,
        problems=problems or refused,
        may_resolve=is_open and records.may_write(ports(), caller(), record),
        address=record_address(record["record_type"], record["record_id"]),
        owner=person_names().get(record["owner_id"], record["owner_id"]),
    )


def _touched(field: Mapping[str, Any]) -> bool:
    """Whether at least one side changed it, or a person has to look at it."""
    return bool(field["winner"] != "unchanged" or field["client"] != field["base"] or field["server"] != field["base"])


def _decision(record: Record) -> tuple[Decision | StoredDecision | None, tuple[Problem, ...]]:
    """The stored decision of a resolved conflict; for an open one a dry run by the rules of now."""
    if record["state"] != OPEN and record["decision"]:
        return stored_decision(record["decision"]), ()
    now = caller().now
    try:
        return conflict_cases.explain_conflict(ports(), caller(), record.id, at=now, as_of=now), ()
    except BylawError as error:
        return None, error.problems


ROUTES = (
    Route("/conflicts", "conflicts", conflicts, asks=("read:conflict", "read:person")),
    Route(
        "/conflicts/<record_id>",
        "conflict",
        conflict,
        asks=("read:conflict", "write:conflict", "read:person", "read:rule_version"),
    ),
    Route(
        "/conflicts/<record_id>/resolution",
        "resolve_conflict",
        resolve,
        methods=("POST",),
        asks=("read:conflict", "write:conflict", "read:deal", "write:deal", "read:person", "read:rule_version"),
    ),
)

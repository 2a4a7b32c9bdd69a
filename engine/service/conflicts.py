"""Sync conflicts: what the rules make of them (a dry run), and carrying that out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from engine import exact_json
from engine.caller import Caller
from engine.decision import Decision
from engine.ports import Ports
from engine.problems import ConflictError, Problem, Report
from engine.records import Record
from engine.records import record_type as type_of
from engine.service.actions import READ
from engine.service.auditing import Attempt, accepted, audited
from engine.service.evaluate import evaluate
from engine.service.fields import read_fields
from engine.service.records import get_record, read_for_write, require_write

OPEN, RESOLVED = "open", "resolved"


def conflict_facts(conflict: Record) -> dict[str, Any]:
    """A stored conflict as the facts of a sync-conflict rule set."""
    return {
        "record_type": conflict["record_type"],
        "record_id": conflict["record_id"],
        "base": conflict["base"],
        "client": conflict["client"],
        "server": conflict["server"],
        "client_at": exact_json.instant_text(conflict["client_at"]),
        "server_at": exact_json.instant_text(conflict["server_at"]),
        "device_id": conflict["device_id"] or "unknown",
    }


def explain_conflict(
    ports: Ports, caller: Caller, conflict_id: str, *, at: datetime, as_of: datetime, rule_set: str | None = None
) -> Decision:
    """The dry run of a conflict with its own rule set or another: what would win, field by field. Changes nothing."""
    conflict = get_record(ports, caller, "conflict", conflict_id)
    return evaluate(ports, caller, rule_set or conflict["rule_set"], conflict_facts(conflict), at=at, as_of=as_of)


def explain_sync(
    ports: Ports,
    caller: Caller,
    rule_set: str,
    facts: Mapping[str, Any],
    *,
    at: datetime,
    as_of: datetime,
    version: int | None = None,
) -> Decision:
    """The dry run of a conflict that is given rather than stored: the same evaluation. Changes nothing."""
    return evaluate(ports, caller, rule_set, facts, at=at, as_of=as_of, version=version)


def resolve_conflict(ports: Ports, caller: Caller, conflict_id: str, *, revision: int) -> Record:
    """Decide an open conflict by its rule set and write the merged values into its record, both or neither.

    The overwritten values stay in the conflict and in the audit log. Raises as `update_record` does, for the conflict
    and for the record it is about, and `ConflictError`: `conflict.resolved`, or `conflict.needs_person` when the rules
    leave it to a person.
    """
    attempt = [Attempt("resolve", "conflict", conflict_id)]
    with audited(ports, caller, attempt):
        seen = get_record(ports, caller, "conflict", conflict_id)
        attempt[0] = replace(attempt[0], record=seen, rule_set=seen["rule_set"])
        decision = evaluate(ports, caller, seen["rule_set"], conflict_facts(seen), at=caller.now, as_of=caller.now)
        with ports.store.transaction() as transaction:
            conflict = read_for_write(
                ports, caller, transaction, "conflict", conflict_id, revision=revision, attempt=attempt
            )
            if conflict["state"] != OPEN:
                raise ConflictError(Problem("conflict.resolved", f"the conflict `{conflict_id}` is resolved already"))
            if decision.outcome["needs_person"]:
                raise ConflictError(
                    Problem(
                        "conflict.needs_person",
                        "the rules keep both values of a field, so a person has to choose",
                        help="change the record itself; the conflict shows both values",
                    )
                )
            readable = ports.authorizer.predicate(caller.actor, READ, conflict["record_type"])
            target = transaction.get(conflict["record_type"], conflict["record_id"], readable)
            require_write(ports, caller, target)
            # Evidence such as a check-in is never rewritten: its conflict closes with the decision beside it.
            merged = target if type_of(target.type).append_only else _merged(target, decision, caller)
            require_write(ports, caller, merged)
            entry = partial(accepted, caller, "resolve", rule_set=decision.rule_set, rule_version=decision.version)
            if merged.fields != target.fields:
                stored = transaction.update(merged)
                transaction.append_audit(entry(before=target, after=stored))
            resolved = transaction.update(
                conflict.with_fields(
                    state=RESOLVED,
                    outcome=exact_json.plain(decision.outcome),
                    decision=exact_json.plain(decision.to_json()),
                )
            )
            transaction.append_audit(entry(before=conflict, after=resolved))
            return resolved


def _merged(target: Record, decision: Decision, caller: Caller) -> Record:
    """The record with the winning values of the fields in conflict. Owner and place are no business of a device."""
    known = type_of(target.type)
    kept = {"owner_id", "territory_id", "team_id", "branch_id", "region_id"}
    names = tuple(one.name for one in known.fields if one.name not in kept)
    values = {name: value for name, value in decision.outcome["merged"].items() if name not in kept}
    report = Report()
    typed = read_fields(known, exact_json.plain(values), names, report, source="conflict")
    report.raise_if_any()
    changed = {name: value for name, value in typed.items() if target[name] != value}
    if changed and known.field("changed_at") is not None:
        changed["changed_at"] = caller.now
    return target.with_fields(**changed) if changed else target

"""Sync conflicts: what the rules make of them (a dry run), and carrying that out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from engine import exact_json
from engine.caller import Caller
from engine.decision import Decision
from engine.ports import Ports, Sort
from engine.predicate import Compare, Or
from engine.problems import ConflictError, InvalidError, Place, Problem, Report
from engine.records import Record
from engine.records import record_type as type_of
from engine.service.actions import READ
from engine.service.auditing import Attempt, accepted, audited, changes_between, kept_reason
from engine.service.evaluate import evaluate
from engine.service.fields import read_fields
from engine.service.records import get_record, list_records, read_for_write, require_write
from engine.service.rulesets import get_version
from engine.service.spelling import did_you_mean

SYNC_CONFLICT = "sync-conflict"
OPEN, RESOLVED = "open", "resolved"
OTHER_SIDE: Mapping[str, str] = MappingProxyType({"client": "server", "server": "client"})
"""The two sides a person can choose, and whose value then gives way."""

_NO_REASON = Problem(
    "audit.reason",
    "a choice where the rules keep both values needs a reason, which stays in the log",
    Place("body", path="$.reason"),
    "say why this side is right; name the case, and nobody",
)

WRITTEN = frozenset({"strategy", "choice", "only_client"})
"""How a field must have come out for its value to be written into the record."""


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


def find_conflict(ports: Ports, caller: Caller, name: str) -> Record:
    """A conflict by its id or by the id of the record it is about: people know `deal-981`, not the conflict's own id.

    A record may have met several conflicts: an open one wins, then the one found last. Raises `NotFoundError`.
    """
    about = Or((Compare("id", "=", name), Compare("record_id", "=", name)))
    found = list_records(ports, caller, "conflict", where=about, sort=(Sort("found_at", descending=True),), limit=100)
    if not found.records:
        return get_record(ports, caller, "conflict", name)
    return min(found.records, key=lambda one: (one.id != name, one["state"] != OPEN))


def explain_conflict(
    ports: Ports, caller: Caller, conflict_id: str, *, at: datetime, as_of: datetime, rule_set: str | None = None
) -> Decision:
    """The dry run of a conflict with its own rule set or another: what would win, field by field. Changes nothing."""
    conflict = get_record(ports, caller, "conflict", conflict_id)
    return explain_sync(ports, caller, rule_set or conflict["rule_set"], conflict_facts(conflict), at=at, as_of=as_of)


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
    """The dry run of a conflict that is given rather than stored: the same evaluation. Changes nothing.

    Raises as `evaluate` does, and `InvalidError` (`rule_set.wrong_kind`) for rules that decide about something else.
    """
    kind = get_version(ports, caller, rule_set, version, at=at, as_of=as_of).record["kind"]
    if kind != SYNC_CONFLICT:
        message = f"`{rule_set}` is of kind `{kind}`; conflicts are decided by `{SYNC_CONFLICT}`"
        raise InvalidError(Problem("rule_set.wrong_kind", message))
    return evaluate(ports, caller, rule_set, facts, at=at, as_of=as_of, version=version)


def resolve_conflict(
    ports: Ports,
    caller: Caller,
    conflict_id: str,
    *,
    revision: int,
    choices: Mapping[str, str] = MappingProxyType({}),
    reason: str | None = None,
) -> Record:
    """Decide an open conflict by its rule set and write the merged values into its record, both or neither.

    `choices` settles what the rules leave to a person: `client` or `server` for every open field; one choice holds for
    the whole group of a field. The conflict's `decision` stays what the rules said, its `outcome` is what was carried
    out, by whose choice and why; the values that gave way stay in both and in the audit log. A choice is an override:
    it needs a `reason`, and the entries name the chooser as approver.

    Raises as `update_record` does, for the conflict and for the record it is about; `InvalidError` (`audit.reason`) for
    a choice without a reason and a reason that cannot be kept, (`conflict.choice`) for a choice the rules do not ask
    for; `ConflictError` (`conflict.resolved`; `conflict.needs_person` with a problem for each open field without one).
    """
    attempt = [Attempt("resolve", "conflict", conflict_id)]
    with audited(ports, caller, attempt):
        seen = get_record(ports, caller, "conflict", conflict_id)
        attempt[0] = replace(attempt[0], record=seen, rule_set=seen["rule_set"])
        why = kept_reason(reason) if reason is not None else None
        decision = evaluate(ports, caller, seen["rule_set"], conflict_facts(seen), at=caller.now, as_of=caller.now)
        with ports.store.transaction() as transaction:
            conflict = read_for_write(
                ports, caller, transaction, "conflict", conflict_id, revision=revision, attempt=attempt
            )
            if conflict["state"] != OPEN:
                raise ConflictError(Problem("conflict.resolved", f"the conflict `{conflict_id}` is resolved already"))
            sides = sides_chosen(decision.outcome, choices)
            if sides and why is None:
                raise InvalidError(_NO_REASON)
            outcome = outcome_with(decision.outcome, sides, caller, why)
            readable = ports.authorizer.predicate(caller.actor, READ, conflict["record_type"])
            target = transaction.get(conflict["record_type"], conflict["record_id"], readable)
            require_write(ports, caller, target)
            # Evidence such as a check-in is never rewritten: its conflict closes with the decision beside it.
            append_only = type_of(target.type).append_only
            merged = target if append_only else _merged(target, _to_write(outcome), caller)
            require_write(ports, caller, merged)
            entry = partial(
                accepted,
                caller,
                "resolve",
                rule_set=decision.rule_set,
                rule_version=decision.version,
                reason=why,
                approver=caller.actor.id if sides else None,
            )
            if merged.fields != target.fields:
                stored = transaction.update(merged)
                transaction.append_audit(entry(before=target, after=stored))
            resolved = transaction.update(
                conflict.with_fields(
                    state=RESOLVED,
                    outcome=exact_json.plain(outcome),
                    decision=exact_json.plain(decision.to_json()),
                )
            )
            changes = {**changes_between(conflict, resolved), **_choices_for_audit(outcome)}
            transaction.append_audit(entry(before=conflict, after=resolved, changes=changes))
            return resolved


def sides_chosen(outcome: Mapping[str, Any], choices: Mapping[str, str]) -> dict[str, str]:
    """The side chosen for each field that the rules leave to a person. Raises as `resolve_conflict` says.

    `outcome` is that of a sync-conflict decision. A group's values come from one side, so one choice is enough for it.
    """
    rows = {row["field"]: row for row in outcome["fields"]}
    waiting = {name for name, row in rows.items() if row["needs_person"]}
    report = Report()
    sides: dict[str, str] = {}
    for name, side in choices.items():
        place = Place("body", path=f"$.choices.{name}" if name.isidentifier() else f'$.choices["{name[:60]}"]')
        if side not in OTHER_SIDE:
            report.add("conflict.choice", f"`{name[:60]}` takes `client` or `server`; `{side[:60]}` was given", place)
        elif name not in rows:
            message = f"the conflict has no field `{name[:60]}`"
            report.add("conflict.choice", message, place, did_you_mean(name, sorted(waiting)))
        elif name not in waiting:
            message = f"`{name}` is not open: the rules decided it"
            report.add("conflict.choice", message, place, "a choice is taken only where the rules keep both values")
        else:
            for member in rows[name]["group"] or (name,):
                if sides.setdefault(member, side) != side and member == name:
                    message = f"`{name}` belongs to a group whose values come from one side; two are chosen"
                    report.add("conflict.choice", message, place)
    report.raise_if_any()
    if unsettled := [name for name in rows if name in waiting and name not in sides]:
        raise ConflictError(
            [
                Problem(
                    "conflict.needs_person",
                    f"the rules keep both values of `{name}`, so a person has to choose",
                    help="choose the value of the device (`client`) or of the server (`server`)",
                )
                for name in unsettled
            ]
        )
    return sides


def outcome_with(
    outcome: Mapping[str, Any], sides: Mapping[str, str], caller: Caller, reason: str | None
) -> dict[str, Any]:
    """The outcome of the rules with a person's choices carried out in it; each says who chose and what gave way.

    A `reason` that was given stands beside them.
    """
    merged, rows = dict(outcome["merged"]), []
    for row in outcome["fields"]:
        side = sides.get(row["field"])
        if side is None:
            rows.append(row)
            continue
        other = row[OTHER_SIDE[side]]
        rows.append(
            {
                **row,
                "value": row[side],
                "winner": side,
                "how": "choice",
                "needs_person": False,
                "overwritten": {"side": OTHER_SIDE[side], "value": other} if other != row[side] else None,
                "chosen_by": {"id": caller.actor.id, "name": caller.actor.name, "role": caller.actor.role},
            }
        )
        if row["field"] in merged:
            merged[row["field"]] = row[side]
    given = {} if reason is None else {"reason": reason}
    return {**outcome, "merged": merged, "fields": rows, "needs_person": False, **given}


def _choices_for_audit(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Each chosen field with both values that there were and what stands, so that the log alone tells it."""
    return {
        f"choice.{row['field']}": exact_json.plain(
            {
                "before": {"client": row["client"], "server": row["server"]},
                "after": {"chosen": row["winner"], "value": row["value"], "by": row["chosen_by"]["id"]},
            }
        )
        for row in outcome["fields"]
        if row["how"] == "choice"
    }


def _to_write(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What the record gets: the fields that a rule or a person decided or that only the device changed.

    The others are as the server had them when the conflict was found, and may have been changed since.
    """
    decided = {row["field"] for row in outcome["fields"] if row["how"] in WRITTEN}
    return {name: value for name, value in outcome["merged"].items() if name in decided}


def _merged(target: Record, values: Mapping[str, Any], caller: Caller) -> Record:
    """The record with the winning values of the fields in conflict. Owner and place are no business of a device."""
    known = type_of(target.type)
    kept = {"owner_id", "territory_id", "team_id", "branch_id", "region_id"}
    names = tuple(one.name for one in known.fields if one.name not in kept)
    report = Report()
    winning = {name: value for name, value in values.items() if name not in kept}
    typed = read_fields(known, exact_json.plain(winning), names, report, source="conflict")
    report.raise_if_any()
    changed = {name: value for name, value in typed.items() if target[name] != value}
    if changed and known.field("changed_at") is not None:
        changed["changed_at"] = caller.now
    return target.with_fields(**changed) if changed else target

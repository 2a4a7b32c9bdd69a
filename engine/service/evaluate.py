"""Deciding about facts: one or many, with the version in force or a named one, kept as a receipt when asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from datetime import datetime
from typing import Any

from engine import exact_json
from engine.caller import Caller
from engine.decision import Decision
from engine.nearest_change import MOST_FACTS, STEPS, NearestChange
from engine.ports import Ports
from engine.problems import BylawError, ConflictError, InvalidError, Problem
from engine.records import Record
from engine.service.auditing import Attempt, accepted, audited, place_of
from engine.service.records import get_record, require_write
from engine.service.rulesets import get_version, published_versions, release_digest

MAX_MANY = 1_000
"""Facts in one bulk evaluation."""


def evaluate(
    ports: Ports,
    caller: Caller,
    rule_set: str,
    facts: Mapping[str, Any],
    *,
    at: datetime,
    as_of: datetime,
    version: int | None = None,
    record: bool = False,
    subject: tuple[str, str] | None = None,
) -> Decision:
    """Decide about facts as `exact_json.parse` gives them.

    `record` stores the decision where the caller works, which takes the right to write one there; `subject` is the
    record type and id that it is about. Raises `NotFoundError` for an unknown rule set or version, `InvalidError` for
    facts that do not fit, with all their problems, and `DeniedError`; the audit log has them if the decision was to be
    stored.
    """
    attempt = [Attempt("evaluate", "decision", rule_set[:200])]
    with audited(ports, caller, attempt) if record else nullcontext():
        known = published_versions(ports, caller.actor.organisation_id)
        published = get_version(ports, caller, rule_set, version, at=at, as_of=as_of, published=known)
        release = release_digest(ports, caller.actor.organisation_id, at=at, as_of=as_of, published=known)
        decision = published.rule_set.decide(facts, at=at, as_of=as_of, release=release)
        if record:
            receipt = decision_record(
                f"decision-{ports.new_id()}",
                caller,
                decision,
                place=place_of(None, caller),
                subject=subject,
                facts=facts,
            )
            require_write(ports, caller, receipt)
            with ports.store.transaction() as transaction:
                stored = transaction.insert(receipt)
                transaction.append_audit(
                    accepted(
                        caller,
                        "evaluate",
                        after=stored,
                        rule_set=rule_set,
                        rule_version=decision.version,
                        changes={"input_digest": {"before": None, "after": decision.input_digest}},
                    )
                )
    return decision


def nearest_change(
    ports: Ports,
    caller: Caller,
    rule_set: str,
    facts: Mapping[str, Any],
    *,
    at: datetime,
    as_of: datetime,
    version: int | None = None,
    target: Mapping[str, Any] | None = None,
    fixed: Iterable[str] = (),
    most: int = MOST_FACTS,
    steps: int = STEPS,
) -> NearestChange:
    """What would have to be different for another outcome, or for the target's. Stores nothing.

    Raises as `evaluate` does, and `InvalidError` (`change.*`) for a question that the rule set does not answer.
    """
    published = get_version(ports, caller, rule_set, version, at=at, as_of=as_of)
    return published.rule_set.nearest(facts, at=at, as_of=as_of, target=target, fixed=fixed, most=most, steps=steps)


def evaluate_many(
    ports: Ports,
    caller: Caller,
    rule_set: str,
    facts_list: Sequence[Mapping[str, Any]],
    *,
    at: datetime,
    as_of: datetime,
    version: int | None = None,
) -> tuple[Decision | BylawError, ...]:
    """Decide about each; facts that do not fit give their error in their place and disturb no other.

    Raises as `evaluate` does for the rule set itself, and `InvalidError` for more than `MAX_MANY` facts.
    """
    if len(facts_list) > MAX_MANY:
        raise InvalidError(
            Problem(
                "field.out_of_range", f"{len(facts_list):,} facts were given; at most {MAX_MANY:,} are taken at once"
            )
        )
    known = published_versions(ports, caller.actor.organisation_id)
    published = get_version(ports, caller, rule_set, version, at=at, as_of=as_of, published=known)
    release = release_digest(ports, caller.actor.organisation_id, at=at, as_of=as_of, published=known)
    return published.rule_set.decide_many(facts_list, at=at, as_of=as_of, release=release)


def replay(ports: Ports, caller: Caller, decision_id: str) -> Decision:
    """A stored decision made again from its facts, version and instants, with its reasons: the receipt, checked.

    Raises `NotFoundError` for a decision that the caller may not read, and `ConflictError` (`decision.differs`) if the
    outcome is not the stored one, which would be an error of ours.
    """
    stored = get_record(ports, caller, "decision", decision_id)
    published = get_version(ports, caller, stored["rule_set"], stored["version"])
    release = stored["document"]["release"]
    decision = published.rule_set.decide(stored["facts"], at=stored["at"], as_of=stored["as_of"], release=release)
    again = exact_json.canonical([decision.outcome, decision.input_digest, decision.digest])
    if again != exact_json.canonical([stored["document"]["outcome"], stored["input_digest"], stored["digest"]]):
        raise ConflictError(
            Problem("decision.differs", f"the decision `{decision_id}` does not come out as it is stored")
        )
    return decision


def decision_record(
    decision_id: str,
    caller: Caller,
    decision: Decision,
    *,
    place: Mapping[str, str | None],
    subject: tuple[str, str] | None,
    facts: Mapping[str, Any],
    explain: bool = True,
) -> Record:
    """A decision as a record: the document that every door shows, and the facts, so that it replays.

    Without `explain` the document leaves out reasons and why-not: `replay` brings them back when somebody looks.
    """
    document = decision.to_json(explain=explain)
    subject_type, subject_id = subject or (None, None)
    return Record(
        "decision",
        decision_id,
        caller.actor.organisation_id,
        {
            **place,
            "rule_set": decision.rule_set,
            "digest": decision.digest,
            "input_digest": decision.input_digest,
            "subject_type": subject_type,
            "subject_id": subject_id,
            "version": decision.version,
            "at": decision.at,
            "as_of": decision.as_of,
            "decided_at": caller.now,
            "document": exact_json.plain(document),
            "facts": facts,
        },
    )

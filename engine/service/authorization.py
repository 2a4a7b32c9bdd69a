"""Asking what somebody may do: one question, which records, which people, which actions, and why.

Answers come from the predicates that everything else is answered with. A record that the asker may not read, and a
person that the asker may not ask about, are to the asker what does not exist: the answer is no, and nothing is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from engine.caller import ACTIONS, ROLES, SERVICE_ROLE, Actor, Caller
from engine.ports import Page, Ports, Sort
from engine.predicate import Compare, Predicate, both
from engine.problems import DeniedError, NotFoundError, Problem
from engine.records import RECORD_TYPES, FieldKind, Record, record_type
from engine.service.actions import ASK, READ
from engine.service.directory import actor_from

if TYPE_CHECKING:
    from engine.policy import Explanation, Way

RECORD_TYPE_NAMES = tuple(known.name for known in RECORD_TYPES)
LONGEST_ID = 200
LARGEST_WHOLE = 2**53
MOST_PEOPLE = 1_000


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked about: a record by its type and id.

    `described` are field values as JSON has them, for a record that is not stored: they count only where there is no
    such record that the asker may read. Fields that the type does not have say nothing; the organisation is always the
    asker's.
    """

    record_type: str
    record_id: str
    described: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the person may; `actor` and `record` are who and what was judged, None where the asker sees none."""

    allowed: bool
    actor: Actor | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class Reasons:
    """A verdict with its reasons; without a person or record that the asker sees, there is no `explanation`."""

    verdict: Verdict
    explanation: Explanation | None
    placement: tuple[Placement, ...] = ()


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the person and the record lie on one level (`region_id`, `team_id`, ...): the scopes, side by side."""

    level: str
    theirs: tuple[str, ...]
    records: str | None

    @property
    def same(self) -> bool:
        """Whether the record lies where the person is."""
        return self.records in self.theirs


@dataclass(frozen=True, slots=True)
class People:
    """Some people who may do something, by id; `after` is where the next page begins, None on the last one."""

    ids: tuple[str, ...]
    after: str | None


def check(ports: Ports, caller: Caller, person_id: str, action: str, target: Target) -> Verdict:
    """Whether a person may do this to the record, as it stands or is described.

    Raises `DeniedError` (`access.denied`) for somebody else's rights where the caller may ask about nobody else.
    """
    actor = person_asked_about(ports, caller, person_id)
    if actor is None or action not in ACTIONS:
        return Verdict(allowed=False)
    record = record_asked_about(ports, caller, target)
    if record is None:
        return Verdict(allowed=False, actor=actor)
    return Verdict(ports.authorizer.allows(actor, action, record), actor, record)


def explain(ports: Ports, caller: Caller, person_id: str, action: str, target: Target) -> Reasons:
    """The same with the rule that decided, or with what a denial misses least. Raises `DeniedError` as `check` does."""
    verdict = check(ports, caller, person_id, action, target)
    if verdict.actor is None or verdict.record is None:
        return Reasons(verdict, None)
    explanation = ports.authorizer.explain(verdict.actor, action, verdict.record)
    return Reasons(verdict, explanation, placement(verdict.actor, verdict.record))


def placement(actor: Actor, record: Record) -> tuple[Placement, ...]:
    """The levels that the record has, from the organisation to its owner."""
    held = {
        "organisation_id": (actor.organisation_id,),
        "region_id": (actor.region_id,),
        "branch_id": (actor.branch_id,),
        "team_id": (actor.team_id,),
        "territory_id": actor.territory_ids,
        "owner_id": (actor.id,),
    }
    values, known = record.values(), record_type(record.type)
    return tuple(
        Placement(level, tuple(one for one in theirs if one), values.get(level))
        for level, theirs in held.items()
        if known.field(level) is not None
    )


def reasons_value(reasons: Reasons) -> dict[str, Any] | None:
    """The reasons as JSON has them.

    Shape: `{granted_by: way?, nearest: [way], roles: [role], outside_scopes, placement: [{level, person, record,
    same}]}`, a way being `{rule: "policies/records.polar:3", head, conditions: [{asks, wanted, held, met}]}`.
    """
    found = reasons.explanation
    if found is None:
        return None
    return {
        "granted_by": None if found.granted_by is None else _way_value(found.granted_by),
        "nearest": [_way_value(way) for way in found.nearest],
        "roles": list(found.roles),
        "outside_scopes": found.outside_scopes,
        "placement": [
            {"level": one.level, "person": list(one.theirs), "record": one.records, "same": one.same}
            for one in reasons.placement
        ],
    }


def rule_of(way: Way) -> str:
    """Where the rule stands: `policies/records.polar:3`."""
    return f"policies/{way.place.source}:{way.place.line}"


def _way_value(way: Way) -> dict[str, Any]:
    conditions = [
        {"asks": one.asks, "wanted": list(one.wanted), "held": one.held, "met": one.met} for one in way.conditions
    ]
    return {"rule": rule_of(way), "head": way.head, "conditions": conditions}


def person_asked_about(ports: Ports, caller: Caller, person_id: str) -> Actor | None:
    """The person as the policies know them now, or None for nobody that the caller may ask about.

    Oneself is asked about as one is: within the scopes of the token that asks. Raises `DeniedError` as `check` does.
    """
    asker = caller.actor
    may_ask = ports.authorizer.predicate(asker, ASK, "person")
    if person_id == asker.id:
        return _oneself(ports, asker, may_ask)
    person = _stored(ports, "person", person_id, may_ask)
    if person is None:
        require_asking_about_others(ports, caller)
        return None
    return _working(person)


def people_to_ask_about(ports: Ports, caller: Caller) -> tuple[Record, ...]:
    """People that the caller may ask about, by name, the first thousand: for choosing one of them."""
    may_ask = ports.authorizer.predicate(caller.actor, ASK, "person")
    found = ports.store.find("person", may_ask, sort=(Sort("name"),), limit=MOST_PEOPLE).records
    return tuple(person for person in found if _working(person) is not None)


def require_asking_about_others(ports: Ports, caller: Caller) -> None:
    """Raise `DeniedError` where the caller may ask about nobody else.

    A denial for one id and a plain no for the other would tell which of them exists, so it depends on no id.
    """
    asker = caller.actor
    others = both(ports.authorizer.predicate(asker, ASK, "person"), Compare("id", "!=", asker.id))
    if not ports.store.find("person", others, limit=1).records:
        raise DeniedError(
            Problem(
                "access.denied",
                f"the role `{asker.role}` may not ask what others may do",
                help="managers ask about their team, platform administrators about their region; a token needs the "
                "scope `ask:person`",
            )
        )


def record_asked_about(ports: Ports, caller: Caller, target: Target) -> Record | None:
    """The record if the caller may read it, else the one that is described, else None."""
    if target.record_type not in RECORD_TYPE_NAMES:
        return None
    readable = ports.authorizer.predicate(caller.actor, READ, target.record_type)
    stored = _stored(ports, target.record_type, target.record_id, readable)
    if stored is not None or not target.described:
        return stored
    return _described(caller.actor.organisation_id, target)


def records_for(
    ports: Ports, caller: Caller, person_id: str, action: str, record_type_name: str, *, limit: int, cursor: str | None
) -> tuple[Page, int]:
    """A page of the records of a type to which the person may do this, among those that the caller may read.

    With it comes how many there are in all. Raises `DeniedError` as `check` does, and `InvalidError`
    (`cursor.invalid`).
    """
    actor = person_asked_about(ports, caller, person_id)
    if actor is None or action not in ACTIONS or record_type_name not in RECORD_TYPE_NAMES:
        return Page((), None), 0
    scope = both(
        ports.authorizer.predicate(actor, action, record_type_name),
        ports.authorizer.predicate(caller.actor, READ, record_type_name),
    )
    page = ports.store.find(record_type_name, scope, limit=limit, cursor=cursor)
    return page, ports.store.count(record_type_name, scope)


def people_for(ports: Ports, caller: Caller, action: str, target: Target, *, limit: int, after: str) -> People:
    """The people who may do this to the record, among those that the caller may ask about, with ids after `after`.

    Raises `DeniedError` where the caller may ask about nobody else: a list of oneself alone would look complete.
    """
    require_asking_about_others(ports, caller)
    record = record_asked_about(ports, caller, target)
    if record is None or action not in ACTIONS:
        return People((), None)
    may_ask = ports.authorizer.predicate(caller.actor, ASK, "person")
    found: list[str] = []
    for person in ports.store.scan("person", may_ask, after_id=after):
        actor = caller.actor if person.id == caller.actor.id else _working(person)
        if actor is not None and ports.authorizer.allows(actor, action, record):
            if len(found) == limit:
                return People(tuple(found), found[-1])
            found.append(person.id)
    return People(tuple(found), None)


def actions_for(ports: Ports, caller: Caller, person_id: str, target: Target) -> tuple[str, ...]:
    """Everything that the person may do to the record, in the actions' order. Raises `DeniedError` as `check` does."""
    actor = person_asked_about(ports, caller, person_id)
    record = None if actor is None else record_asked_about(ports, caller, target)
    if actor is None or record is None:
        return ()
    return tuple(action for action in ACTIONS if ports.authorizer.allows(actor, action, record))


def _oneself(ports: Ports, asker: Actor, may_ask: Predicate) -> Actor:
    """The asker, who must be allowed even this: a token may lack the scope. The platform itself has no record."""
    if asker.role != SERVICE_ROLE and _stored(ports, "person", asker.id, may_ask) is None:
        raise DeniedError(
            Problem("access.denied", "you may not ask what you may do", help="the token needs the scope `ask:person`")
        )
    return asker


def _working(person: Record) -> Actor | None:
    """The actor that a person is now; somebody who may not sign in is none."""
    return None if person["active"] is False or person["role"] not in ROLES else actor_from(person)


def _stored(ports: Ports, type_name: str, record_id: str, scope: Predicate) -> Record | None:
    if not 0 < len(record_id) <= LONGEST_ID or not record_id.isprintable():
        return None  # no record has such an id, and no store needs to see it
    try:
        return ports.store.get(type_name, record_id, scope)
    except NotFoundError:
        return None


def _described(organisation_id: str, target: Target) -> Record:
    known = record_type(target.record_type)
    fields = {
        one.name: _as_field(one.kind, target.described[one.name])
        for one in known.fields
        if one.name in target.described
    }
    return Record(target.record_type, target.record_id, organisation_id, fields)


def _as_field(kind: FieldKind, value: Any) -> Any:
    """JSON's numbers are decimals until a field says that they are whole; what does not fit a field matches nothing."""
    if kind is not FieldKind.INTEGER or not isinstance(value, Decimal) or abs(value) >= LARGEST_WHOLE:
        return value
    return int(value) if value == value.to_integral_value() else value

"""Who may see or do something, and why: the verdict about one person and record, the rule, and what it would take."""

from __future__ import annotations

from flask import Response

from engine.caller import ACTIONS
from engine.service import authorization
from engine.service.actions import READ
from engine.service.authorization import RECORD_TYPE_NAMES, Target
from webapp.console.audit import record_address
from webapp.console.frame import Route, api, caller, link, page, ports
from webapp.console.listing import asked

MOST_NAMED = 50
"""How many of the people who may are named."""


def rights() -> Response:
    """One question, all of it in the address: a person (oneself at first), an action (reading at first), a record.

    Who may ask about others is also told who else may.
    """
    people = [(person.id, str(person["name"])) for person in authorization.people_to_ask_about(ports(), caller())]
    person_id, action = asked("person") or caller().actor.id, asked("action") or READ
    target = Target(asked("type"), asked("record"))
    complete = target.record_type in RECORD_TYPE_NAMES and action in ACTIONS and target.record_id != ""
    reasons = authorization.explain(ports(), caller(), person_id, action, target) if complete else None
    names = dict(people)
    if len(people) > 1 and person_id not in names:  # the form shows whom the answer is about, whoever that is
        people.append((person_id, person_id))
    may = _who_may(action, target) if reasons is not None and reasons.explanation and len(people) > 1 else None
    return page(
        "rights.html",
        section="rights",
        title="Who may see this?",
        json_url=_twin(person_id, action, target) if complete else None,
        people=people,
        types=sorted(RECORD_TYPE_NAMES),
        actions=ACTIONS,
        filters={"person": person_id, "action": action, "type": target.record_type, "record": target.record_id},
        named=names.get(person_id, person_id),
        oneself=person_id == caller().actor.id,
        reasons=reasons,
        rule_of=authorization.rule_of,
        address=record_address(target.record_type, target.record_id),
        may=None if may is None else [(one, names.get(one, one)) for one in may.ids],
        more=may is not None and may.after is not None,
        ask=lambda one: link("rights", person=one, action=action, type=target.record_type, record=target.record_id),
    )


def _who_may(action: str, target: Target) -> authorization.People:
    return authorization.people_for(ports(), caller(), action, target, limit=MOST_NAMED, after="")


def _twin(person_id: str, action: str, target: Target) -> str:
    return api(
        "authorization/explanation",
        person_id=person_id,
        action=action,
        record_type=target.record_type,
        record_id=target.record_id,
    )


ROUTES = (Route("/rights", "rights", rights, asks=("ask:person", "*:*")),)

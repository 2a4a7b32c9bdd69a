"""Decisions and searches in the standard's shapes, answered by the use cases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Response, request

from engine.caller import Caller
from engine.problems import BylawError, DeniedError, InvalidError, Place, Problem
from engine.service import authorization
from webapp.api import answers
from webapp.api.operation import Asked
from webapp.authzen import description, reading
from webapp.authzen.reading import Body, Entity, position_of, target, token_after
from webapp.context import ports, wiring
from webapp.problems import status_of

SUBJECT = "user"
"""The only type of subject: a person of the directory. Nobody of another type may do anything."""

SEMANTICS = ("execute_all", "deny_on_first_deny", "permit_on_first_permit")
MOST_EVALUATIONS = 1_000
DIRECTORY = {
    "policy_decision_point": "",
    "access_evaluation_endpoint": "/access/v1/evaluation",
    "access_evaluations_endpoint": "/access/v1/evaluations",
    "search_subject_endpoint": "/access/v1/search/subject",
    "search_resource_endpoint": "/access/v1/search/resource",
    "search_action_endpoint": "/access/v1/search/action",
}
"""The metadata's members and where they lead, below the server's own address."""


def evaluation(asked: Asked) -> Response:
    """One decision: `{"decision": true}`."""
    return answers.json(_decision(asked.caller, Body(asked.body)))


def evaluations(asked: Asked) -> Response:
    """Decisions in the order of the questions: all, or up to the first that settles it. Without a list it is one."""
    listed = asked.body.get("evaluations")
    if listed is None or listed == []:
        return evaluation(asked)
    if not isinstance(listed, list) or len(listed) > MOST_EVALUATIONS:
        raise _malformed(f"`evaluations` must be a list of at most {MOST_EVALUATIONS:,}", "$.evaluations")
    stop = {"execute_all": None, "deny_on_first_deny": False, "permit_on_first_permit": True}[_semantic(asked.body)]
    found: list[Mapping[str, Any]] = []
    for number, item in enumerate(listed):
        found.append(_item(asked.caller, item, number, asked.body))
        if found[-1]["decision"] is stop:
            break
    return answers.json({"evaluations": found})


def search_subjects(asked: Asked) -> Response:
    """The people who may do this to the resource."""
    body = Body(asked.body)
    subject, action, resource, paging = body.subject(identified=False), body.action(), body.resource(), body.paging()
    body.raise_if_any()
    query = ("subject", subject["type"], action, resource["type"], resource["id"], resource["properties"])
    after = position_of(paging.token, *query)
    if subject["type"] != SUBJECT:
        authorization.require_asking_about_others(ports(), asked.caller)
        return _results([], "")
    people = authorization.people_for(ports(), asked.caller, action, target(resource), limit=paging.limit, after=after)
    following = token_after(people.after, *query) if people.after is not None else ""
    return _results([{"type": SUBJECT, "id": one} for one in people.ids], following)


def search_resources(asked: Asked) -> Response:
    """The records of a type to which the subject may do this, with how many there are in all."""
    body = Body(asked.body)
    subject, action, resource, paging = body.subject(), body.action(), body.resource(identified=False), body.paging()
    body.raise_if_any()
    page, total = authorization.records_for(
        ports(), asked.caller, _person(subject), action, resource["type"],
        limit=paging.limit, cursor=paging.token or None,
    )  # fmt: skip
    found = [{"type": record.type, "id": record.id} for record in page.records]
    return _results(found, page.next_cursor or "", total)


def search_actions(asked: Asked) -> Response:
    """Everything that the subject may do to the resource."""
    body = Body(asked.body)
    subject, resource, paging = body.subject(), body.resource(), body.paging()
    body.raise_if_any()
    query = ("action", _person(subject), resource["type"], resource["id"], resource["properties"])
    passed = position_of(paging.token, *query)
    names = authorization.actions_for(ports(), asked.caller, _person(subject), target(resource))
    left = names[names.index(passed) + 1 :] if passed in names else names
    shown = left[: paging.limit]
    following = token_after(shown[-1], *query) if len(shown) < len(left) else ""
    return _results([{"name": name} for name in shown], following, len(names))


def configuration(_asked: Asked) -> Response:
    """Where everything is: for applications that know no more than this server's address."""
    base = (wiring().settings.public_url or request.host_url).rstrip("/")
    return answers.json({name: base + path for name, path in DIRECTORY.items()})


def openapi(_asked: Asked) -> Response:
    """The document that describes these addresses."""
    return answers.json(description.build(wiring().shipped.schemas()))


def _decision(caller: Caller, body: Body) -> dict[str, Any]:
    subject, action, resource = body.subject(), body.action(), body.resource()
    body.raise_if_any()
    verdict = authorization.check(ports(), caller, _person(subject), action, target(resource))
    return {"decision": verdict.allowed}


def _item(caller: Caller, item: Any, number: int, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """One of several: what is wrong with it denies it alone."""
    try:
        if not isinstance(item, dict):
            raise _malformed("an evaluation must be an object", f"$.evaluations[{number}]")
        return _decision(caller, Body(item, f"$.evaluations[{number}]", defaults))
    except (InvalidError, DeniedError) as error:
        return {"decision": False, "context": {"error": {"status": status_of(error), "message": _sentence(error)}}}


def _semantic(body: Mapping[str, Any]) -> str:
    options = body.get("options")
    if options is not None and not isinstance(options, dict):
        raise _malformed("`options` must be an object", "$.options")
    found = (options or {}).get("evaluations_semantic", SEMANTICS[0])
    if found not in SEMANTICS:
        known = ", ".join(f"`{one}`" for one in SEMANTICS)
        raise _malformed(f"`evaluations_semantic` must be one of {known}", "$.options.evaluations_semantic")
    return str(found)


def _person(subject: Entity) -> str:
    """The id of the person; empty, which nobody has, for a subject that is no person."""
    return str(subject["id"]) if subject["type"] == SUBJECT else ""


def _results(found: Sequence[Mapping[str, Any]], following: str, total: int | None = None) -> Response:
    page: dict[str, Any] = {"next_token": following, "count": len(found)}
    if total is not None:
        page["total"] = total
    return answers.json({"results": list(found), "page": page})


def _malformed(message: str, path: str) -> InvalidError:
    return InvalidError(Problem(reading.MALFORMED, message, Place("body", path=path)))


def _sentence(error: BylawError) -> str:
    return "; ".join(problem.message for problem in error.problems)

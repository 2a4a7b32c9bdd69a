"""Checks in our own words: verdicts and their reasons."""

from __future__ import annotations

from typing import Any

from flask import Flask
from small_world import Api, as_person, code, value

from engine.caller import ACTIONS

REP, MANAGER = "person-sales_rep", "person-sales_manager"


def check(api: Api, action: str, record_id: str = "lead-00", **more: Any) -> Any:
    """The verdict about a lead."""
    answer = api.post("/authorization/check", {"action": action, "record_type": "lead", "record_id": record_id, **more})
    assert 200 == answer.status_code, answer.get_data(as_text=True)
    return value(answer)


def failed(way: Any) -> dict[str, Any]:
    """The conditions of a way that are not met, with what was seen."""
    return {one["asks"]: one["held"] for one in way["conditions"] if not one["met"]}


def test_a_verdict(rep: Api) -> None:
    """Without a person it is about oneself; reasons come only when they are asked for."""
    assert {
        "person_id": REP, "action": "write", "record_type": "lead", "record_id": "lead-00", "allowed": True,
        "explanation": None,
    } == check(rep, "write")  # fmt: skip
    assert not check(rep, "publish")["allowed"]


def test_a_grant_names_its_rule(rep: Api) -> None:
    """The reason of a grant is the rule's file and line, whose text is there, with every condition met."""
    from adapters.wiring import Shipped

    found = check(rep, "read", explain=True)["explanation"]
    source, line = found["granted_by"]["rule"].removeprefix("policies/").split(":")
    assert "record: Lead" in Shipped.find().policies()[source].splitlines()[int(line) - 1]
    assert {} == failed(found["granted_by"])
    assert [] == found["nearest"]
    assert {"team_id", "owner_id", "organisation_id"} <= {one["level"] for one in found["placement"] if one["same"]}


def test_a_denial_says_what_it_misses(app: Flask) -> None:
    """The reason of a denial is what the nearest rules miss, with the values seen, and who would be allowed it."""
    manager = as_person(app, MANAGER)
    found = check(manager, "write", "lead-01", explain=True)
    assert not found["allowed"]
    assert found["explanation"]["granted_by"] is None
    assert {"record.team_id = user.team_id": "team-2"} == failed(found["explanation"]["nearest"][0])
    assert "platform_admin" in found["explanation"]["roles"]


def test_nothing_is_explained_of_what_is_not_seen(rep: Api) -> None:
    """A record outside one's sight is not allowed, without reasons, as one that does not exist."""
    hidden, none = (check(rep, "read", one, explain=True) for one in ("lead-01", "lead-none"))
    assert {**hidden, "record_id": ""} == {**none, "record_id": ""}
    assert (False, None) == (hidden["allowed"], hidden["explanation"])


def test_about_somebody_else(rep: Api, app: Flask) -> None:
    """Who may not ask about others is denied; who may is told."""
    body = {"person_id": MANAGER, "action": "read", "record_type": "lead", "record_id": "lead-00"}
    assert (403, "access.denied") == code(rep.post("/authorization/check", body))
    assert check(as_person(app, MANAGER), "write", person_id=REP)["allowed"]


def test_many_checks(rep: Api) -> None:
    """Verdicts come in the order of the checks; what cannot be read is told with its place."""
    one = {"record_type": "lead", "record_id": "lead-00"}
    found = value(rep.post("/authorization/check/bulk", {"checks": [{**one, "action": action} for action in ACTIONS]}))
    assert [action in {"read", "write"} for action in ACTIONS] == [each["allowed"] for each in found["results"]]
    wrong = rep.post("/authorization/check/bulk", {"checks": [{**one, "action": "fly"}, {**one, "more": 1}]})
    assert 422 == wrong.status_code
    assert {"$.checks[0].action", "$.checks[1].more", "$.checks[1].action"} == {
        problem["path"] for problem in value(wrong)["problems"]
    }


def test_the_explanation_to_look_at(rep: Api) -> None:
    """The address for looking gives the same as the check with reasons, and demands what it needs."""
    query = {"action": "read", "record_type": "lead", "record_id": "lead-00"}
    assert check(rep, "read", explain=True) == value(rep.get("/authorization/explanation", **query))
    assert (400, "request.bad_parameter") == code(rep.get("/authorization/explanation", action="read"))


def test_a_described_record(rep: Api) -> None:
    """Fields describe a record that is not stored; a stored one is judged by its own."""
    place = {"region_id": "region-1", "branch_id": "branch-1", "team_id": "team-1", "territory_id": "territory-1"}
    assert check(rep, "write", "lead-new", fields={**place, "owner_id": REP})["allowed"]
    assert not check(rep, "write", "lead-new")["allowed"]
    assert check(rep, "write", "lead-00", fields={"owner_id": "nobody"})["allowed"]

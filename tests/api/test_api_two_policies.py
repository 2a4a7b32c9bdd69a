"""Two processes with different versions of the policies over one database: they never answer as if they were one.

Each answer is by one version. What leads from one answer to the next (a cursor, a kept answer, a job) is bound to what
it was given by, and refused by a process for which that is something else.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask
from other_policies import OtherPolicies
from small_world import Api, Clock, as_person, code, value

from adapters.wiring import Wiring
from engine.predicate import Compare
from webapp.app import create_app

MANAGER = "person-sales_manager"


@pytest.fixture
def first(app: Flask) -> Api:
    """The manager at the process with the policies in force."""
    return as_person(app, MANAGER)


@pytest.fixture
def second(wiring: Wiring, clock: Clock) -> Api:
    """The same person at a process whose policies let leads be read in one band alone."""
    other = OtherPolicies(wiring.ports.authorizer, "read:lead", Compare("band", "=", "B"))
    return as_person(create_app(replace(wiring, ports=replace(wiring.ports, authorizer=other)), clock=clock), MANAGER)


def test_a_list_is_not_continued_under_other_policies(first: Api, second: Api) -> None:
    """A cursor is bound to the condition that the policies gave it: where that is another, there is no next page."""
    seen = {}
    for one, other in ((first, second), (second, first)):
        page = value(one.get("/leads", limit=1))
        assert page["next_cursor"]
        assert (400, "cursor.invalid") == code(other.get("/leads", limit=1, cursor=page["next_cursor"]))
        ids = [page["items"][0]["id"]]
        while page["next_cursor"]:
            page = value(one.get("/leads", limit=1, cursor=page["next_cursor"]))
            ids += [item["id"] for item in page["items"]]
        assert len(ids) == len(set(ids)) == value(one.get("/leads", total="true"))["total"]
        seen[one is first] = set(ids)
    assert seen[False] < seen[True]


def test_a_list_that_both_see_alike_is_continued(first: Api, second: Api) -> None:
    """Where the other version grants the same, a list goes on in whichever process answers."""
    page = value(first.get("/deals", limit=1))
    assert 200 == second.get("/deals", limit=1, cursor=page["next_cursor"]).status_code


def test_which_policies_a_process_has_can_be_seen(first: Api, second: Api, wiring: Wiring) -> None:
    """`/health/ready` names the policies of the process that answers, a change's entry those it was made under."""
    told = [value(one.get("/health/ready"))["policies"] for one in (first, second)]
    assert [wiring.ports.authorizer.digest, "0" * 64] == told
    assert 201 == first.post("/leads", {"name": "New"}).status_code
    entry = value(as_person(first.client.application, "person-platform_admin").get("/audit", limit=1))["items"][0]
    assert wiring.ports.authorizer.digest == entry["policies"]

"""Conflicts that the rules leave to a person: settled over HTTP by choosing a side for each open field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from small_world import Api, as_person, code, value

from adapters.wiring import Wiring
from engine.predicate import Always

ADDRESS = "/conflicts/conflict-1/resolution"
SEEN = {"If-Match": '"2"'}
REASON = "the customer signed"


@pytest.fixture
def open_stage(wiring: Wiring) -> None:
    """The small world's conflict, now about a stage: the device won the deal, the office lost it."""
    day = "2026-11-20"
    sides: dict[str, Any] = {
        "base": {"stage": "Engaging", "next_step": "call"},
        "client": {"stage": "Won", "closed_on": day, "next_step": "visit"},
        "server": {"stage": "Lost", "closed_on": None, "next_step": "call"},
    }
    with wiring.ports.store.transaction() as transaction:
        transaction.update(transaction.get("conflict", "conflict-1", Always()).with_fields(**sides))


def settle(api: Api, choices: Mapping[str, Any] | None) -> Any:
    """Ask for the resolution with these choices."""
    body = None if choices is None else {"choices": choices, "reason": REASON}
    return api.post(ADDRESS, body, headers=SEEN, key=None)


@pytest.mark.usefixtures("open_stage")
@pytest.mark.parametrize(("side", "stage", "closed_on"), [("client", "Won", "2026-11-20"), ("server", "Lost", None)])
def test_the_chosen_side_stands(rep: Api, side: str, stage: str, closed_on: str | None) -> None:
    """One choice settles its whole group; the outcome says who chose and keeps the value that gave way."""
    done = value(settle(rep, {"stage": side}))
    rows = {row["field"]: row for row in done["outcome"]["fields"]}
    other = {"client": "server", "server": "client"}[side]
    assert ("resolved", False, side, "choice", "person-sales_rep") == (
        done["state"], done["outcome"]["needs_person"], rows["stage"]["winner"], rows["stage"]["how"],
        rows["stage"]["chosen_by"]["id"],
    )  # fmt: skip
    assert {"side": other, "value": rows["stage"][other]} == rows["stage"]["overwritten"]
    assert "only_client" == rows["next_step"]["how"]
    assert done["decision"]["outcome"]["needs_person"] is True
    deal = value(rep.get("/deals/deal-01"))
    assert (stage, closed_on, "visit") == (deal["stage"], deal["closed_on"], deal["next_step"])


@pytest.mark.usefixtures("open_stage")
def test_the_audit_log_keeps_both_values_and_the_chooser(rep: Api, analyst: Api) -> None:
    """The entry of the resolution holds what each side said, what was chosen, and by whom."""
    settle(rep, {"stage": "client"})
    entries = value(analyst.get("/audit", record_id="conflict-1"))["items"]
    expected = {
        "before": {"client": "Won", "server": "Lost"},
        "after": {"chosen": "client", "value": "Won", "by": "person-sales_rep"},
    }
    assert [("resolve", "accepted", "person-sales_rep", expected)] == [
        (entry["action"], entry["outcome"], entry["actor_id"], entry["changes"]["choice.stage"]) for entry in entries
    ]
    assert [("person-sales_rep", REASON)] == [(entry["approver_id"], entry["reason"]) for entry in entries]


@pytest.mark.usefixtures("open_stage")
@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ({}, "audit.reason"), ({"reason": None}, "audit.reason"), ({"reason": "   "}, "audit.reason"),
        ({"reason": ""}, "field.wrong_kind"), ({"reason": "x" * 1_001}, "field.wrong_kind"),
    ],
)  # fmt: skip
def test_a_choice_says_why(rep: Api, reason: dict[str, Any], expected: str) -> None:
    """A choice without a reason, or with one that cannot be kept, is refused, and nothing is changed."""
    answer = rep.post(ADDRESS, {"choices": {"stage": "client"}, **reason}, headers=SEEN, key=None)
    assert (422, expected) == code(answer)
    assert "open" == value(rep.get("/conflicts/conflict-1"))["state"]


@pytest.mark.usefixtures("open_stage")
@pytest.mark.parametrize(
    ("choices", "status", "found", "paths"),
    [
        (None, 409, "conflict.needs_person", [None, None]),
        ({}, 409, "conflict.needs_person", [None, None]),
        ({"next_step": "server"}, 422, "conflict.choice", ["$.choices.next_step"]),
        ({"stage": "client", "name": "client"}, 422, "conflict.choice", ["$.choices.name"]),
        ({"stagee": "client"}, 422, "conflict.choice", ["$.choices.stagee"]),
        ({"stage": "client", "closed_on": "server"}, 422, "conflict.choice", ["$.choices.stage"]),
        ({"no field\n": "client", "x": "server"}, 422, "conflict.choice", ['$.choices["no field\n"]', "$.choices.x"]),
        ({"stage": "mine"}, 422, "field.wrong_kind", ["$.choices"]),
        (["stage"], 422, "field.wrong_kind", ["$.choices"]),
    ],
)
def test_choices_that_do_not_fit_change_nothing(
    rep: Api, choices: Any, status: int, found: str, paths: list[str | None]
) -> None:
    """A field without a choice, one that the rules decided, an unknown one, a torn group: refused, all at once."""
    answer = settle(rep, choices)
    assert (status, found) == code(answer)
    assert paths == [problem.get("path") for problem in value(answer)["problems"]]
    assert ("open", '"2"') == (
        value(rep.get("/conflicts/conflict-1"))["state"],
        rep.get("/conflicts/conflict-1").headers["ETag"],
    )
    assert '"1"' == rep.get("/deals/deal-01").headers["ETag"]


def test_a_choice_where_the_rules_decided_is_refused(rep: Api) -> None:
    """Nobody overrules the rules by choosing: a conflict without open fields takes no choice."""
    refused = rep.post(ADDRESS, {"choices": {"contract_target": "client"}}, headers={"If-Match": '"1"'}, key=None)
    assert (422, "conflict.choice") == code(refused)
    assert "open" == value(rep.get("/conflicts/conflict-1"))["state"]


@pytest.mark.usefixtures("open_stage")
def test_only_who_may_write_chooses(app: Flask, wiring: Wiring) -> None:
    """A choice is a write: who only reads the conflict is denied, who does not see it finds nothing."""
    assert (404, "record.not_found") == code(settle(as_person(app, "person-other"), {"stage": "client"}))
    with wiring.ports.store.transaction() as transaction:  # the analyst's own team, whose records the role only reads
        transaction.update(transaction.get("conflict", "conflict-1", Always()).with_fields(team_id="team-2"))
    assert (403, "access.denied") == code(settle(as_person(app, "person-revops_analyst"), {"stage": "client"}))


def test_a_later_edit_of_another_field_survives(rep: Api, wiring: Wiring) -> None:
    """Carrying a conflict out writes what it was about; what changed in the record since then stays."""
    whole = {"name": "Deal 01", "next_step": "call"}
    amounts = {
        side: {**whole, "contract_target": {"amount": amount, "currency": "USD"}}
        for side, amount in (("base", 9_000), ("client", 12_000), ("server", 10_000))
    }
    with wiring.ports.store.transaction() as transaction:
        transaction.update(transaction.get("conflict", "conflict-1", Always()).with_fields(**amounts))
    assert 200 == rep.patch("/deals/deal-01", {"next_step": "visit on Friday"}, 1).status_code
    assert 200 == settle(rep, None).status_code
    deal = value(rep.get("/deals/deal-01"))
    assert ("visit on Friday", "10000.00") == (deal["next_step"], deal["contract_target"]["amount"])

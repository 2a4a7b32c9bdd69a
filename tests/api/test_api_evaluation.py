"""Deciding over HTTP: the same answer as at every other door, exactly, and a readable refusal of what does not fit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from flask import Flask
from small_world import NOW, Api, as_person, code, key_record, value

from adapters.wiring import Wiring
from engine import exact_json
from engine.caller import Caller
from engine.predicate import Always, Compare
from engine.service.directory import service_actor
from engine.service.evaluate import MAX_MANY, evaluate

INBOUND = "/evaluate/lead-priority/inbound"
DISCOUNT = "/evaluate/decision/discount-approval"
RETAILER = {"employees": 800, "industry": "retail", "events": [{"type": "demo request", "at": "2026-11-01T09:00:00Z"}]}
AT = "2026-11-02T09:00:00Z"


def test_the_same_bytes_as_the_use_case(analyst: Api, wiring: Wiring):
    """The answer is the decision's canonical JSON, byte for byte what the service gives to the command line."""
    raw = (
        b'{"facts": {"employees": 800, "industry": "retail", "events": [{"type": "demo request", '
        b'"at": "2026-11-01T09:00:00Z"}]}, "at": "2026-11-02T09:00:00Z", "as_of": "2026-11-23T09:00:00Z"}'
    )
    response = analyst.send("POST", INBOUND, raw=raw)
    caller = Caller(service_actor("org-a"), NOW, "cli", "cli-1")
    at = datetime(2026, 11, 2, 9, tzinfo=UTC)
    decision = evaluate(wiring.ports, caller, "lead-priority/inbound", exact_json.parse(raw)["facts"], at=at, as_of=NOW)
    assert exact_json.canonical(decision.to_json()) == response.data


def test_the_design_example(analyst: Api):
    """A large retailer who asked for a demo yesterday: contributions are exact and sum to the score."""
    found = value(analyst.post(INBOUND, {"facts": RETAILER, "at": AT}))
    assert "scored" == found["outcome"]["state"]
    assert Decimal(found["outcome"]["score"]) == sum(Decimal(reason["contribution"]) for reason in found["reasons"])


def test_without_texts(analyst: Api):
    """With `explain: false` the answer is the same without reasons and why-not."""
    body = {"facts": RETAILER, "at": AT}
    whole, brief = value(analyst.post(INBOUND, body)), value(analyst.post(INBOUND, {**body, "explain": False}))
    assert {name: part for name, part in whole.items() if name not in {"reasons", "why_not"}} == brief


def test_the_nearest_change(analyst: Api):
    """With `nearest` the answer says what would have to be different, and deciding about it gives just that."""
    facts = {"employees": 480, "industry": "retail", "annual_revenue": 60000000}
    body = {"facts": facts, "at": AT, "nearest": {"target": {"band": "A"}, "fixed": ["events"], "most": 2}}
    found = value(analyst.post(INBOUND, body))["nearest"]
    assert not found["found"]
    assert found["exact"]
    body["nearest"] = {"fixed": ["events", "seniority"]}
    found = value(analyst.post(INBOUND, body))["nearest"]
    assert "with employees 500 instead of 480 the band is B instead of C" == found["sentence"]
    changed = facts | {change["fact"]: int(change["to"]) for change in found["changes"]}
    assert found["outcome_after"] == value(analyst.post(INBOUND, {"facts": changed, "at": AT}))["outcome"]


@pytest.mark.parametrize(
    ("path", "nearest", "expected"),
    [
        (INBOUND, {"target": {"band": "Z"}}, (422, "change.target")),
        (INBOUND, {"fixed": ["employes"]}, (422, "change.fact")),
        (INBOUND, {"most": 0}, (422, "field.wrong_kind")),
        (INBOUND, {"fixed": "employees"}, (422, "field.wrong_kind")),
        (INBOUND, {"goal": {}}, (422, "field.wrong_kind")),
    ],
)
def test_a_nearest_change_that_makes_no_sense(analyst: Api, path: str, nearest: dict[str, object], expected: object):
    """A question about a nearest change that makes no sense is refused with its own code."""
    assert expected == code(analyst.post(path, {"facts": {"employees": 3}, "at": AT, "nearest": nearest}))


@pytest.mark.parametrize(("at", "version"), [("2026-11-02T09:00:00Z", 3), ("2026-09-30T23:59:59Z", 2)])
def test_the_version_in_force(analyst: Api, at: str, version: int):
    """`at` chooses the version in force then; a named version decides whatever is in force."""
    assert version == int(value(analyst.post(INBOUND, {"facts": {"employees": 10}, "at": at}))["version"])
    assert 1 == int(value(analyst.post(INBOUND, {"facts": {}, "at": at, "version": 1}))["version"])


def test_what_was_known_then(analyst: Api):
    """Before anything was published, nothing was known to be in force."""
    response = analyst.post(INBOUND, {"facts": {}, "at": AT, "as_of": "2026-01-01T00:00:00Z"})
    assert (404, "rule_set.not_in_force") == code(response)


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/evaluate/lead-priority/inbuond", {"facts": {}}, (404, "rule_set.not_found")),
        (INBOUND, {"facts": {}, "version": 77}, (404, "rule_set.version_not_found")),
        (INBOUND, {"facts": {"employees": "many"}}, (422, "facts.wrong_type")),
        (INBOUND, {"facts": {"employes": 5}}, (422, "facts.unknown_field")),
        (DISCOUNT, {"facts": {"discount_percent": 5}}, (422, "facts.missing")),
    ],
)
def test_what_is_not_decided(analyst: Api, path: str, body: dict[str, object], expected: tuple[int, str]):
    """An unknown rule set or version, and facts that do not fit, are refused with place and help."""
    response = analyst.post(path, body)
    assert expected == code(response)
    assert value(response)["problems"][0].get("help") or value(response)["problems"][0].get("path")


def test_money_never_passes_through_floats(analyst: Api):
    """A number of the body is taken digit by digit: just below a limit stays below it."""
    below = b'{"facts": {"segment": "small", "list_amount": 49999.999999999999999999999999999, "discount_percent": 5}}'
    at = b'{"facts": {"segment": "small", "list_amount": 50000.000000000000000000000000000, "discount_percent": 5}}'
    approvers = [value(analyst.send("POST", DISCOUNT, raw=raw))["outcome"]["approver"] for raw in (below, at)]
    assert ["nobody", "sales manager"] == approvers


def test_many_at_once(analyst: Api):
    """Each of many facts gets its decision or its problem, in order; one that does not fit disturbs no other."""
    found = value(analyst.post(f"{INBOUND}/bulk", {"facts": [RETAILER, {"employees": "many"}, {}], "at": AT}))
    assert (2, 1) == (int(found["decided"]), int(found["failed"]))
    assert ["decision", "problem", "decision"] == [next(iter(result)) for result in found["results"]]
    assert "$.employees" == found["results"][1]["problem"]["problems"][0]["path"]
    alone = value(analyst.post(INBOUND, {"facts": RETAILER, "at": AT, "as_of": exact_json.instant_text(NOW)}))
    assert alone == found["results"][0]["decision"]


@pytest.mark.parametrize(
    "facts", [[], [1], {}, [{}] * (MAX_MANY + 1)], ids=["none", "a number", "an object", "too many"]
)
def test_bulk_bounds(analyst: Api, facts: object):
    """A bulk evaluation takes a list of objects, at least one and at most a thousand."""
    assert (422, "field.wrong_kind") == code(analyst.post(f"{INBOUND}/bulk", {"facts": facts}))


def test_recorded_decisions(rep: Api, wiring: Wiring):
    """With `record: true` the decision is kept once for each key, and can be read with its facts."""
    body = {"facts": RETAILER, "at": AT, "record": True}
    assert (400, "request.idempotency_key_required") == code(rep.post(INBOUND, body, key=None))
    first, again = (rep.post(INBOUND, body, key="k1") for _ in range(2))
    assert first.data == again.data
    assert 1 == wiring.ports.store.count("decision", Always())
    listed = value(rep.get("/decisions", rule_set="lead-priority/inbound"))["items"]
    kept = value(rep.get(f"/decisions/{listed[0]['id']}"))
    assert value(first) == kept["document"]
    assert "retail" == kept["facts"]["industry"]
    assert "document" not in listed[0]


def test_who_may_not_write_a_decision_keeps_none(analyst: Api, app: Flask, wiring: Wiring):
    """A kept decision takes the right to write one where its maker works: an analyst decides, and keeps nothing."""
    body = {"facts": RETAILER, "at": AT}
    assert 200 == analyst.post(INBOUND, body).status_code
    assert (403, "access.denied") == code(analyst.post(INBOUND, {**body, "record": True}))
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(key_record("asking", person_id="person-sales_rep", scopes=("read:rule_version",)))
    asking = as_person(app, "asking")
    assert 200 == asking.post(INBOUND, body).status_code
    assert (403, "access.denied") == code(asking.post(INBOUND, {**body, "record": True}))
    assert 0 == wiring.ports.store.count("decision", Always())
    denied = wiring.ports.store.scan("audit_entry", Compare("action", "=", "evaluate"))
    assert [("denied", "access.denied")] * 2 == [(one["outcome"], one["reason"]) for one in denied]


def test_without_recording_nothing_is_kept(analyst: Api, wiring: Wiring):
    """A decision that is not recorded leaves nothing behind."""
    analyst.post(INBOUND, {"facts": RETAILER})
    assert 0 == wiring.ports.store.count("decision", Always())


def test_a_lead_explained(rep: Api):
    """A lead's decision is computed anew from its facts; the lead itself stays as it is."""
    found = value(rep.get("/leads/lead-06/explanation", at=AT))
    assert ("lead-priority/inbound", "scored") == (found["rule_set"], found["outcome"]["state"])
    assert '"1"' == rep.get("/leads/lead-06").headers["ETag"]
    assert (404, "record.not_found") == code(rep.get("/leads/lead-01/explanation"))


def test_a_lead_under_another_rule_set(rep: Api):
    """A rule set that does not read the lead's facts is refused, not misapplied."""
    assert 422 == rep.get("/leads/lead-06/explanation", rule_set="decision/discount-approval").status_code
    assert (404, "rule_set.not_found") == code(rep.get("/leads/lead-06/explanation", rule_set="lead-priority/none"))


def test_a_conflict_previewed_and_resolved(app: Flask, rep: Api):
    """The preview of a conflict changes nothing; its resolution does what the preview said, once."""
    preview = value(rep.get("/conflicts/conflict-1/preview"))
    assert "10000" == preview["outcome"]["merged"]["contract_target"]["amount"]
    assert "open" == value(rep.get("/conflicts/conflict-1"))["state"]
    resolve = "/conflicts/conflict-1/resolution"
    assert (428, "request.precondition_required") == code(rep.post(resolve, key=None))
    assert (412, "record.stale") == code(rep.post(resolve, headers={"If-Match": '"9"'}, key=None))
    done = rep.post(resolve, headers={"If-Match": '"1"'}, key=None)
    assert ("resolved", '"2"') == (value(done)["state"], done.headers["ETag"])
    assert {"amount": "10000.00", "currency": "USD"} == value(rep.get("/deals/deal-01"))["contract_target"]
    assert (409, "conflict.resolved") == code(rep.post(resolve, headers={"If-Match": '"2"'}, key=None))
    assert (404, "record.not_found") == code(as_person(app, "person-other").get("/conflicts/conflict-1/preview"))

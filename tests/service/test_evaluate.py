from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from world import (
    COMMISSION,
    DEAL_SYNC,
    INBOUND,
    NOW,
    as_person,
    audit,
    deal_981,
    insert,
    lead,
    make_world,
    platform,
    shipped,
    staff,
)

from engine import exact_json
from engine.predicate import Always, Compare
from engine.problems import ConflictError, InvalidError, NotFoundError
from engine.service.conflicts import explain_conflict, explain_sync, resolve_conflict
from engine.service.evaluate import MAX_MANY, evaluate, evaluate_many, replay
from engine.service.leads import explain_lead, score_lead
from engine.service.records import get_record

NAME = "lead-priority/inbound"
FACTS = {
    "employees": Decimal(800),
    "industry": "retail",
    "events": [{"type": "demo request", "at": "2026-11-22T09:00:00Z"}],
}
PEOPLE = staff()


@pytest.fixture
def ports():
    return make_world(shipped(*INBOUND, *DEAL_SYNC, *COMMISSION))


def test_the_same_question_has_the_same_bytes(ports):
    """Facts, version, `at` and `as_of` fix every byte of the answer, whoever asks."""
    asked = [
        evaluate(ports, as_person(ports, who), NAME, FACTS, at=NOW, as_of=NOW) for who in ("rep", "analyst", "admin")
    ]
    assert 1 == len({exact_json.canonical(decision.to_json()) for decision in asked})
    assert ("B", 3, Decimal("48.550855")) == (asked[0].outcome["band"], asked[0].version, asked[0].outcome["score"])
    assert asked[0].outcome["score"] == sum(reason.contribution for reason in asked[0].reasons)


def test_a_named_version_decides_whatever_is_in_force(ports):
    """With a version's number that version decides, in force or not."""
    given = {"employees": Decimal(800)}
    assert 1 == evaluate(ports, platform(), NAME, given, at=NOW, as_of=NOW, version=1).version


def test_one_wrong_item_disturbs_no_other(ports):
    """In a bulk evaluation facts that do not fit give their problem in their place."""
    found = evaluate_many(ports, platform(), NAME, [FACTS, {"employees": "many"}, {}], at=NOW, as_of=NOW)
    assert isinstance(found[1], InvalidError)
    assert ("B", "not_scored") == (found[0].outcome["band"], found[2].outcome["state"])
    with pytest.raises(InvalidError):
        evaluate_many(ports, platform(), NAME, [{}] * (MAX_MANY + 1), at=NOW, as_of=NOW)


def test_a_recorded_decision_replays(ports):
    """A stored decision is a receipt: it comes out again from its own facts, with its reasons, after later changes."""
    caller = as_person(ports, "rep")
    decision = evaluate(ports, caller, NAME, FACTS, at=NOW, as_of=NOW, record=True, subject=("lead", "l1"))
    stored = next(iter(ports.store.scan("decision", Always())))
    assert ("l1", "rep", 3) == (stored["subject_id"], stored["owner_id"], stored["version"])
    assert [("evaluate", "accepted", stored.id, None)] == audit(ports)
    later = as_person(ports, "rep", NOW + timedelta(days=400))
    assert exact_json.canonical(decision.to_json()) == exact_json.canonical(replay(ports, later, stored.id).to_json())
    with pytest.raises(NotFoundError):
        replay(ports, as_person(ports, "other"), stored.id)


def test_an_evaluation_changes_nothing(ports):
    """Without `record` nothing is written."""
    evaluate(ports, as_person(ports, "rep"), NAME, FACTS, at=NOW, as_of=NOW)
    assert (0, []) == (ports.store.count("decision", Always()), audit(ports))


def test_a_lead_is_explained_and_scored_by_the_rules_that_read_its_facts(ports):
    """Explaining computes anew and stores nothing.

    Scoring stores the outcome with its decision, and only if it changes.
    """
    insert(ports, lead("l1", PEOPLE["rep"], **FACTS))
    caller = as_person(ports, "rep")
    explained = explain_lead(ports, caller, "l1", at=NOW, as_of=NOW)
    assert ("waiting", 1) == (
        get_record(ports, caller, "lead", "l1")["score_state"],
        get_record(ports, caller, "lead", "l1").revision,
    )
    scored = score_lead(ports, caller, "l1")
    assert (explained.outcome["score"], "B", "scored", f"{NAME}@3") == tuple(
        scored[name] for name in ("score", "band", "score_state", "scored_by")
    )
    assert exact_json.canonical(explained.to_json()) == exact_json.canonical(
        replay(ports, caller, scored["decision_id"]).to_json()
    )
    assert scored.revision == score_lead(ports, caller, "l1").revision
    assert [("score", "accepted", "l1", None)] == audit(ports)
    assert 2 == explain_lead(ports, caller, "l1", at=NOW - timedelta(days=100), as_of=NOW).version


def test_a_lead_without_rules_for_its_facts_says_so(ports):
    """No rule set in force for the lead's facts, or a rule set of another kind, is a clear problem."""
    odd = lead("l1", PEOPLE["rep"]).with_fields(facts_schema="xeducation-lead/1")
    insert(ports, odd, lead("l2", PEOPLE["rep"]))
    caller = as_person(ports, "rep")
    with pytest.raises(NotFoundError) as error:
        score_lead(ports, caller, "l1")
    assert "rule_set.none_for_facts" == error.value.code
    assert [("score", "failed", "l1", "rule_set.none_for_facts")] == audit(ports)
    with pytest.raises(InvalidError) as wrong:
        explain_lead(ports, caller, "l2", at=NOW, as_of=NOW, rule_set="incentive-plan/sales-commission")
    assert "rule_set.wrong_kind" == wrong.value.code


def test_deal_981_is_decided_for_the_server(ports):
    """The device's 12,000 gives way to the server's 10,000 by the rule `contract-target`.

    The dry run changes nothing.
    """
    insert(ports, *deal_981(PEOPLE["field"]))
    caller = as_person(ports, "field")
    decision = explain_conflict(ports, caller, "c-981", at=NOW, as_of=NOW)
    row = next(row for row in decision.outcome["fields"] if row["field"] == "contract_target")
    assert ("server", Decimal(10_000), Decimal(12_000), "contract-target", False) == (
        row["winner"], row["value"]["amount"], row["client"]["amount"], row["rule"], decision.outcome["needs_person"]
    )  # fmt: skip
    assert (1, []) == (get_record(ports, caller, "conflict", "c-981").revision, audit(ports))


def test_resolving_writes_record_and_conflict_together(ports):
    """Carrying a decision out changes the deal and closes the conflict, once.

    What was overwritten stays in the conflict.
    """
    insert(ports, *deal_981(PEOPLE["field"]))
    caller = as_person(ports, "field")
    resolved = resolve_conflict(ports, caller, "c-981", revision=1)
    deal = get_record(ports, caller, "deal", "deal-981")
    assert ("resolved", Decimal(10_000), NOW) == (resolved["state"], deal["contract_target"].amount, deal["changed_at"])
    assert Decimal(12_000) == resolved["client"]["contract_target"]["amount"]
    assert [("resolve", "accepted", "deal-981", None), ("resolve", "accepted", "c-981", None)] == audit(ports)
    with pytest.raises(ConflictError) as error:
        resolve_conflict(ports, caller, "c-981", revision=2)
    assert "conflict.resolved" == error.value.code


def test_what_the_rules_leave_to_a_person_is_not_resolved(ports):
    """A conflict whose rules keep both values waits for a person, and nothing is written."""
    deal, conflict = deal_981(PEOPLE["field"])
    stages = {"base": {"stage": "Engaging"}, "client": {"stage": "Won"}, "server": {"stage": "Lost"}}
    insert(ports, deal, conflict.with_fields(**stages))
    with pytest.raises(ConflictError) as error:
        resolve_conflict(ports, as_person(ports, "field"), "c-981", revision=1)
    assert ("conflict.needs_person", 1) == (
        error.value.code,
        get_record(ports, platform(), "deal", "deal-981").revision,
    )


def test_a_choice_is_an_override_with_reason_and_approver(ports):
    """Where a person chooses against open rules, the log names who answers for it and why, with both values."""
    deal, conflict = deal_981(PEOPLE["field"])
    stages = {"base": {"stage": "Engaging"}, "client": {"stage": "Prospecting"}, "server": {"stage": "Lost"}}
    insert(ports, deal, conflict.with_fields(**stages))
    caller = as_person(ports, "field")
    done = resolve_conflict(ports, caller, "c-981", revision=1, choices={"stage": "client"}, reason=" by phone ")
    assert "by phone" == done["outcome"]["reason"]
    for entry in ports.store.scan("audit_entry", Compare("action", "=", "resolve")):
        assert ("field", "by phone") == (entry["approver_id"], entry["reason"])
        if entry["record_type"] == "conflict":
            choice = entry["changes"]["choice.stage"]
            assert {"client": "Prospecting", "server": "Lost"} == choice["before"]


@pytest.mark.parametrize("reason", [None, "", " \t\n", "x" * 1_001])
def test_a_choice_without_a_reason_changes_nothing(ports, reason):
    """An override that says nothing of why, or too much, is refused, and the refusal is in the log."""
    deal, conflict = deal_981(PEOPLE["field"])
    stages = {"base": {"stage": "Engaging"}, "client": {"stage": "Prospecting"}, "server": {"stage": "Lost"}}
    insert(ports, deal, conflict.with_fields(**stages))
    caller = as_person(ports, "field")
    with pytest.raises(InvalidError) as error:
        resolve_conflict(ports, caller, "c-981", revision=1, choices={"stage": "client"}, reason=reason)
    assert "audit.reason" == error.value.code
    assert (1, "open") == ((found := get_record(ports, caller, "conflict", "c-981")).revision, found["state"])
    assert [("resolve", "failed", "c-981", "audit.reason")] == audit(ports)


def test_an_outcome_of_the_rules_needs_no_reason_and_keeps_one(ports):
    """Where the rules decided everything nobody has to say why; who does is heard."""
    insert(ports, *deal_981(PEOPLE["field"]))
    caller = as_person(ports, "field")
    done = resolve_conflict(ports, caller, "c-981", revision=1, reason="asked for by the customer")
    assert "asked for by the customer" == done["outcome"]["reason"]
    assert {("asked for by the customer", None)} == {
        (entry["reason"], entry["approver_id"])
        for entry in ports.store.scan("audit_entry", Compare("action", "=", "resolve"))
    }


def test_a_decision_that_could_not_be_stored_is_in_the_log(ports):
    """Facts that do not fit leave an entry where the decision was to be kept, and none where it was not."""
    caller = as_person(ports, "rep")
    for record in (False, True):
        with pytest.raises(InvalidError):
            evaluate(ports, caller, "lead-priority/inbound", {"employees": "x"}, at=NOW, as_of=NOW, record=record)
    assert [("evaluate", "failed", "lead-priority/inbound")] == [entry[:3] for entry in audit(ports)]


def test_a_conflict_in_hand_is_explained_the_same(ports):
    """A conflict that is given rather than stored gets the same answer."""
    insert(ports, *deal_981(PEOPLE["field"]))
    stored = get_record(ports, platform(), "conflict", "c-981")
    facts = {name: stored[name] for name in ("record_type", "record_id", "base", "client", "server", "device_id")} | {
        "client_at": exact_json.instant_text(stored["client_at"]),
        "server_at": exact_json.instant_text(stored["server_at"]),
    }
    given = explain_sync(ports, platform(), "sync-conflict/deal", facts, at=NOW, as_of=NOW)
    kept = explain_conflict(ports, platform(), "c-981", at=NOW, as_of=NOW)
    assert exact_json.canonical(given.to_json()) == exact_json.canonical(kept.to_json())

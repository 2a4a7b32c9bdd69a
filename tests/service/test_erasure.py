"""Erasing somebody: the log's values, the live records, who may do it, and that every proof stays."""

from __future__ import annotations

from decimal import Decimal

import pytest
from world import NOW, ORGANISATION, as_person, insert, lead, make_world, staff

from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import Tree, includes, is_consistent, leaf_hash
from engine.ports import Ports, Store
from engine.predicate import Compare
from engine.problems import BylawError, DeniedError, NotFoundError
from engine.records import Money, Record
from engine.service.audit import list_audit
from engine.service.directory import actor_of
from engine.service.erasure import erase_subject
from engine.service.records import update_record

MINE = Compare("organisation_id", "=", ORGANISATION)


@pytest.fixture
def ports(store: Store) -> Ports:
    ports = make_world(store=store)
    insert(ports, lead("lead-1", staff()["rep"]).with_fields(name="Eve Example"))
    for name in ("Eve Sample", "Eve Ample"):
        seen = ports.store.get("lead", "lead-1", MINE)
        update_record(ports, as_person(ports, "rep"), "lead", "lead-1", {"name": name}, revision=seen.revision)
    return ports


def entries(ports: Ports) -> list[Record]:
    return list(ports.store.scan("audit_entry", MINE))


def test_a_lead_is_erased_from_log_and_record(ports: Ports) -> None:
    """No value that was personal is read again, neither in the log nor in the record; the rest stays."""
    assert [one["changes"]["name"]["after"] for one in entries(ports)] == ["Eve Sample", "Eve Ample"]
    done = erase_subject(ports, as_person(ports, "admin"), "lead/lead-1", "request 17")
    assert (done.records, done.done_before) == (1, False)
    assert ports.store.get("lead", "lead-1", MINE)["name"] == "erased"
    page = list_audit(ports, as_person(ports, "admin"))
    assert "Eve" not in repr([dict(one.fields) for one in (*page.records, *entries(ports))])
    last = entries(ports)[-1]
    assert (last["action"], last["outcome"], last["reason"], last["approver_id"]) == (
        "erase", "accepted", "request 17", "admin",
    )  # fmt: skip


def test_every_proof_made_before_is_valid_after(ports: Ports) -> None:
    """The root that was known before stands, and each entry, read afterwards, is proved to be in its tree."""
    before = ports.store.log_head(ORGANISATION)
    erase_subject(ports, as_person(ports, "admin"), "lead/lead-1", "request 17")
    leaves = [leaf_hash(leaf_bytes(entry)) for entry in entries(ports)]
    tree = Tree(leaves)
    assert tree.root(before.size) == before.root
    assert before.size == 2
    for index in range(before.size):
        assert includes(before.root, before.size, index, leaves[index], tree.inclusion(index, before.size))
    assert is_consistent(before.size, before.root, tree.size, tree.root(), tree.consistency(before.size))


def test_a_person_is_erased_wherever_the_log_names_them(ports: Ports) -> None:
    """Entries that a person made are read as made by `erased`; the person cannot sign in, and the ids stay."""
    erase_subject(ports, as_person(ports, "admin"), "person/rep", "request 18")
    assert {one["actor_name"] for one in entries(ports) if one["actor_id"] == "rep"} == {"erased"}
    person = ports.store.get("person", "rep", MINE)
    assert (person["name"], person["email"], person["active"]) == ("erased", None, False)
    with pytest.raises(NotFoundError):
        actor_of(ports, "rep")


def test_what_tells_about_a_person_elsewhere_is_erased_too(ports: Ports) -> None:
    """Statements, results of runs and outcomes of conflicts keep their figures and lose the person's name alone."""
    owned = {"owner_id": "rep", "region_id": "r1"}
    zero = Money(Decimal(0), "USD")
    rows = [
        {"payee": "rep", "name": "Rep Name", "payout": "7"},
        {"payee": "field", "name": "Field Name", "payout": "8"},
    ]
    chosen = [{"field": "stage", "chosen_by": {"id": "rep", "name": "Rep Name", "role": "sales_rep"}}]
    insert(
        ports,
        Record("statement", "s1", ORGANISATION, {
            **owned, "payee_name": "Rep Name", "plan": "p", "plan_digest": "d", "plan_version": 1, "period": "2026-Q3",
            "state": "draft", "credited": zero, "excluded": zero, "payout": zero, "decision": {"outcome": {}},
            "calculated_at": NOW,
        }),
        Record("job", "j1", ORGANISATION, {
            "kind": "incentive-run", "title": "t", "state": "succeeded", "actor_id": "service", "parameters": {},
            "result": {"by_payee": rows}, "checkpoint": {"payees": rows}, "created_at": NOW,
        }),
        Record("conflict", "c1", ORGANISATION, {
            "record_type": "deal", "record_id": "d1", "state": "resolved", "rule_set": "s", "schema": "x", "base": {},
            "client": {}, "server": {}, "outcome": {"fields": chosen}, "client_at": NOW, "server_at": NOW,
            "found_at": NOW,
        }),
    )  # fmt: skip
    assert erase_subject(ports, as_person(ports, "admin"), "person/rep", "request 18").records == 4
    kept = [
        ports.store.get(kind, name, MINE) for kind, name in (("statement", "s1"), ("job", "j1"), ("conflict", "c1"))
    ]
    assert "Rep Name" not in repr(kept)
    assert kept[0]["payee_name"] == "erased"
    assert kept[1]["result"]["by_payee"] == [{**rows[0], "name": "erased"}, rows[1]]
    assert kept[2]["outcome"]["fields"][0]["chosen_by"] == {"id": "rep", "name": "erased", "role": "sales_rep"}


def test_erasing_again_changes_nothing(ports: Ports) -> None:
    """The second time nothing is written, and it is said that it was done before."""
    admin = as_person(ports, "admin")
    erase_subject(ports, admin, "lead/lead-1", "request 17")
    before = entries(ports)
    assert erase_subject(ports, admin, "lead/lead-1", "request 17").done_before
    assert before == entries(ports)


def test_a_record_that_was_filled_again_is_overwritten_again(ports: Ports) -> None:
    """Somebody who writes a name back after the erasure leaves nothing in the log, and erasing removes it once more."""
    admin = as_person(ports, "admin")
    erase_subject(ports, admin, "lead/lead-1", "request 17")
    seen = ports.store.get("lead", "lead-1", MINE)
    update_record(ports, as_person(ports, "rep"), "lead", "lead-1", {"name": "Eve"}, revision=seen.revision)
    assert entries(ports)[-1]["changes"]["name"] == {"before": "erased", "after": "erased"}
    assert erase_subject(ports, admin, "lead/lead-1", "request 19").records == 1
    assert ports.store.get("lead", "lead-1", MINE)["name"] == "erased"


@pytest.mark.parametrize("who", ["rep", "manager", "analyst"])
def test_only_admins_erase(ports: Ports, who: str) -> None:
    """Nobody but a platform administrator erases, and the attempt is in the log; nothing is destroyed by it."""
    with pytest.raises((DeniedError, NotFoundError)):
        erase_subject(ports, as_person(ports, who), "lead/lead-1", "because")
    assert (entries(ports)[-1]["action"], entries(ports)[-1]["outcome"]) == ("erase", "denied")
    assert ports.store.get("lead", "lead-1", MINE)["name"] == "Eve Ample"
    assert entries(ports)[0]["changes"]["name"]["after"] == "Eve Sample"


@pytest.mark.parametrize(
    ("subject", "reason", "code"),
    [
        ("deal/d1", "r", "audit.subject"),
        ("lead/", "r", "audit.subject"),
        ("", "r", "audit.subject"),
        ("lead/nobody", "r", "record.not_found"),
        ("lead/lead-1", " ", "audit.reason"),
        ("lead/lead-1", "x" * 1_001, "audit.reason"),
    ],
)
def test_what_cannot_be_erased_is_said(ports: Ports, subject: str, reason: str, code: str) -> None:
    """A subject that names nobody and a reason that says nothing are refused, and the attempt is in the log."""
    with pytest.raises(BylawError) as refused:
        erase_subject(ports, as_person(ports, "admin"), subject, reason)
    assert refused.value.code == code
    assert (entries(ports)[-1]["action"], entries(ports)[-1]["reason"]) == ("erase", code)

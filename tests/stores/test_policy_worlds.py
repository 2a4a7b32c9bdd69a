"""Every role, action and record type over every small world: one meaning in the predicate, in Oso and in the stores."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import small_worlds as small
from record_samples import draft

import engine.predicate as predicate_module
from adapters.stores import open_store
from adapters.stores.mongodb import conditions as mongodb_conditions
from adapters.stores.sqlite import conditions as sqlite_conditions
from engine.caller import Actor
from engine.policy import ACTIONS, ALL_ROLES, Policies
from engine.policy.oso_border import build
from engine.policy.rows import allow_rules
from engine.policy.vocabulary import User, class_name, resource
from engine.ports import Sort, Store
from engine.predicate import In, Never, Predicate, matches
from engine.problems import ConflictError
from engine.records import RECORD_TYPES, FieldKind, Money, Record, RecordType, record_type, signed

ME = {"region_id": "north", "branch_id": "oslo", "team_id": "red", "owner_id": "ann", "territory_id": "t1"}
ELSEWHERE = {"region_id": "south", "branch_id": "rome", "team_id": "blue", "owner_id": "bob", "territory_id": "t9"}
MISSING = object()
ILL = (None, MISSING, ["ann"], 7, True, {"$ne": None})
"""What an attribute should not be: null, missing, a list, another type, a mapping."""

AS_LEADS = ("deal", "account", "check_in", "conflict", "decision")
"""Types with the row of a lead, word for word: their cells are the same, so a lead's worlds stand for theirs."""


def actor(role: str, **changes: Any) -> Actor:
    given = {"id": "ann", "organisation_id": "acme", "region_id": "north", "branch_id": "oslo", "team_id": "red"}
    return Actor(**{"name": "Ann", "role": role, "territory_ids": ("t1", "t2"), **given, **changes})


ACTORS = [
    *(actor(role) for role in ALL_ROLES),
    *(actor(role, team_id="", territory_ids=()) for role in ("sales_manager", "revops_analyst", "platform_admin")),
]


def places() -> Iterator[dict[str, Any]]:
    """Own, team, branch and beyond, each with one attribute elsewhere, and each with one attribute ill."""
    bases = [
        ME,
        {**ME, "territory_id": "t2"},
        {**ME, "territory_id": "t9"},
        {**ME, "owner_id": "bob"},
        {**ME, "owner_id": "bob", "team_id": "blue"},
        {**ME, "team_id": "blue"},
        {**ME, "team_id": "blue", "territory_id": "t9"},
        {**ELSEWHERE, "region_id": "north"},
    ]
    yield from bases
    yield ELSEWHERE
    for base, ills in ((bases[0], ILL), (bases[4], ILL[:3])):
        for name in ME:
            yield {**base, name: ELSEWHERE[name]}
            for ill in ills:
                yield {**base, name: ill}


def worlds(known: RecordType) -> list[Record]:
    """Records of a type with a place, in each place; the first again in another organisation: the wall."""
    given = [{name: value for name, value in place.items() if value is not MISSING} for place in places()]
    records = [Record(known.name, f"r{number:04d}", "acme", fields, 1) for number, fields in enumerate(given)]
    return [*records, replace(records[0], id="ann", organisation_id="rival")]


@pytest.mark.parametrize("name", AS_LEADS)
def test_the_predicate_is_osos_answer(policies: Policies, name: str) -> None:
    """For types whose worlds a lead's stand for, predicate and Oso agree about own, team, branch and beyond too."""
    known = record_type(name)
    records = worlds(known)
    for who in ACTORS:
        for action in ACTIONS:
            predicate = policies.predicate(who, action, known.name)
            granted = [matches(predicate, record.values()) for record in records]
            asked = records if predicate != Never() else records[:6]
            reference = [policies.reference_allows(who, action, record) for record in asked]
            differing = [record for record, one, other in zip(asked, granted, reference, strict=False) if one != other]
            assert differing == [], (who.role, action)
            reached = {record.organisation_id for record, one in zip(records, granted, strict=True) if one}
            assert reached <= {"acme"}
            if predicate != Never():
                assert True in granted, (who.role, action)
                assert False in granted, (who.role, action)


def test_types_with_the_row_of_a_lead_have_its_cells(policies: Policies) -> None:
    """What is proved of leads holds of the other records of the business: same rule, same conditions in every cell."""
    heads = {rule.head for rule in allow_rules(policies.files)}
    for name in AS_LEADS:
        assert f"allow(user: User, action: String, record: {class_name(name)})" in heads
        for role, action in itertools.product(ALL_ROLES, set(ACTIONS) - {"erase"}):  # which leads alone have
            leads, others = (policies.cell(role, action, one) for one in ("lead", name))
            assert set(leads.paths()) == set(others.paths())


def test_the_small_worlds_vary_all_that_is_asked(policies: Policies) -> None:
    """No cell asks for a field that the worlds leave alone."""
    for known in RECORD_TYPES:
        varied = {"organisation_id", *small.fields(known), *(("id",) if known.name in small.IDS else ())}
        for role, action in itertools.product(ALL_ROLES, ACTIONS):
            for path in policies.cell(role, action, known.name).paths():
                asked = {literal.field for literals in path.template.conjunctions() for literal in literals}
                assert asked <= varied, (role, action, known.name)


@pytest.fixture(scope="module")
def oso(policies: Policies) -> Any:
    """Oso itself with the policies: the reference."""
    return build(policies.files).oso


@pytest.mark.parametrize(
    "known", [one for one in RECORD_TYPES if one.name not in AS_LEADS], ids=lambda known: known.name
)
def test_oso_and_the_predicate_agree_on_every_small_world(
    policies: Policies, oso: Any, known: RecordType, proved: Callable[[str, Mapping[str, int]], None]
) -> None:
    """For every role, action and small world, Oso's check and the predicate give one answer.

    Oso sees every unknown value as the same thing, so it is asked once for all its forms; the predicate is matched
    against each. Of a cell that is empty Oso is asked about one world in forty: no rule of it has any alternative.
    """
    few = len(small.fields(known)) < len(small.MINE)
    records = list(small.worlds(known, every_null=few or known.name == "lead"))
    forms = [list(small.variants(record)) for record in records]
    views = [resource(record) for record in records]
    counts = Counter({"worlds": len(records), "in so many forms": sum(map(len, forms))})
    seen: set[tuple[Predicate, tuple[bool, ...]]] = set()
    for who in small.people():
        for action in ACTIONS:
            predicate, user = policies.predicate(who, action, known.name), User(who)
            step = 1 if predicate != Never() else 40
            answers = tuple(oso.is_allowed(user, action, view) for view in views[::step])
            differing = [] if (predicate, answers) in seen else disagreements(predicate, forms[::step], answers)
            seen.add((predicate, answers))
            compared = sum(map(len, forms[::step]))
            counts += Counter({"cells": 1, "answers of Oso": len(answers), "answers of predicates": compared})
            assert differing == [], (who.role, action)
            if predicate != Never() and who.team_id:
                assert set(answers) == {True, False}, (who.role, action)
    proved("policies in Oso and Python, no disagreement", counts)


def disagreements(
    predicate: Predicate, forms: list[list[dict[str, Any]]], answers: tuple[bool, ...]
) -> list[dict[str, Any]]:
    """The forms of worlds in which the predicate says something else than the answer."""
    return [
        values
        for variants, answer in zip(forms, answers, strict=True)
        for values in variants
        if matches(predicate, values) is not answer
    ]


def meaning(role: str, action: str, fields: dict[str, Any]) -> bool:
    """The matrix in MISSION's words, written down a second time: the narrowest scope that holds the record decides."""
    cells = {
        "sales_rep": ("rw", "", ""),
        "field_sales_rep": ("rw", "", ""),
        "sales_manager": ("rw", "rw", "r"),
        "revops_analyst": ("r", "r", "rw"),
        "platform_admin": ("rw", "rw", "rw"),
    }[role]
    if fields["region_id"] != "north":
        return False
    if fields["owner_id"] == "ann" and fields["territory_id"] in ("t1", "t2"):
        decides = cells[0]
    elif fields["team_id"] == "red":
        decides = cells[1]
    elif fields["branch_id"] == "oslo":
        decides = cells[2]
    else:
        decides = ""
    return action[0] in decides


GOVERNED = ("lead", "deal", "account", "check_in", "conflict", "decision")


@pytest.mark.parametrize("type_name", GOVERNED)
def test_the_narrowest_scope_decides(policies: Policies, type_name: str) -> None:
    """For every business record and every combination of places the policies grant exactly what the matrix says."""
    for values in itertools.product(*((ME[name], ELSEWHERE[name]) for name in ME)):
        fields = dict(zip(ME, values, strict=True))
        record = Record(type_name, "r1", "acme", fields)
        for role in ALL_ROLES[:-1]:
            for action in ("read", "write"):
                expected = meaning(role, action, fields)
                assert expected == policies.allows(actor(role), action, record), (role, action, fields)


# -- the stores


FILLING: dict[FieldKind, Any] = {
    FieldKind.TEXT: "x",
    FieldKind.INTEGER: 1,
    FieldKind.DECIMAL: Decimal(1),
    FieldKind.MONEY: Money(Decimal(1), "USD"),
    FieldKind.BOOLEAN: True,
    FieldKind.DATE: date(2026, 1, 1),
    FieldKind.INSTANT: datetime(2026, 1, 1, tzinfo=UTC),
    FieldKind.TEXTS: (),
    FieldKind.DOCUMENT: {},
}


def storable(record: Record, number: int) -> Record | None:
    """The record with its required fields filled, or None if it holds what no store keeps."""
    known = record_type(record.type)
    if any(value is not None and not isinstance(value, str) for value in record.fields.values()):
        return None
    filled = {
        field.name: f"x{number}"
        if field.kind is FieldKind.TEXT
        else number
        if (field.name,) in known.unique
        else FILLING[field.kind]
        for field in known.fields
        if field.required
    }
    wanted = {name: value for name, value in record.fields.items() if value is not None or name not in filled}
    return Record(record.type, record.id, record.organisation_id, {**filled, **wanted})


def fill(store: Store, known: RecordType, organisations: tuple[str, str]) -> list[Record]:
    """The small worlds of a type, put into a store and read back.

    Every third of a type with a lead's cells; every seventh of the log, which a store appends to one by one.
    """
    every_null = known.name in ("lead", "rule_version")
    step = 7 if known.name == "audit_entry" else 3 if known.name in AS_LEADS else 1
    made = small.worlds(known, every_null=every_null, organisations=organisations)
    with store.transaction() as transaction:
        for number, record in enumerate(itertools.islice(made, 0, None, step)):
            if known.name == "audit_entry":
                place = {name: record[name] for name in ME}
                about = record["record_type"] or "deal"
                transaction.append_audit(draft(record.organisation_id, record.id, record_type=about, place=place))
            else:
                _insert_once(transaction, storable(record, number))
    return list(store.scan(known.name, In("organisation_id", organisations)))


def _insert_once(transaction: Any, record: Record | None) -> None:
    assert record is not None
    try:
        transaction.insert(record)
    except ConflictError:  # worlds of organisations, regions and people share two ids: each is stored once
        assert record.type in small.IDS, record


def misplaced(policies: Policies, store: Store, stored: list[Record], organisation: str) -> tuple[int, list[str]]:
    """How many lists were compared, and the cells whose list or count is not what the check says record by record."""
    type_name = stored[0].type
    usual = [Sort(name, falls) for names in record_type(type_name).orders[:1] for name, falls in map(signed, names)]
    asked: dict[Predicate, str] = {}
    for who, action in itertools.product(small.people(organisation), ACTIONS):
        asked.setdefault(policies.predicate(who, action, type_name), f"{who.role} {action} {type_name}")
    wrong = []
    for predicate, cell in asked.items():
        expected = [record.id for record in stored if matches(predicate, record.values())]
        listed = [record.id for record in store.scan(type_name, predicate)]
        paged = sorted(record.id for record in store.find(type_name, predicate, sort=usual, limit=1000).records)
        if listed != expected or paged != expected or store.count(type_name, predicate) != len(expected):
            wrong.append(cell)
    return len(asked), wrong


def test_lists_are_checks_in_every_store(
    policies: Policies, store: Store, request: pytest.FixtureRequest, proved: Callable[[str, Mapping[str, int]], None]
) -> None:
    """What a store lists and counts under a predicate is what the check allows record by record, for every cell."""
    counts: Counter[str] = Counter()
    for known in RECORD_TYPES:
        stored = fill(store, known, ("acme", "rival"))
        lists, wrong = misplaced(policies, store, stored, "acme")
        assert wrong == []
        counts += Counter({"worlds": len(stored), "lists": lists, "answers": lists * len(stored)})
    proved(f"policies in Python and the {request.node.callspec.id} store, no disagreement", counts)


@pytest.mark.usefixtures("by_holder")
def test_lists_by_holder_are_checks(
    policies: Policies, tmp_path: Path, proved: Callable[[str, Mapping[str, int]], None]
) -> None:
    """So is what SQLite lists holder by holder, as it does for whoever may see little of much."""
    counts: Counter[str] = Counter()
    with closing(open_store(f"sqlite:///{tmp_path / 'records.db'}")) as store:
        for known in (known for known in RECORD_TYPES if known.field("owner_id")):
            stored = fill(store, known, ("acme", "rival"))
            lists, wrong = misplaced(policies, store, stored, "acme")
            assert wrong == []
            counts += Counter({"worlds": len(stored), "lists": lists, "answers": lists * len(stored)})
    proved("policies in Python and SQLite by holder, no disagreement", counts)


# -- seeded faults: the comparisons above find what they are for


def test_a_fault_in_python_is_found(policies: Policies, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check for which null, a list or another type is unequal to a text is seen to disagree with Oso."""
    analyst, right = actor("revops_analyst"), predicate_module._compare
    records = list(small.worlds(record_type("lead"), every_null=False))
    forms = [list(small.variants(record)) for record in records]
    answers = tuple(policies.reference_allows(analyst, "write", record) for record in records)
    predicate = policies.predicate(analyst, "write", "lead")
    assert disagreements(predicate, forms, answers) == []

    def wrong(held: Any, operator: Any, value: Any) -> bool:
        return right(held, operator, value) or (operator == "!=" and not isinstance(held, str))

    monkeypatch.setattr(predicate_module, "_compare", wrong)
    found = disagreements(predicate, forms, answers)
    assert {repr(values.get("owner_id")) for values in found} >= {"None", "7", "['ann']", "{'$ne': None}"}


def test_a_fault_in_sql_is_found(policies: Policies, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that says `IS NOT` where it should say `<>`, and so lists nulls as unequal, is seen to list too much."""
    right = sqlite_conditions._test

    def wrong(field: Any, operator: str, value: Any) -> Any:
        text, values = right(field, operator, value)
        return text.replace("<>", "IS NOT"), values

    with closing(open_store(f"sqlite:///{tmp_path / 'records.db'}")) as store:
        stored = fill(store, record_type("rule_version"), ("acme", "rival"))
        assert misplaced(policies, store, stored, "acme")[1] == []
    monkeypatch.setattr(sqlite_conditions, "_test", wrong)
    with closing(open_store(f"sqlite:///{tmp_path / 'records.db'}")) as store:
        assert "platform_admin approve rule_version" in misplaced(policies, store, stored, "acme")[1]


def test_a_fault_in_mongodb_is_found(
    policies: Policies, mongodb_store: Store, organisation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that says `$ne` and does not demand a value of the field's type is seen to list too much."""
    stored = fill(mongodb_store, record_type("rule_version"), (organisation, f"{organisation}-rival"))
    assert misplaced(policies, mongodb_store, stored, organisation)[1] == []
    monkeypatch.setattr(mongodb_conditions, "_typed", lambda _: {})
    assert "platform_admin approve rule_version" in misplaced(policies, mongodb_store, stored, organisation)[1]

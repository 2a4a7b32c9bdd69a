from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from world import (
    INBOUND,
    NOW,
    as_person,
    audit,
    codes,
    deal,
    insert,
    lead,
    make_world,
    platform,
    shipped,
    staff,
    usd,
)

from engine.ports import Sort
from engine.predicate import Compare
from engine.problems import ConflictError, DeniedError, InvalidError, NotFoundError, StaleError
from engine.records import Money, Record
from engine.service.records import (
    count_records,
    create_record,
    get_record,
    list_records,
    may_write,
    tally_records,
    update_record,
)

PEOPLE = staff()


@pytest.fixture
def ports(store):
    found = make_world(store=store)
    insert(found, deal("d-rep", PEOPLE["rep"]), deal("d-other", PEOPLE["other"]), deal("d-far", PEOPLE["far"]))
    return found


def test_a_new_record_lies_where_its_owner_works(ports):
    """A lead that a person creates belongs to that person and takes its place from the directory."""
    created = create_record(ports, as_person(ports, "rep"), "lead", {"name": "Ann"})
    place = {name: created[name] for name in ("region_id", "branch_id", "team_id", "owner_id", "territory_id")}
    expected = {"region_id": "r1", "branch_id": "b1", "team_id": "t1", "owner_id": "rep", "territory_id": "x1"}
    assert expected == place
    assert ("lead/2", {}, "waiting", NOW) == (
        created["facts_schema"],
        created["facts"],
        created["score_state"],
        created["created_at"],
    )


def test_values_are_typed_exactly(ports):
    """Every kind of field arrives with its own type, amounts and decimals exact."""
    fields = {
        "name": "Fleet",
        "stage": "Won",
        "amount": {"amount": "12000.50", "currency": "USD"},
        "closed_on": "2026-11-20",
        "tags": ["new", "big"],
    }
    created = create_record(ports, as_person(ports, "rep"), "deal", fields)
    assert (usd("12000.50"), date(2026, 11, 20), ("new", "big")) == (
        created["amount"],
        created["closed_on"],
        created["tags"],
    )
    visit = {"at": "2026-11-23T09:30:00+01:00", "latitude": Decimal("54.18"), "longitude": "-3.21"}
    stored = create_record(ports, as_person(ports, "field"), "check_in", visit)
    assert (datetime(2026, 11, 23, 8, 30, tzinfo=UTC), Decimal("54.18"), Decimal("-3.21"), "field") == (
        stored["at"],
        stored["latitude"],
        stored["longitude"],
        stored["owner_id"],
    )


def test_every_problem_of_the_fields_is_told_at_once(ports):
    """Derived and unknown fields are refused with a suggestion, together with every value that does not fit."""
    fields = {
        "stage": "Wno",
        "amount": {"amount": "1.005", "currency": "USD"},
        "closed_on": "yesterday",
        "branch_id": "b2",
        "nmae": "Fleet",
        "tags": "new",
        "contract_target": Decimal(5),
    }
    with pytest.raises(InvalidError) as error:
        create_record(ports, as_person(ports, "rep"), "deal", fields)
    expected = {
        ("field.missing", "$.name"),
        ("field.not_a_choice", "$.stage"),
        ("field.out_of_range", "$.amount"),
        ("field.wrong_kind", "$.closed_on"),
        ("field.not_settable", "$.branch_id"),
        ("field.unknown", "$.nmae"),
        ("field.wrong_kind", "$.tags"),
        ("field.wrong_kind", "$.contract_target"),
    }
    assert expected == set(codes(error))
    helps = {problem.place.path: problem.help for problem in error.value.problems}
    assert ("did you mean `name`?", "did you mean `Won`?") == (helps["$.nmae"], helps["$.stage"])


def test_score_and_place_cannot_be_assigned(ports):
    """No request sets what Bylaw derives: place, score, decision."""
    insert(ports, lead("l1", PEOPLE["rep"]))
    changes = {"score": Decimal(99), "band": "A", "team_id": "t2", "id": "x", "organisation_id": "y", "revision": 7}
    with pytest.raises(InvalidError) as error:
        update_record(ports, as_person(ports, "rep"), "lead", "l1", changes, revision=1)
    assert {("field.not_settable", f"$.{name}") for name in changes} == set(codes(error))


def test_outside_the_read_scope_a_record_does_not_exist(ports):
    """A representative neither reads nor changes a colleague's deal: it is not found, and the attempt is in the log."""
    caller = as_person(ports, "rep")
    with pytest.raises(NotFoundError):
        get_record(ports, caller, "deal", "d-other")
    with pytest.raises(NotFoundError):
        update_record(ports, caller, "deal", "d-other", {"name": "Mine"}, revision=1)
    assert [("update", "denied", "d-other", "record.not_found")] == audit(ports)
    entry = next(iter(ports.store.scan("audit_entry", Compare("action", "=", "update"))))
    assert ("rep", "t1") == (entry["owner_id"], entry["team_id"])


def test_inside_it_a_write_is_denied(ports):
    """An analyst reads the own team's deal and may not write it; one of another team of the branch is written."""
    caller = as_person(ports, "analyst")
    assert "d-other" == get_record(ports, caller, "deal", "d-other").id
    with pytest.raises(DeniedError):
        update_record(ports, caller, "deal", "d-other", {"name": "Mine"}, revision=1)
    assert 2 == update_record(ports, caller, "deal", "d-rep", {"name": "Ours"}, revision=1).revision
    assert [("update", "denied", "d-other", "access.denied"), ("update", "accepted", "d-rep", None)] == audit(ports)
    assert (False, True) == tuple(
        may_write(ports, caller, get_record(ports, caller, "deal", one)) for one in ("d-other", "d-rep")
    )


def test_nothing_is_moved_to_where_its_writer_could_not_write(ports):
    """A representative cannot give a deal away: as it would be, it would be somebody else's."""
    with pytest.raises(DeniedError):
        update_record(ports, as_person(ports, "rep"), "deal", "d-rep", {"owner_id": "other"}, revision=1)
    assert "rep" == get_record(ports, platform(), "deal", "d-rep")["owner_id"]
    moved = update_record(ports, as_person(ports, "manager"), "deal", "d-rep", {"owner_id": "field"}, revision=1)
    assert ("field", "t1") == (moved["owner_id"], moved["team_id"])
    with pytest.raises(InvalidError) as error:
        update_record(ports, as_person(ports, "manager"), "deal", "d-rep", {"owner_id": "nobody"}, revision=2)
    assert [("field.unknown_reference", "$.owner_id")] == codes(error)


def test_a_stale_change_is_refused_with_the_present_revision(ports):
    """Who saw an older revision is told the present one; nothing changes and the log says so."""
    caller = as_person(ports, "rep")
    update_record(ports, caller, "deal", "d-rep", {"name": "Two"}, revision=1)
    with pytest.raises(StaleError) as error:
        update_record(ports, caller, "deal", "d-rep", {"name": "Three"}, revision=1)
    assert (2, "Two") == (error.value.current_revision, get_record(ports, caller, "deal", "d-rep")["name"])
    assert [("update", "accepted", "d-rep", None), ("update", "failed", "d-rep", "record.stale")] == audit(ports)


def test_a_change_that_changes_nothing_writes_nothing(ports):
    """The same values again leave revision and log as they are."""
    caller = as_person(ports, "rep")
    again = update_record(ports, caller, "deal", "d-rep", {"name": "D-Rep"}, revision=1)
    assert (1, []) == (again.revision, audit(ports))


def test_the_log_holds_what_changed(ports):
    """An accepted change's entry has both values of every changed field, and digests that differ."""
    update_record(
        ports, as_person(ports, "rep"), "deal", "d-rep", {"amount": {"amount": 5, "currency": "USD"}}, revision=1
    )
    entry = next(iter(ports.store.scan("audit_entry", Compare("action", "=", "update"))))
    expected = {"before": None, "after": {"amount": "5.00", "currency": "USD"}}
    assert expected == entry["changes"]["amount"]
    assert entry["before_digest"] != entry["after_digest"]
    assert ("rep", "sales_rep", "api", "t1") == (
        entry["actor_id"],
        entry["actor_role"],
        entry["channel"],
        entry["team_id"],
    )


def test_references_must_be_readable(ports):
    """A deal's account must be one that the writer may read; its name is then kept beside the id."""
    accounts = [
        Record(
            "account",
            f"a-{one}",
            "acme",
            {
                "name": f"Account {one}",
                **{n: PEOPLE[one][n] for n in ("region_id", "branch_id", "team_id", "territory_id")},
                "owner_id": one,
            },
        )
        for one in ("rep", "far")
    ]
    insert(ports, *accounts, Record("product", "p1", "acme", {"name": "Trackline"}))
    caller = as_person(ports, "rep")
    changed = update_record(ports, caller, "deal", "d-rep", {"account_id": "a-rep", "product": "Trackline"}, revision=1)
    assert "Account rep" == changed["account_name"]
    with pytest.raises(InvalidError) as error:
        update_record(ports, caller, "deal", "d-rep", {"account_id": "a-far", "product": "Traklin"}, revision=2)
    assert [("field.unknown_reference", "$.account_id"), ("field.unknown_reference", "$.product")] == codes(error)
    assert None is update_record(ports, caller, "deal", "d-rep", {"account_id": None}, revision=2)["account_name"]


def test_a_closed_deal_needs_its_day(ports):
    """Won and lost deals have a closing day, open ones have none."""
    caller = as_person(ports, "rep")
    with pytest.raises(InvalidError) as error:
        update_record(ports, caller, "deal", "d-rep", {"stage": "Won"}, revision=1)
    assert [("field.missing", "$.closed_on")] == codes(error)
    won = update_record(ports, caller, "deal", "d-rep", {"stage": "Won", "closed_on": "2026-11-20"}, revision=1)
    assert NOW == won["changed_at"]
    with pytest.raises(InvalidError) as error:
        update_record(ports, caller, "deal", "d-rep", {"stage": "Engaging"}, revision=2)
    assert [("field.out_of_range", "$.closed_on")] == codes(error)


@pytest.mark.parametrize(
    ("splits", "path"),
    [
        ([{"payee": "rep", "share": Decimal(60)}, {"payee": "field", "share": Decimal(30)}], "$.splits"),
        ([{"payee": "rep", "share": Decimal(60)}, {"payee": "rep", "share": Decimal(40)}], "$.splits[1]"),
        ([{"payee": "ghost", "share": Decimal(100)}], "$.splits[0]"),
        ([{"payee": "rep", "share": Decimal(0)}], "$.splits[0]"),
        ([{"payee": "rep", "percent": Decimal(100)}], "$.splits[0]"),
        ([], "$.splits"),
    ],
)
def test_shares_are_known_people_who_share_everything(ports, splits, path):
    """The shares of a deal name known people once each and are 100 percent together."""
    with pytest.raises(InvalidError) as error:
        update_record(ports, as_person(ports, "rep"), "deal", "d-rep", {"splits": splits}, revision=1)
    assert [path] == [found for _, found in codes(error)]


def test_facts_must_fit_their_schema_and_unsettle_the_score():
    """Wrong facts are told with their paths below `$.facts`; changed facts put the score back to waiting."""
    ports = make_world(shipped(*INBOUND))
    scored = lead("l1", PEOPLE["rep"]).with_fields(score=Decimal(40), band="B", score_state="scored", scored_by="x@1")
    insert(ports, scored)
    caller = as_person(ports, "rep")
    wrong = {"employees": "12", "industri": "retail", "events": [{"type": "demo request"}]}
    with pytest.raises(InvalidError) as error:
        update_record(ports, caller, "lead", "l1", {"facts": wrong}, revision=1)
    assert {"$.facts.employees", "$.facts.industri", "$.facts.events[0].at"} == {path for _, path in codes(error)}
    changed = update_record(ports, caller, "lead", "l1", {"facts": {"employees": Decimal(800)}}, revision=1)
    assert (None, None, "waiting", None) == tuple(
        changed[name] for name in ("score", "band", "score_state", "scored_by")
    )
    with pytest.raises(InvalidError) as error:
        update_record(ports, caller, "lead", "l1", {"facts_schema": "laed/2"}, revision=2)
    assert ["$.facts_schema"] == [path for _, path in codes(error)]


def test_lists_counts_and_tallies_stay_inside_the_scope(ports):
    """What a caller may not read is in no page, no count and no tally."""
    seen = {
        who: count_records(ports, as_person(ports, who), "deal")
        for who in ("rep", "other", "manager", "analyst", "far")
    }
    assert {"rep": 1, "other": 1, "manager": 2, "analyst": 2, "far": 1} == seen
    caller = as_person(ports, "manager")
    page = list_records(ports, caller, "deal", sort=(Sort("name", descending=True),), limit=1)
    rest = list_records(ports, caller, "deal", sort=(Sort("name", descending=True),), limit=1, cursor=page.next_cursor)
    assert ["d-rep", "d-other"] == [record.id for record in (*page.records, *rest.records)]
    assert {"Engaging": 2} == tally_records(ports, caller, "deal", "stage")
    assert 0 == count_records(ports, caller, "deal", where=Compare("stage", "=", "Won"))


@pytest.mark.parametrize("record_type", ["rule_version", "api_key", "idempotency_key", "nonsense"])
def test_some_record_types_are_never_listed(ports, record_type):
    """Keys are shown to nobody, rule versions have their own door, and unknown types have none."""
    with pytest.raises(InvalidError) as error:
        list_records(ports, as_person(ports, "admin"), record_type)
    assert "record.kind_not_readable" == error.value.code


@pytest.mark.parametrize("record_type", ["statement", "audit_entry", "person", "account", "job"])
def test_some_record_types_are_never_written_by_a_request(ports, record_type):
    """Statements, the log, jobs and the directory are written by their own use cases alone."""
    with pytest.raises(InvalidError) as error:
        create_record(ports, as_person(ports, "admin"), record_type, {"name": "x"})
    assert "record.kind_not_writable" == error.value.code


def test_a_check_in_is_written_once(ports):
    """Evidence of a visit is never changed; positions lie on the globe."""
    caller = as_person(ports, "field")
    visit = {"at": "2026-11-23T08:00:00Z", "latitude": 54, "longitude": -3}
    stored = create_record(ports, caller, "check_in", visit, "c-1")
    with pytest.raises(InvalidError):
        update_record(ports, caller, "check_in", stored.id, {"note": "later"}, revision=1)
    with pytest.raises(ConflictError):
        create_record(ports, caller, "check_in", visit, "c-1")
    with pytest.raises(InvalidError) as error:
        create_record(ports, caller, "check_in", {**visit, "latitude": 91, "longitude": Decimal("-180.5")})
    assert [("field.out_of_range", "$.latitude"), ("field.out_of_range", "$.longitude")] == codes(error)


def test_money_is_never_a_bare_number(ports):
    """An amount without its currency, in an unknown one, or finer than its minor unit is refused."""
    for given, code in (
        (Decimal(5), "field.wrong_kind"),
        ({"amount": "5"}, "field.wrong_kind"),
        ({"amount": "5", "currency": "XXX"}, "field.not_a_choice"),
        ({"amount": "NaN", "currency": "USD"}, "field.wrong_kind"),
        ({"amount": "5.001", "currency": "USD"}, "field.out_of_range"),
        ({"amount": "1" * 25, "currency": "USD"}, "field.out_of_range"),
        ({"amount": True, "currency": "USD"}, "field.wrong_kind"),
    ):
        with pytest.raises(InvalidError) as error:
            update_record(ports, as_person(ports, "rep"), "deal", "d-rep", {"amount": given}, revision=1)
        assert [(code, "$.amount")] == codes(error), given
    yen = {"amount": "5", "currency": "JPY"}
    changed = update_record(ports, as_person(ports, "rep"), "deal", "d-rep", {"amount": yen}, revision=1)
    assert Money(Decimal(5), "JPY") == changed["amount"]


def test_only_people_whom_the_writer_may_read_are_named(ports):
    """An owner or a payee of another branch is refused like nobody at all; a payee who was there before may stay."""
    manager = as_person(ports, "manager")
    for who in ("far", "ghost"):
        for changes in ({"owner_id": who}, {"splits": [{"payee": who, "share": Decimal(100)}]}):
            with pytest.raises(InvalidError) as refused:
                update_record(ports, manager, "deal", "d-rep", changes, revision=1)
            assert {code for code, _ in codes(refused)} == {"field.unknown_reference"}
    with ports.store.transaction() as transaction:
        held = transaction.get("deal", "d-rep", Compare("organisation_id", "=", "acme"))
        transaction.update(held.with_fields(splits=[{"payee": "far", "share": Decimal(100)}]))
    shared = [{"payee": "far", "share": Decimal(50)}, {"payee": "rep", "share": Decimal(50)}]
    after = update_record(ports, manager, "deal", "d-rep", {"splits": shared}, revision=2)
    assert ["far", "rep"] == [split["payee"] for split in after["splits"]]

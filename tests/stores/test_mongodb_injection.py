"""Nothing that comes from outside becomes a part of MongoDB's query language: it is compared as a value, or refused.

From outside come the values of conditions (filters, a person's attributes, ids, scopes), the names of fields, sort keys
and cursors. Tried are the traps of the query language one by one, each first seen to be one on the server in use.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import pytest
from bson import Code, Decimal128, Int64, ObjectId, Regex
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.collection import Collection
from record_samples import NOW, draft, lead, of
from store_strategies import TYPES, predicates

from adapters.stores import open_store
from adapters.stores.cursors import Question
from adapters.stores.mongodb.conditions import filter_of, selection
from adapters.stores.mongodb.documents import BSON_TYPES, FOLDED, document_of, key_of, paths_of
from adapters.stores.mongodb.paging import pipelines
from adapters.stores.mongodb.store import MongoStore
from adapters.stores.typed import resolve
from engine.caller import ROLES, Actor
from engine.policy import Policies
from engine.ports import Message, Ports, Sort, Store
from engine.predicate import And, Compare, Has, In, Or, Predicate, StartsWith, both, matches
from engine.problems import InvalidError, NotFoundError
from engine.records import COMMON, FieldKind, Record, RecordType, record_type
from engine.service.directory import actor_in

MANY = settings(max_examples=200)

TEXTS = (
    "$ne", "$where", "$gt", "a.b", "owner_id.x", "a\0b", "\0", '{"$ne": null}', "/.*/", ".*", "", "\ud800", "\uffff",
    "this.owner_id == 'ann'", "$$ROOT", "$owner_id", "ann\u200b", "ANN", "__proto__",
)  # fmt: skip
"""Texts that mean something in the query language, in patterns or in programs."""

MAPPINGS: tuple[Any, ...] = (
    {"$ne": None}, {"$gt": ""}, {"$in": ["ann"]}, {"$regex": ".*"}, {"$where": "1"}, {"$exists": True}, {"a.b": 1},
    {"$eq": {"$ne": None}}, {}, {"$or": [{}]}, ["ann"], ["ann", {"$ne": None}], [], [["ann"]],
    re.compile(".*"), Regex(".*"), Code("1"), ObjectId("0" * 24), b"ann", 0.5, float("nan"), None, ("ann",),
)  # fmt: skip
"""What no field's value is: operators, lists, patterns, programs."""

NAMES = (
    "$where", "$or", "$expr", "$comment", "_id", "_id.organisation_id", "owner_id.$ne", "owner_id.0", "", ".", "a\0b",
    "folded", "folded.name", "amount.minor", "nothing", "$natural", "missing_0",
)  # fmt: skip
"""What no field's name is."""

# -- the grammar of what is sent

COMPARISONS = {"$eq", "$ne", "$lt", "$lte", "$gt", "$gte"}


def assert_plain(filter_: Mapping[str, Any], known: RecordType) -> None:
    """The filter is made of `$and`, `$or`, declared paths, and operators of which each has plain values only."""
    for key, value in filter_.items():
        if key in ("$and", "$or"):
            assert isinstance(value, list)
            assert value
            for part in value:
                assert_plain(part, known)
        elif key == "_id":
            assert value == {"$in": []}
        else:
            assert key in _paths(known), key
            _assert_plain_test(value)


def _assert_plain_test(value: Any) -> None:
    if value is None:  # a page's stretch of records without a value: never a value from outside
        return
    assert isinstance(value, dict)
    assert value
    for operator, operand in value.items():
        if operator in COMPARISONS:
            # `$ne: None` is ours too: "has a value".
            assert type(operand) in (str, Int64, Decimal128, bool) or (operator, operand) == ("$ne", None), operand
        elif operator == "$in":
            assert isinstance(operand, list)
            assert len({type(one) for one in operand}) == 1
            assert type(operand[0]) in (str, Int64, Decimal128, bool)
        elif operator == "$type":
            assert operand in BSON_TYPES.values()
        elif operator == "$not":
            assert operand == {"$type": "array"}
        else:
            assert operator == "$elemMatch"
            assert set(operand) == {"$eq"}
            assert type(operand["$eq"]) is str


def _paths(known: RecordType) -> set[str]:
    fields = (*COMMON, *known.fields)
    folded = {f"{FOLDED}.{field.name}" for field in fields if field.kind is FieldKind.TEXT}
    return {field.name for field in fields} | {path for field in fields for path in paths_of(field)} | folded


@cache
def hostile_predicates(type_name: str) -> st.SearchStrategy[Predicate]:
    """Conditions, some of them usual, with values, lists and names from outside."""
    known = record_type(type_name)
    names = st.sampled_from([*(field.name for field in (*COMMON, *known.fields)), *NAMES])
    values = st.one_of(st.sampled_from([*TEXTS, *MAPPINGS]), st.text(max_size=4), st.integers(), st.decimals())
    leaf: st.SearchStrategy[Predicate] = st.one_of(
        st.builds(Compare, names, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), values),
        st.builds(In, names, st.lists(values, max_size=4).map(tuple)),
        st.builds(Has, names, st.sampled_from(TEXTS)),
        st.builds(StartsWith, names, st.sampled_from(TEXTS)),
        predicates(type_name),
    )
    return st.recursive(
        leaf,
        lambda parts: st.one_of(
            st.lists(parts, max_size=3).map(lambda found: And(tuple(found))),
            st.lists(parts, max_size=3).map(lambda found: Or(tuple(found))),
        ),
        max_leaves=5,
    )


@MANY
@given(examples=st.data())
def test_no_condition_becomes_an_operator(examples: st.DataObject) -> None:
    """Whatever values and names a condition has, its filter has declared paths and plain values behind operators."""
    known = record_type(examples.draw(st.sampled_from(TYPES)))
    predicate = examples.draw(hostile_predicates(known.name))
    condition = resolve(predicate, known)
    assert_plain(filter_of(condition), known)
    for asked in (condition, resolve(And((of("acme"), predicate)), known)):
        for stage in selection(asked):
            assert list(stage) == ["$match"]
            assert_plain(stage["$match"], known)


KEYS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from(TEXTS), st.text(max_size=5),
    st.sampled_from([{"$ne": None}, ["a"], ["USD", 1], ["USD", {"$gt": 0}], [{"$ne": 1}, 0], [], {}]),
)  # fmt: skip


def forged(question: Question, body: list[Any]) -> str:
    """A cursor of anything, with the checksum that anybody can compute."""
    text = json.dumps(body).encode()
    return base64.urlsafe_b64encode(question._checksum(text) + text).decode().rstrip("=")


@MANY
@given(examples=st.data())
def test_no_cursor_becomes_an_operator(examples: st.DataObject) -> None:
    """A forged cursor is refused, or its keys are compared as plain values of the sorted fields."""
    known = record_type(examples.draw(st.sampled_from(TYPES)))
    fields = [field.name for field in known.fields if field.kind not in (FieldKind.TEXTS, FieldKind.DOCUMENT)]
    sort = [Sort(name, examples.draw(st.booleans())) for name in examples.draw(st.lists(st.sampled_from(fields)))[:3]]
    question = Question.of(known, of("acme"), sort, 50)
    body = [*(examples.draw(KEYS) for _ in sort), *(examples.draw(st.one_of(st.just("r1"), KEYS)) for _ in range(2))]
    try:
        position = question.position(forged(question, body))
    except InvalidError as refused:
        assert refused.code == "cursor.invalid"
        return
    for pipeline in pipelines(question, position, resolve(question.predicate, known), 51):
        for stage in pipeline:
            if "$match" in stage:
                assert_plain(stage["$match"], known)


def test_a_cursor_with_plain_keys_is_taken() -> None:
    """The forged cursors of the test above are well made: with fitting values they are positions."""
    question = Question.of(record_type("lead"), of("acme"), [Sort("score"), Sort("band")], 50)
    position = question.position(forged(question, ["1", "A", "r1", "acme"]))
    assert (position.values, position.record_id) == ((Decimal(0), "A"), "r1")


@pytest.mark.parametrize("role", ROLES)
def test_no_attribute_of_a_person_becomes_an_operator(policies: Policies, role: str) -> None:
    """Whatever text an attribute of the caller is, it is compared as this text, or the cell is empty."""
    known = record_type("lead")
    usual = {"organisation_id": "acme", "region_id": "north", "branch_id": "oslo", "team_id": "red"}
    for name in ("id", "role", *usual, "territory_ids", "scopes"):
        for text in TEXTS:
            value: Any = (text,) if name == "territory_ids" else frozenset({text}) if name == "scopes" else text
            given = {"id": "ann", "name": "Ann", "role": role, "territory_ids": ("t1",), **usual, name: value}
            for action in ("read", "write"):
                assert_plain(filter_of(resolve(policies.predicate(Actor(**given), action, "lead"), known)), known)


# -- the traps, on the server


@pytest.fixture
def leads(mongodb_url: str, mongodb_store: MongoStore) -> Iterator[Collection[dict[str, Any]]]:
    """The collection itself, so that it can hold what no store writes."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_url)
    with closing(client):
        yield client.get_default_database()["lead"]


MISSING = object()


@dataclass(frozen=True)
class Trap:
    """A value of a field that our condition must not match, and a filter that falls into the trap and does.

    `right` is a value that the condition matches, None where there is none.
    """

    field: str
    right: Any
    wrong: Any
    ours: Predicate
    naive: dict[str, Any]


def unequal(wrong: Any) -> Trap:
    """What `$ne` lets through."""
    return Trap("region_id", "north", wrong, Compare("region_id", "!=", "west"), {"region_id": {"$ne": "west"}})


def not_a_value(value: Any, naive: dict[str, Any]) -> Trap:
    """Somebody's attribute that is no text, asked of a record of another branch."""
    return Trap("branch_id", None, "rome", Compare("branch_id", "=", value), {"branch_id": naive})


BELOW, SEVEN = Compare("score", "<", 7), Decimal128("7")


def number(
    right: str,
    *,
    wrong: Any,
    ours: Predicate = BELOW,
    naive: dict[str, Any] = {"$not": {"$gte": SEVEN}},  # noqa: B006  # never changed
) -> Trap:
    """What is no exact number, or beside numbers."""
    return Trap("score", Decimal128(right), wrong, ours, {"score": naive})


TRAPS: dict[str, Trap] = {
    "a list matches as each of its elements": Trap(
        "owner_id", "ann", ["ann", "bob"], Compare("owner_id", "=", "ann"), {"owner_id": "ann"}
    ),
    "a list matches `$in`": Trap(
        "owner_id", "ann", ["x", "bob"], In("owner_id", ("ann", "bob")), {"owner_id": {"$in": ["ann", "bob"]}}
    ),
    "missing is unequal": unequal(MISSING),
    "null is unequal": unequal(None),
    "a number is unequal to a text": unequal(7),
    "a list is unequal to a text": unequal([None]),
    "missing is null": Trap("region_id", None, MISSING, Compare("region_id", "=", None), {"region_id": None}),
    "a mapping is an operator": not_a_value({"$ne": "oslo"}, {"$ne": "oslo"}),
    "a pattern matches": not_a_value(re.compile(".*"), {"$regex": ".*"}),
    "a list of values is any of them": not_a_value(["rome"], {"$in": ["rome"]}),
    "no values to be among": Trap("team_id", None, "red", In("team_id", ()), {"team_id": {"$nin": []}}),
    "no alternatives": Trap("team_id", None, "red", Or(()), {}),
    "a null is not compared": number("3", wrong=None),
    "a text is not compared": number("3", wrong="5"),
    "a truth value is no number": number("3", wrong=False),
    "infinity is no number": number(
        "9", wrong=Decimal128("Infinity"), ours=Compare("score", ">", 7), naive={"$gt": SEVEN}
    ),
    "a double is not the exact number": number(
        "0.5", wrong=0.5, ours=Compare("score", "=", Decimal("0.5")), naive={"$eq": Decimal128("0.5")}
    ),
    "letter case matters": Trap(
        "band", "A", "a", Compare("band", "=", "A"), {"band": {"$regex": "^A$", "$options": "i"}}
    ),
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS.keys())
def test_a_trap_of_the_query_language_catches_nothing(
    leads: Collection[dict[str, Any]], mongodb_store: MongoStore, organisation: str, trap: Trap
) -> None:
    """What the query language would let through is not found; what should be found is; matching in Python agrees."""
    for record_id, value in (("right", trap.right), ("wrong", trap.wrong)):
        document = document_of(lead(organisation), record_type("lead"))
        document |= {"_id": key_of(organisation, record_id), "id": record_id, "revision": Int64(1), trap.field: value}
        if value is MISSING:
            del document[trap.field]
        leads.insert_one(document, bypass_document_validation=True)
    assert "wrong" in {one["id"] for one in leads.find({"organisation_id": organisation, **trap.naive})}, "no trap"
    found = {record.id for record in mongodb_store.scan("lead", And((of(organisation), trap.ours)))}
    assert found == (set() if trap.right is None else {"right"})
    wrong = trap.wrong.to_decimal() if isinstance(trap.wrong, Decimal128) else trap.wrong
    assert not matches(trap.ours, {} if wrong is MISSING else {trap.field: wrong})


def test_texts_from_outside_are_values(mongodb_store: MongoStore, organisation: str) -> None:
    """Texts that are operators, patterns or programs are stored and found as the texts that they are."""
    with closing(open_store("memory:")) as memory:
        stores: tuple[Store, ...] = (memory, mongodb_store)
        kept = [text for text in TEXTS if text and "\0" not in text and text.isprintable()]
        for store in stores:
            with store.transaction() as transaction:
                for number, text in enumerate(kept):
                    transaction.insert(lead(organisation, number, owner_id=text, company=text))
        for text in (*TEXTS, "ann"):
            for asked in (Compare("owner_id", "=", text), In("owner_id", (text, "x")), StartsWith("company", text)):
                wanted = both(of(organisation), asked)
                first, second = ([record.id for record in store.find("lead", wanted).records] for store in stores)
                assert first == second
                if isinstance(asked, Compare):
                    assert len(second) == kept.count(text)


def test_names_from_outside_are_no_fields(mongodb_store: MongoStore, organisation: str) -> None:
    """A condition on no field matches nothing; a list sorted, or a tally, by no field is refused."""
    with mongodb_store.transaction() as transaction:
        transaction.insert(lead(organisation))
    for name in NAMES:
        for predicate in (Compare(name, "!=", "x"), In(name, ("x", "y")), Has(name, "x"), StartsWith(name, "")):
            assert mongodb_store.count("lead", both(of(organisation), predicate)) == 0
        with pytest.raises(InvalidError):
            mongodb_store.find("lead", of(organisation), sort=[Sort(name)])
        with pytest.raises(InvalidError):
            mongodb_store.tally("lead", name, of(organisation))


@pytest.mark.parametrize("value", [one for one in MAPPINGS if not isinstance(one, float)], ids=repr)
def test_ids_from_outside_are_values(mongodb_store: MongoStore, organisation: str, value: Any) -> None:
    """Where an id is due, a mapping, a list or a pattern finds no record, no log and no message of anybody."""
    with mongodb_store.transaction() as transaction:
        transaction.insert(lead(organisation))
        transaction.append_audit(draft(organisation))
        transaction.enqueue(Message(f"m-{organisation}", organisation, "job", {}, NOW))
    with pytest.raises(NotFoundError):
        mongodb_store.get("lead", value, of(organisation))
    with pytest.raises(NotFoundError):
        mongodb_store.get("lead", "lead-0001", Compare("organisation_id", "=", value))
    assert mongodb_store.count("lead", Compare("organisation_id", "=", value)) == 0
    assert mongodb_store.log_head(value).size == 0
    assert mongodb_store.log_leaves(value, 1, 1) == ()
    mongodb_store.mark_delivered(value)
    assert f"m-{organisation}" in {message.id for message in mongodb_store.pending_messages(10_000)}


ATTRIBUTES = ("region_id", "branch_id", "team_id", "territory_ids", "active", "name")


@pytest.fixture
def directory(mongodb_store: MongoStore, policies: Policies, organisation: str) -> Ports:
    """A manager with a lead, and a lead of another region."""
    place = {"region_id": "north", "branch_id": "oslo", "team_id": "red", "owner_id": "ann", "territory_id": "t1"}
    others = {"region_id": "south", "branch_id": "rome", "team_id": "blue", "owner_id": "bob", "territory_id": "t9"}
    who = {**place, "role": "sales_manager", "name": "Ann", "active": True, "territory_ids": ("t1",)}
    with mongodb_store.transaction() as transaction:
        transaction.insert(Record("person", "ann", organisation, who))
        transaction.insert(lead(organisation, 1, **place))
        transaction.insert(lead(organisation, 2, **others))
    return Ports(mongodb_store, None, policies, None, lambda: "x")


def readable(ports: Ports, actor: Actor) -> list[str]:
    """The leads that somebody may read."""
    return [record.id for record in ports.store.scan("lead", ports.authorizer.predicate(actor, "read", "lead"))]


def written(mongodb_url: str, organisation: str, name: str) -> Iterator[Any]:
    """Values of another type than the attribute's, each after it was written past the validators."""
    client: MongoClient[dict[str, Any]] = MongoClient(mongodb_url)
    with closing(client):
        people = client.get_default_database()["person"]
        for value in (*MAPPINGS, 7, MISSING):
            stored = list(value) if isinstance(value, tuple) else value
            if name == "territory_ids" and isinstance(stored, list) and all(isinstance(one, str) for one in stored):
                stored = "t1"  # a list of texts would be of its type, and a text is none
            change = {"$unset": {name: 1}} if value is MISSING else {"$set": {name: stored}}
            one = {"id": "ann", "organisation_id": organisation}
            assert people.update_one(one, change, bypass_document_validation=True).matched_count == 1
            yield value


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_attributes_of_another_type_in_the_database_grant_nothing(
    directory: Ports, mongodb_url: str, organisation: str, name: str
) -> None:
    """A person's attribute of another type, written past the validators, is as if it were absent."""
    found = [
        (actor := actor_in(directory.store, organisation, "ann"), readable(directory, actor))
        for _ in written(mongodb_url, organisation, name)
    ]
    absent = found[-1]
    assert [absent] * len(found) == found
    assert "lead-0002" not in absent[1]


def test_a_role_of_another_type_in_the_database_is_none(directory: Ports, mongodb_url: str, organisation: str) -> None:
    """Who has a mapping, a list or a pattern for a role is nobody who may sign in."""
    assert readable(directory, actor_in(directory.store, organisation, "ann")) == ["lead-0001"]
    for _ in written(mongodb_url, organisation, "role"):
        with pytest.raises(NotFoundError):
            actor_in(directory.store, organisation, "ann")

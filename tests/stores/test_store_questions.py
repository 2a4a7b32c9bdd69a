"""Reading: every store answers as the predicate's reference meaning and the reference order say."""

from __future__ import annotations

import base64
from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from record_samples import NOW, lead, of
from store_strategies import EDGES, SMALL_VALUES, TYPES, predicates, records, sorts

from adapters.stores.cursors import Question
from adapters.stores.values import checked
from engine.ports import Page, Sort, Store
from engine.predicate import (
    Always,
    And,
    Compare,
    Has,
    In,
    Never,
    Operator,
    Predicate,
    StartsWith,
    both,
    either,
    matches,
)
from engine.problems import InvalidError, NotFoundError
from engine.records import FieldKind, Record, record_type

MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
"""The store is made once for all examples: each example has an organisation of its own."""


def keep(store: Store, wanted: list[Record]) -> None:
    with store.transaction() as transaction:
        for record in wanted:
            transaction.insert(record)


def all_pages(store: Store, type_name: str, predicate: Any, sort: tuple[Sort, ...], limit: int) -> list[Record]:
    found: list[Record] = []
    cursor: str | None = None
    while True:
        page: Page = store.find(type_name, predicate, sort=sort, limit=limit, cursor=cursor)
        assert len(page.records) <= limit
        found.extend(page.records)
        if page.next_cursor is None:
            return found
        assert len(page.records) == limit
        cursor = page.next_cursor


@MANY
@given(examples=st.data())
def test_records_come_back_as_written(store: Store, examples: st.DataObject) -> None:
    """A record of any type comes back equal, field by field, with the same types."""
    organisation = f"org-{uuid4().hex}"
    type_name = examples.draw(st.sampled_from(TYPES))
    record = examples.draw(records(type_name, "r1", organisation, small=False))
    keep(store, [record])
    found = store.get(type_name, "r1", of(organisation))
    wanted = checked(record)
    assert wanted.fields == found.fields
    assert {name: type(value) for name, value in wanted.fields.items()} == {
        name: type(value) for name, value in found.fields.items()
    }
    decimals = [field.name for field in record_type(type_name).fields if field.kind is FieldKind.DECIMAL]
    assert [str(wanted[name]) for name in decimals] == [str(found[name]) for name in decimals]


@MANY
@given(examples=st.data())
def test_find_is_matches(store: Store, examples: st.DataObject) -> None:
    """A list holds exactly the records that the predicate matches in Python, for any predicate over any records."""
    organisation = f"org-{uuid4().hex}"
    type_name = examples.draw(st.sampled_from(["deal", "lead", "person"]))
    number = examples.draw(st.integers(1, 6))
    wanted = [examples.draw(records(type_name, f"r{position}", organisation)) for position in range(number)]
    keep(store, wanted)
    stored = [store.get(type_name, record.id, of(organisation)) for record in wanted]
    for _ in range(4):
        predicate = examples.draw(predicates(type_name))
        mine = And((of(organisation), predicate))
        expected = [record.id for record in stored if matches(predicate, record.values())]
        assert expected == [record.id for record in store.find(type_name, mine, limit=1000).records]
        assert expected == [record.id for record in store.scan(type_name, mine, batch=2)]
        assert len(expected) == store.count(type_name, mine)


def test_values_that_python_calls_equal_are_not_mixed_up(store: Store, organisation: str) -> None:
    """Asked one after the other, `1`, `true` and `1.0` keep their meanings; values without a hash are no trouble."""
    job = {"kind": "k", "title": "t", "state": "done", "actor_id": "ann", "parameters": {}, "created_at": NOW}
    keep(store, [Record("job", "j", organisation, {**job, "done": 1, "cancel_requested": True})])
    values = (1, True, Decimal("1.0"), Decimal("sNaN"), [1])
    asked = [
        *(("done", value, number) for value, number in zip(values, (1, 0, 1, 0, 0), strict=True)),
        *(("cancel_requested", value, number) for value, number in zip(values, (0, 1, 0, 0, 0), strict=True)),
    ]
    for field, value, number in (*asked, *reversed(asked)):
        for condition in (Compare(field, "=", value), In(field, (value,))):
            assert number == store.count("job", And((of(organisation), condition))), condition


@pytest.mark.parametrize("type_name", ["deal", "lead", "job"])
def test_every_comparison_on_every_field_is_matches(store: Store, organisation: str, type_name: str) -> None:
    """Every operator on every field with usual, edge and foreign values lists what matches in Python."""
    known = record_type(type_name)
    wanted = []
    for number in range(24):
        fields = {}
        for position, field in enumerate(known.fields):
            values = SMALL_VALUES[field.kind]
            choice = (number * (position + 3) + position) % (len(values) + 2)
            if choice < len(values) or field.required:
                fields[field.name] = values[choice % len(values)]
        wanted.append(Record(type_name, f"r{number:02d}", organisation, fields))
    keep(store, wanted)
    stored = list(store.scan(type_name, of(organisation)))
    outcomes: Counter[str] = Counter()
    one_of_each = {field.kind: field for field in known.fields}.values()
    for field in one_of_each:
        values = [value for value in (*SMALL_VALUES[field.kind], *EDGES) if not isinstance(value, dict | tuple)]
        asked: list[Predicate] = [Compare(field.name, sign, value) for sign in SIGNS for value in values]
        asked += [In(field.name, tuple(values[:size])) for size in (2, len(values))]
        asked += [StartsWith(field.name, text) for text in ("", "A", "strass", "É", "\U0010ffff")]
        asked += [Has(field.name, text) for text in ("", "a")]
        for predicate in asked:
            expected = [record.id for record in stored if matches(predicate, record.values())]
            found = store.find(type_name, both(of(organisation), predicate), limit=1000).records
            assert expected == [record.id for record in found], predicate
            outcomes["none" if not expected else "all" if len(expected) == len(stored) else "some"] += 1
    assert outcomes["some"] > 100
    assert outcomes["none"] > 100


SIGNS: tuple[Operator, ...] = ("=", "!=", "<", "<=", ">", ">=")


@MANY
@given(examples=st.data())
def test_pages_hold_every_record_once_in_order(store: Store, examples: st.DataObject) -> None:
    """Page after page gives every record once, sorted by any keys in any direction, nulls last, then by id."""
    organisation = f"org-{uuid4().hex}"
    type_name = examples.draw(st.sampled_from(["deal", "lead", "account"]))
    number = examples.draw(st.integers(0, 9))
    keep(store, [examples.draw(records(type_name, f"r{position}", organisation)) for position in range(number)])
    sort = examples.draw(sorts(type_name))
    limit = examples.draw(st.integers(1, 4))
    found = all_pages(store, type_name, of(organisation), sort, limit)
    expected = sorted(store.find(type_name, of(organisation), limit=1000).records, key=lambda record: record.id)
    for key in reversed(sort):
        present = [record for record in expected if record[key.field] is not None]
        missing = [record for record in expected if record[key.field] is None]
        present.sort(key=lambda record: _comparable(record[key.field]), reverse=key.descending)
        # A stable sort keeps the order of equals; `reverse` keeps it too.
        expected = [*present, *missing]
    assert [record.id for record in expected] == [record.id for record in found]


def _comparable(value: Any) -> Any:
    return (value.currency, value.amount) if hasattr(value, "currency") else value


@MANY
@given(examples=st.data())
def test_tally_counts_each_value(store: Store, examples: st.DataObject) -> None:
    """A tally counts the matching records for each value of a field, absent ones under null."""
    organisation = f"org-{uuid4().hex}"
    number = examples.draw(st.integers(0, 8))
    keep(store, [examples.draw(records("person", f"r{position}", organisation)) for position in range(number)])
    stored = list(store.scan("person", of(organisation)))
    for name in ("role", "active", "revision"):
        expected = dict(Counter(record.values().get(name) for record in stored))
        found = store.tally("person", name, of(organisation))
        assert expected == found
        assert {type(key) for key in expected} == {type(key) for key in found}


def test_paging_is_stable_while_records_come_and_go(store: Store, organisation: str) -> None:
    """A record is neither repeated nor skipped when others are inserted and removed between two pages."""
    keep(store, [lead(organisation, number, band="B") for number in range(2, 12, 2)])
    sort = (Sort("band"),)
    first = store.find("lead", of(organisation), sort=sort, limit=2)
    with store.transaction() as transaction:
        transaction.insert(lead(organisation, 1, band="A"))
        transaction.insert(lead(organisation, 7, band="B"))
        transaction.delete(first.records[1])
    second = store.find("lead", of(organisation), sort=sort, limit=10, cursor=first.next_cursor)
    assert ["lead-0002", "lead-0004"] == [record.id for record in first.records]
    assert ["lead-0006", "lead-0007", "lead-0008", "lead-0010"] == [record.id for record in second.records]


def test_a_cursor_belongs_to_its_question(store: Store, organisation: str) -> None:
    """A cursor that was altered, or made by a list with another type, predicate or sort, is refused."""
    keep(store, [lead(organisation, number, band="B") for number in range(5)])
    mine, sort = of(organisation), (Sort("band", descending=True),)
    cursor = store.find("lead", mine, sort=sort, limit=2).next_cursor
    assert cursor is not None
    altered = ("", "x", "é", cursor[:-2], cursor + "AA", cursor.swapcase(), "A" * 400)
    foreign = [
        ("lead", mine, (Sort("band"),), cursor),
        ("lead", mine, (), cursor),
        ("lead", both(mine, Compare("band", "=", "B")), sort, cursor),
        ("deal", mine, (), cursor),
        *(("lead", mine, sort, bad) for bad in altered),
    ]
    for type_name, predicate, order, given_cursor in foreign:
        with pytest.raises(InvalidError) as refused:
            store.find(type_name, predicate, sort=order, limit=2, cursor=given_cursor)
        assert refused.value.code == "cursor.invalid"


def test_a_forged_cursor_is_refused_or_shows_nothing_more(store: Store, organisation: str) -> None:
    """A cursor with a right checksum and wrong contents is refused; one with other positions stays inside the list."""
    keep(store, [lead(organisation, number, score=number) for number in range(3)])
    keep(store, [lead(f"{organisation}-other", number, score=number) for number in range(3)])
    sort = (Sort("score"),)
    question = Question.of(record_type("lead"), of(organisation), sort, 2)
    for body in (
        '["x","lead-1","o"]', '[1,"lead-1","o"]', '[null,7,"o"]', '[null,"\\ud800","o"]', '[null,"a\\u0000","o"]', "{}",
        "7", '["lead-1","o"]', '["299999999999999999","a","o"]', "[" * 3000, '[["USD",1],"a","o"]', '[true,"a","o"]',
    ):  # fmt: skip
        forged = base64.urlsafe_b64encode(question._checksum(body.encode()) + body.encode()).decode().rstrip("=")
        with pytest.raises(InvalidError) as refused:
            store.find("lead", of(organisation), sort=sort, limit=2, cursor=forged)
        assert refused.value.code == "cursor.invalid"
    body = b'[null,"",""]'
    forged = base64.urlsafe_b64encode(question._checksum(body) + body).decode().rstrip("=")
    assert () == store.find("lead", of(organisation), sort=sort, limit=2, cursor=forged).records


def test_an_id_that_no_store_could_hold_is_not_found(store: Store) -> None:
    """Asking for an id with NUL or half a surrogate pair, or for no text at all, finds nothing instead of failing."""
    for record_id in ("\ud800", "a\0", "", 7, None, ["a"]):
        with pytest.raises(NotFoundError):
            store.get("lead", record_id, Always())


def test_a_cursor_works_with_another_page_size(store: Store, organisation: str) -> None:
    """The size of a page is not part of the question: a cursor may be used with another."""
    keep(store, [lead(organisation, number) for number in range(5)])
    cursor = store.find("lead", of(organisation), limit=2).next_cursor
    rest = store.find("lead", of(organisation), limit=10, cursor=cursor)
    assert ["lead-0002", "lead-0003", "lead-0004"] == [record.id for record in rest.records]
    assert rest.next_cursor is None


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 1001},
        {"sort": [Sort("nothing")]},
        {"sort": [Sort("facts")]},
        {"sort": [Sort("name")] * 9},
    ],
)
def test_lists_that_there_are_not_are_refused(store: Store, asked: dict[str, Any]) -> None:
    """A page size outside 1 to 1000, an unknown or unsortable field and too many keys are refused."""
    with pytest.raises(InvalidError) as refused:
        store.find("lead", Always(), **asked)
    assert refused.value.code == "list.invalid"


def test_only_fields_with_few_values_are_tallied(store: Store) -> None:
    """Tallying by a decimal, a document or an unknown field is refused."""
    for name in ("score", "facts", "nothing"):
        with pytest.raises(InvalidError) as refused:
            store.tally("lead", name, Always())
        assert refused.value.code == "list.invalid"


def test_what_the_predicate_excludes_does_not_exist(store: Store, organisation: str) -> None:
    """A record outside the predicate is not found, in the same words as one that is not there."""
    keep(store, [lead(organisation)])
    said = set()
    for record_id, predicate in (("lead-0001", Never()), ("lead-0001", of("another")), ("lead-9999", of(organisation))):
        with pytest.raises(NotFoundError) as refused:
            store.get("lead", record_id, predicate)
        said.add(str(refused.value).replace(record_id, "ID"))
    assert len(said) == 1


def test_long_lists_of_values_are_searched(store: Store, organisation: str) -> None:
    """A predicate with thousands of values and hundreds of alternatives is answered, not refused."""
    keep(store, [lead(organisation, number, band=f"B{number}") for number in range(3)])
    values = In("band", tuple(f"B{number}" for number in range(2, 3000)))
    assert ["lead-0002"] == [record.id for record in store.find("lead", both(of(organisation), values)).records]
    alternatives = either(*(Compare("band", "=", f"B{number}") for number in range(1, 1500)))
    assert store.count("lead", both(of(organisation), alternatives)) == 2


def test_scan_goes_on_after_an_id(store: Store, organisation: str) -> None:
    """A scan begins after the id it is given, in ascending order, however small its batches are."""
    keep(store, [lead(organisation, number) for number in range(6)])
    found = [record.id for record in store.scan("lead", of(organisation), after_id="lead-0002", batch=1)]
    assert found == ["lead-0003", "lead-0004", "lead-0005"]

"""A list of fifty from many leads: with the predicate of the policies beside the same list without one, on SQLite."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.shipped import Shipped
from adapters.stores import open_store
from benchmarks.contest import Entrant, Work, contest
from benchmarks.results import OURS, Section
from engine.caller import ROLES, Actor
from engine.ports import Page, Sort, Store
from engine.predicate import Compare, Predicate, matches
from engine.records import Record

PAGE, ROUNDS = 50, 40
WITHOUT = "no policies"
ORGANISATION = "acme"
ORDERS = {"by id": (), "by score": (Sort("score", descending=True),)}


def lists(records: int) -> list[Section]:
    """For each order, the first page of every role's readable leads; each record of a page is held to the predicate."""
    made, predicates, expected = asked(records)
    with TemporaryDirectory() as folder, closing(open_store(f"sqlite:///{Path(folder) / 'leads.db'}")) as store:
        with store.transaction() as transaction:
            for record in made:
                transaction.insert(record)
        return [_section(store, name, records, predicates, expected) for name in ORDERS]


def asked(records: int) -> tuple[list[Record], list[Predicate], list[int]]:
    """The leads, each role's predicate, and how many records the first page under it has."""
    from adapters.wiring import load_policies  # noqa: PLC0415  # it loads Oso

    policies, made = load_policies(Shipped.find()), [_lead(number) for number in range(records)]
    actors = [Actor("p6", "Ann", role, ORGANISATION, "r0", "b2", "t6", ("a0", "a1", "a2")) for role in ROLES]
    predicates = [policies.predicate(actor, "read", "lead") for actor in actors]
    readable = [sum(matches(predicate, record.values()) for record in made) for predicate in predicates]
    return made, predicates, [min(PAGE, number) for number in readable]


def _section(store: Store, order: str, records: int, predicates: list[Predicate], expected: list[int]) -> Section:
    def page(predicate: Predicate) -> tuple[Predicate, Page]:
        return predicate, store.find("lead", predicate, sort=ORDERS[order], limit=PAGE)

    title = f"List of {PAGE} from {records:,} leads, {order}, every role"
    work = Work(f"list {order}", title, predicates * ROUNDS, expected * ROUNDS)
    ours = Entrant(OURS, "SQLite, the role's predicate", lambda: page, read=held)
    # The organisation is asked for in both: every index begins with it, and no list is without it.
    return contest(work, [ours, Entrant(WITHOUT, "SQLite, the whole organisation", lambda: page, wall, held)])


def wall(_: Predicate) -> Predicate:
    """The whole organisation, whatever was asked."""
    return Compare("organisation_id", "=", ORGANISATION)


def held(answer: tuple[Predicate, Page]) -> int:
    """How many records of a page match what was asked."""
    predicate, page = answer
    return sum(matches(predicate, record.values()) for record in page.records)


def _lead(number: int) -> Record:
    """Two regions of two branches of two teams of five people, each of whose leads lie in ten territories."""
    person = number % 40
    place = {
        "region_id": f"r{person % 2}",
        "branch_id": f"b{person % 4}",
        "team_id": f"t{person % 8}",
        "owner_id": f"p{person}",
        "territory_id": f"a{number // 40 % 10}",
    }
    score = Decimal(number * 7919 % 1000) / 10
    fields = {"name": f"Lead {number}", "facts_schema": "lead/2", "facts": {}, "score": score, **place}
    return Record("lead", f"l{number:07d}", ORGANISATION, fields)

"""A list of fifty from many leads: with the predicate of the policies beside the same list without one, on SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from adapters.shipped import Shipped
from adapters.stores import open_store
from benchmarks.contest import Entrant, Work, contest
from benchmarks.results import OURS, Section
from engine.caller import ROLES, Actor
from engine.ports import Page, Sort, Store
from engine.predicate import Always, Compare, Predicate, matches
from engine.records import Record

PAGE, ROUNDS, FAR = 50, 40, 100
WITHOUT = "no policies"
ORGANISATION = "acme"
BY_SCORE = (Sort("score", descending=True),)
ORDERS = {"by id": (), "by score": BY_SCORE}
REP, MANAGER = "sales_rep", "sales_manager"
"""The roles that are shown by themselves, too: the others read what these two do."""

FEW, FOR_FEW = 30, {"branch_id": "b9", "team_id": "t9", "owner_id": "p99"}


def lists(records: int) -> list[Section]:
    """For each order, the first page of what each role may read, each with the records that it must have.

    Then a page far down, and the list of a manager whose few leads come after all others.
    """
    made, predicates, _ = asked(records)
    of = dict(zip(ROLES, predicates, strict=True))
    with TemporaryDirectory() as folder, closing(open_store(f"sqlite:///{Path(folder) / 'leads.db'}")) as store:
        _insert(store, made)
        found = [_every_role(store, made, order, of) for order in ORDERS]
        number = min(FAR, sum(matches(of[MANAGER], record.values()) for record in made) // PAGE)
        far_down = f"Page {number} of what a {MANAGER} may read of {records:,} leads, by score"
        found.append(_one(store, made, "list far down", far_down, of[MANAGER], number=number))
        few = [
            _lead(records + number).with_fields(region_id="r0", score=Decimal(-1), **FOR_FEW) for number in range(FEW)
        ]
        _insert(store, few)
        title = f"The {FEW} leads of a {MANAGER} that come after {records:,} others, by score"
        theirs = _readable(MANAGER, FOR_FEW["branch_id"], FOR_FEW["team_id"], FOR_FEW["owner_id"])
        return [*found, _one(store, [*made, *few], "list few", title, theirs, number=1)]


def _insert(store: Store, made: Sequence[Record]) -> None:
    with store.transaction() as transaction:
        for record in made:
            transaction.insert(record)


def asked(records: int) -> tuple[list[Record], list[Predicate], list[int]]:
    """The leads, each role's predicate, and how many records the first page under it has."""
    made = [_lead(number) for number in range(records)]
    predicates = [_readable(role, "b2", "t6", "p6") for role in ROLES]
    readable = [sum(matches(predicate, record.values()) for record in made) for predicate in predicates]
    return made, predicates, [min(PAGE, number) for number in readable]


def _readable(role: str, branch: str, team: str, person: str) -> Predicate:
    from adapters.wiring import load_policies  # noqa: PLC0415  # it loads Oso

    actor = Actor(person, "Ann", role, ORGANISATION, "r0", branch, team, ("a0", "a1", "a2"))
    return load_policies(Shipped.find()).predicate(actor, "read", "lead")


def wall(_: Predicate) -> Predicate:
    """The whole organisation, whatever was asked."""
    return Compare("organisation_id", "=", ORGANISATION)


def held(answer: tuple[Predicate, Page]) -> int:
    """How many records of a page match what was asked."""
    predicate, page = answer
    return sum(matches(predicate, record.values()) for record in page.records)


@dataclass(frozen=True)
class _Asked:
    """One page of a list, with the ids that it must have."""

    predicate: Predicate
    order: str
    cursor: str | None
    ids: Sequence[str]


def _page(store: Store, made: Sequence[Record], predicate: Predicate, order: str, number: int = 1) -> _Asked:
    """The page of this number, from 1."""
    readable = [record for record in made if matches(predicate, record.values())]
    readable.sort(key=lambda record: (*(-record[key.field] for key in ORDERS[order]), record.id))
    cursor = None
    for _ in range(number - 1):
        cursor = store.find("lead", predicate, sort=ORDERS[order], limit=PAGE, cursor=cursor).next_cursor
    return _Asked(predicate, order, cursor, [record.id for record in readable[(number - 1) * PAGE : number * PAGE]])


def _every_role(store: Store, made: Sequence[Record], order: str, of: Mapping[str, Predicate]) -> Section:
    pages = [_page(store, made, of[role], order) for role in ROLES]
    alone = [_entrant(store, OURS, f"SQLite, {role} alone", pages[ROLES.index(role)]) for role in (REP, MANAGER)]
    title = f"List of {PAGE} from {len(made):,} leads, {order}, every role"
    ours = [_entrant(store, OURS, "SQLite, the role's predicate"), *alone]
    return _contest(f"list {order}", title, pages, [*ours, _without(store, made, order)])


def _one(store: Store, made: Sequence[Record], key: str, title: str, predicate: Predicate, *, number: int) -> Section:
    """A page by score beside the page of the same number of the whole organisation."""
    page = _page(store, made, predicate, "by score", number)
    ours = _entrant(store, OURS, "SQLite, the role's predicate")
    return _contest(key, title, [page] * len(ROLES), [ours, _without(store, made, "by score", number)])


def _without(store: Store, made: Sequence[Record], order: str, number: int = 1) -> Entrant:
    # The organisation is asked for in both: every index begins with it, and no list is without it.
    page = _page(store, made, wall(Always()), order, number)
    return _entrant(store, WITHOUT, "SQLite, the whole organisation", page)


def _entrant(store: Store, engine: str, form: str, always: _Asked | None = None) -> Entrant:
    """Reads the pages that it is asked for, or always the same one."""

    def page(asked: _Asked) -> tuple[_Asked, Page]:
        sort = ORDERS[asked.order]
        return asked, store.find("lead", asked.predicate, sort=sort, limit=PAGE, cursor=asked.cursor)

    def is_right(answer: tuple[_Asked, Page]) -> bool:
        asked, page = answer
        return [record.id for record in page.records] == asked.ids

    return Entrant(engine, form, lambda: page, lambda asked: always or asked, is_right)


def _contest(key: str, title: str, pages: Sequence[_Asked], entrants: Sequence[Entrant]) -> Section:
    return contest(Work(key, title, [*pages] * ROUNDS, [True] * len(pages) * ROUNDS), entrants)


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

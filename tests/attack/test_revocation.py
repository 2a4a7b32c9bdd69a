"""Rights that are taken away while others read: what begins after the taking shows nothing of what was taken.

Two workers, each with its own connection, its own policies and their kept predicates, answer two readers in turns that
a seed decides, while a third task takes the right. A request that began after the taking was acknowledged is held to
what Oso itself says of the person as the person now is.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from interleaving import Turned, Turns
from small_world import NOW, ORG, STORES, UNLIMITED, Api, Clock, as_person, fill, settings, value

from adapters.wiring import Texts, Wiring, build_in_memory, load_policies
from engine.caller import Actor
from engine.policy import Policies
from engine.ports import Store
from engine.predicate import Always, Predicate
from engine.problems import NotFoundError
from engine.records import Record
from engine.service.directory import actor_of, person_key_of
from webapp.app import create_app
from webapp.identity import PROVIDER

INTERLEAVINGS = 1_000
PERSON = "person-sales_manager"
KINDS = {"leads": "lead", "deals": "deal", "accounts": "account", "statements": "statement", "audit": "audit_entry"}

TAKINGS: dict[str, dict[str, Any]] = {
    "another role": {"role": "sales_rep"},
    "another team": {"team_id": "team-2"},
    "another branch": {"branch_id": "branch-2", "team_id": "team-5"},
    "another region": {"region_id": "region-2"},
    "no territory": {"territory_ids": (), "territory_id": None},
    "no role at all": {"role": "nobody"},
    "left": {"active": False},
    "another organisation's role": {"role": "platform_admin", "branch_id": "branch-9"},
}
"""What a person's record says afterwards."""

ENDS = ("key revoked", "session ended", "records moved")


@dataclass
class Town:
    """Two workers over one database, and how to reach what they share."""

    apps: tuple[Flask, Flask]
    stores: tuple[Turned, Turned]
    wiring: Wiring
    plain: Store


@pytest.fixture(params=STORES)
def town(request: pytest.FixtureRequest, tmp_path: Path, texts: Texts, real: Callable[[str], None]) -> Iterator[Town]:
    """Two workers: on SQLite each with connections of its own, in memory with the one store that there is."""
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path / 'bylaw.sqlite3'}" if sqlite else "memory:"
    if sqlite:
        real("SQLite")
    with ExitStack() as stack:
        first = stack.enter_context(build_in_memory(settings(tmp_path, url, rate_limits=UNLIMITED), texts=texts))
        fill(first)
        second = (
            stack.enter_context(build_in_memory(settings(tmp_path, url, rate_limits=UNLIMITED), texts=texts))
            if sqlite
            else first
        )
        built = []
        for wiring in (first, second):
            own = replace(wiring.ports, store=Turned(wiring.ports.store), authorizer=load_policies(first.shipped))
            built.append(replace(wiring, ports=own, sessions=first.sessions))
        apps = [create_app(wiring, clock=Clock()) for wiring in built]
        stores = [wiring.ports.store for wiring in built]
        yield Town((apps[0], apps[1]), (stores[0], stores[1]), built[0], first.ports.store)


class Watch:
    """Whether the taking was acknowledged, and what was answered to requests that began afterwards."""

    def __init__(self) -> None:
        self.acknowledged = False
        self.answers: list[tuple[str, int, list[str]]] = []

    def ask(self, who: Api, path: str, **query: Any) -> dict[str, Any]:
        """Ask, and keep the answer if the request began after the taking."""
        late = self.acknowledged
        answer = who.get(path, **query)
        found = value(answer)
        shown = found.get("items", [found] if answer.status_code == 200 else [])
        if late:
            self.answers.append((path.split("/")[1], answer.status_code, [item["id"] for item in shown]))
            if "total" in found:
                self.answers.append((f"{path.split('/')[1]} in all", answer.status_code, [str(found["total"])]))
        return dict(found)


def reading(watch: Watch, who: Api, chance: random.Random) -> Callable[[], None]:
    """A task that lists, counts, turns pages and opens records."""

    def task() -> None:
        cursor = None
        for _ in range(4):
            kind = chance.choice(list(KINDS))
            match chance.randrange(3):
                case 0:
                    watch.ask(who, f"/{kind}", total="true", limit=200)
                case 1:
                    more = {"cursor": cursor} if cursor else {}
                    cursor = watch.ask(who, "/leads", limit=2, **more).get("next_cursor")
                case _:
                    watch.ask(who, f"/leads/lead-{chance.randrange(12):02}")

    return task


def reader(town: Town, worker: int, *, by_session: str = "") -> Api:
    """The person at one of the workers, by key or by session."""
    api = as_person(town.apps[worker], PERSON)
    if by_session:
        api.token = None
        api.client.set_cookie("bylaw_session", by_session)
    return api


def taking(town: Town, watch: Watch, how: str, session: str) -> Callable[[], None]:
    """A task that takes the right at the second worker and is acknowledged."""

    def task() -> None:
        store = town.stores[1]
        if how == "session ended":
            town.wiring.sessions.end(session)
        else:
            with store.transaction() as transaction:
                for record in changed(transaction, how):
                    transaction.update(record)
        watch.acknowledged = True

    return task


def changed(reader: Any, how: str) -> list[Record]:
    """The records that the taking changes."""
    if how == "key revoked":
        return [reader.get("api_key", f"key-{PERSON}", Always()).with_fields(revoked_at=NOW)]
    if how == "records moved":
        found = [reader.get("lead", f"lead-{number:02}", Always()) for number in range(0, 12, 2)]
        return [lead.with_fields(branch_id="branch-2", team_id="team-5", owner_id="person-gone") for lead in found]
    return [reader.get("person", PERSON, Always()).with_fields(**TAKINGS[how])]


def restore(town: Town, before: list[Record]) -> None:
    """Give back what was taken."""
    with town.plain.transaction() as transaction:
        for record in before:
            now = transaction.get(record.type, record.id, Always())
            transaction.update(replace(record, revision=now.revision))


def permitted(town: Town, oso: Policies, kind: str) -> set[str] | None:
    """The ids that Oso grants the person as the person now is; None for somebody who may not sign in."""
    try:
        actor: Actor = actor_of(replace(town.wiring.ports, store=town.plain), PERSON)
    except NotFoundError:
        return None
    return {record.id for record in town.plain.scan(kind, Always()) if oso.reference_allows(actor, "read", record)}


def judge(town: Town, oso: Policies, how: str, watch: Watch) -> None:
    """Hold every answer to a request that began after the taking to what Oso grants."""
    allowed: dict[str, set[str] | None] = {}
    for name, status, shown in watch.answers:
        kind = KINDS[name.removesuffix(" in all")]
        if kind not in allowed:
            allowed[kind] = None if how in {"key revoked", "session ended"} else permitted(town, oso, kind)
        granted = allowed[kind]
        if granted is None:
            assert (401, []) == (status, shown), name
        elif name.endswith("in all"):
            assert [str(len(granted))] == shown, name
        else:
            assert status in {200, 400, 404}, name
            assert set(shown) <= granted, (name, set(shown) - granted)


def interleave(town: Town, oso: Policies, how: str, seed: int) -> int:
    """One interleaving, judged; how many answers were given to requests that began after the taking."""
    chance = random.Random(f"{how} {seed}")
    session = town.wiring.sessions.begin({"csrf": "x", "how": PROVIDER}, person_key=person_key_of(ORG, PERSON)).id
    taken = [] if how == "session ended" else changed(town.plain, how)
    before = [town.plain.get(record.type, record.id, Always()) for record in taken]
    watch, turns = Watch(), Turns(seed)
    for store in town.stores:
        store.turns = turns
    ways = {"key revoked": ("", ""), "session ended": (session, session)}.get(how, ("", session))
    readers = [reader(town, worker, by_session=ways[worker]) for worker in (0, 1)]
    try:
        turns.run([*(reading(watch, one, chance) for one in readers), taking(town, watch, how, session)])
        judge(town, oso, how, watch)
    finally:
        for store in town.stores:
            store.turns = None
        restore(town, before)
    return len(watch.answers)


@pytest.mark.parametrize("how", [*TAKINGS, *ENDS])
def test_nothing_that_was_taken_is_shown_afterwards(town: Town, how: str) -> None:
    """Whatever the interleaving, a request that begins after a right is taken shows only what is still allowed."""
    oso = load_policies(town.wiring.shipped)
    each = -(-INTERLEAVINGS // (len(STORES) * len([*TAKINGS, *ENDS])))
    late = sum(interleave(town, oso, how, seed) for seed in range(each))
    assert late > each, "hardly anything was asked after the taking"


@pytest.mark.parametrize("how", ["another role", "another region"])
def test_a_worker_that_remembers_rights_is_found_out(town: Town, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check itself: workers that keep what a person might once see show what was taken, and this is noticed."""
    oso = load_policies(town.wiring.shipped)
    once = actor_of(replace(town.wiring.ports, store=town.plain), PERSON)
    kept = {(once.id, "read", kind): oso.predicate(once, "read", kind) for kind in KINDS.values()}
    ask = Policies.predicate

    def remembering(self: Policies, actor: Actor, action: str, record_type: str) -> Predicate:
        return kept.setdefault((actor.id, action, record_type), ask(self, actor, action, record_type))

    monkeypatch.setattr(Policies, "predicate", remembering)
    with pytest.raises(AssertionError, match=r"leads|deals|accounts|statements|audit"):
        sum(interleave(town, oso, how, seed) for seed in range(50))

"""Walls between organisations, regions, branches and teams: no byte of any answer depends on what lies behind one.

One house holds an organisation alone. The other holds it beside a rival that looks the same, with people of every role
and records of every type under the same ids, and that has done everything first. The same people then send the same
requests, through every door, to both houses; every status, header and byte must be the same. So nothing of the rival
can appear in any answer, count or error, and what it has is answered like what nobody has. Within one organisation the
same is done with what lies in another region, another branch, or with a colleague.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from doors import Foreign, Knock, all_knocks
from houses import MARK, RIVAL, Answer, House, Knocks, Visit, foreign_of, house, marked, ours, rivals, stored_of
from small_world import ORG

from adapters.stores.sqlite.store import SQLiteStore
from adapters.wiring import Texts
from engine.caller import ROLES, Actor
from engine.policy import Policies
from engine.ports import Reader
from engine.predicate import Always, Predicate
from engine.records import Record
from engine.service import directory

ASKING_ALL = ("sales_rep", "revops_analyst", "platform_admin")
"""Who asks about what others have too: who sees least, and who sees and changes most. The others ask of their own."""


Doors = Callable[[Knock], bool]


def everywhere(_: Knock) -> bool:
    """Whether to knock: always."""
    return True


def ordered(foreign: Foreign, role: str, doors: Doors) -> Knocks:
    """The knocks of one person."""

    def knocks(spare: list[str]) -> list[Knock]:
        return [one for one in all_knocks(foreign, spare) if doors(one) and (one.base or role in ASKING_ALL)]

    return knocks


def looking(addresses: tuple[str, ...]) -> Knocks:
    """Looking at what was made."""
    return lambda _: [Knock("api.made" if one.startswith("/api/") else "console.made", "GET", one) for one in addresses]


def visited(
    door_of: House, organisation: str, foreign: Foreign, roles: tuple[str, ...] = ROLES, doors: Doors = everywhere
) -> Visit:
    """People of an organisation knock at every door; then the jobs are done, and what was made is looked at."""
    door_of.chance.begin(organisation)
    visit = Visit()
    for role in roles:
        visit.walk(door_of, organisation, role, ordered(foreign, role, doors))
    door_of.work()
    visit.walk(door_of, organisation, roles[-1], looking((*visit.made, *foreign.made)), key="made ")
    return visit


def harvested(visit: Visit, foreign: Foreign) -> Foreign:
    """The rival's things with what its people were answered: cursors, tokens of pages, and what they made."""
    cursors = {}
    for knock, (status, headers, body) in visit.answers.values():
        if status == 200 and ("Content-Type", "application/json") in headers:
            found = json.loads(body)
            cursor = found.get("next_cursor") or (found.get("page") or {}).get("next_token")
            if cursor and not cursors.get(knock.door.partition(".")[2]):
                cursors[knock.door.partition(".")[2]] = cursor
    return replace(foreign, cursors=cursors, made=visit.made)


@dataclass(frozen=True)
class Both:
    """What the same people were answered alone and beside a rival, and the rival before and after."""

    alone: Visit
    beside: Visit
    rival: Visit
    before: Mapping[tuple[str, str], Record]
    after: Mapping[tuple[str, str], Record]
    foreign: Foreign
    existing: frozenset[str]


def differences(one: Visit, other: Visit, whose: tuple[str, ...] = ()) -> list[tuple[str, str, str]]:
    """Where two visits were answered differently: who (of these roles), at which door, and from where on."""
    return [
        (who, knock.door, f"{knock.method} {knock.path} {dict(knock.query)} {knock.body!r}: {_first(answer, again)}")
        for (who, number), (knock, answer) in one.answers.items()
        if (not whose or who in whose) and answer != (again := other.answers[who, number][1])
    ]


def _first(one: Answer, other: Answer) -> str:
    """The first place where two answers differ, with what stands around it."""
    texts = [f"{status} {headers} {body.decode(errors='replace')}" for status, headers, body in (one, other)]
    at = next(
        (place for place, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(len(text) for text in texts)
    )
    return " != ".join(repr(text[max(0, at - 60) : at + 60]) for text in texts)


def alone(  # noqa: PLR0917  # a house and what is asked there
    home: Path,
    texts: Texts,
    records: list[Record],
    foreign: Foreign,
    roles: tuple[str, ...] = ROLES,
    doors: Doors = everywhere,
) -> Visit:
    """The organisation in a house of its own."""
    with house(home, texts, records) as one:
        one.chance.begin(f"{ORG} first")
        one.vouch(ORG)
        return visited(one, ORG, foreign, roles, doors)


def both(
    tmp_path_factory: pytest.TempPathFactory, texts: Texts, published: tuple[Record, ...], doors: Doors = everywhere
) -> Both:
    """The organisation alone and beside its rival."""
    mine = ours(published)
    theirs = rivals(mine)
    foreign = foreign_of(theirs)
    with house(tmp_path_factory.mktemp("beside"), texts, [*mine, *theirs]) as two:
        for organisation in (RIVAL, ORG):
            two.chance.begin(f"{organisation} first")
            two.vouch(organisation)
        rival = visited(two, RIVAL, foreign, doors=doors)
        foreign = harvested(rival, foreign)
        before = stored_of(two.wiring, RIVAL)
        beside = visited(two, ORG, foreign, doors=doors)
        after = stored_of(two.wiring, RIVAL)
        existing = frozenset(rule.endpoint for rule in two.app.url_map.iter_rules())
    by_itself = alone(tmp_path_factory.mktemp("alone"), texts, mine, foreign, doors=doors)
    return Both(by_itself, beside, rival, before, after, foreign, existing)


@pytest.fixture(scope="module")
def answered(tmp_path_factory: pytest.TempPathFactory, texts: Texts, published: tuple[Record, ...]) -> Both:
    """Every answer."""
    return both(tmp_path_factory, texts, published)


def test_no_byte_of_any_answer_depends_on_another_organisation(
    answered: Both, counted: Callable[[str], None], real: Callable[[str], None]
) -> None:
    """Alone or beside a rival that has done everything first, an organisation is answered the same, to the byte."""
    assert list(answered.alone.answers) == list(answered.beside.answers)
    assert [] == differences(answered.alone, answered.beside)
    counted(f"{len(answered.beside.answers):,} answers the same to the byte with and without a second organisation")
    real("SQLite")


def test_nothing_of_another_organisation_stands_in_any_answer(answered: Both) -> None:
    """Neither the rival's id nor a word of its texts is in any header or body."""
    shown = [
        (who, knock)
        for (who, _), (knock, (_, headers, body)) in answered.beside.answers.items()
        for text in (MARK, RIVAL)
        if text in str(headers) or (text.encode() in body and text not in f"{knock}")
    ]
    assert [] == shown


def test_nothing_of_another_organisation_is_changed(answered: Both) -> None:
    """Whatever people do, everything that is stored of the rival stays as it is, its log included."""
    assert answered.before == answered.after
    assert len(answered.before) > 100


ANSWERED_WITHOUT_SUCCESS = {
    "console.begin_session": "signing in by a name is off where nobody proves who they are",
    "console.come_back": "no provider is configured",
    "console.end_at_provider": "no provider is configured",
    "console.static_file": "a file of another build",
    "health.ready": "no worker is alive",
}


def test_every_door_was_tried_and_opened(answered: Both) -> None:
    """Every operation, page and address there is was asked, and all but those that say why answered somebody."""
    tried = {knock.door for knock, _ in answered.beside.answers.values()}
    opened = {knock.door for knock, (status, _, _) in answered.beside.answers.values() if status < 400}
    assert answered.existing == tried - {"api.made", "console.made"}
    assert set(ANSWERED_WITHOUT_SUCCESS) == answered.existing - opened


def test_there_is_something_behind_every_wall(answered: Both) -> None:
    """What the rival's people are shown through the same doors holds its texts, and they were given cursors and ids."""
    shown = {knock.door for knock, (_, _, body) in answered.rival.answers.values() if MARK.encode() in body}
    for kind in ("lead", "deal", "account", "statement", "conflict", "check_in"):
        assert {f"api.get_{kind}", f"api.list_{kind}s"} <= shown
    assert {"api.export_audit", "console.lead", "console.leads", "console.home", "console.audit_entry"} <= shown
    assert {"list_leads", "list_deals", "list_audit_entries", "search_resource"} <= set(answered.foreign.cursors)
    assert len(answered.foreign.made) > 20


def only(*names: str) -> Doors:
    """Whether to knock: at these doors alone."""
    return lambda knock: knock.door.partition(".")[2] in names


def _open_leads(patch: pytest.MonkeyPatch) -> None:
    """The policies forget the organisation of leads."""
    ask = Policies.predicate

    def predicate(self: Policies, actor: Actor, action: str, record_type: str) -> Predicate:
        return Always() if record_type == "lead" else ask(self, actor, action, record_type)

    patch.setattr(Policies, "predicate", predicate)


def _forget_where_people_belong(patch: pytest.MonkeyPatch) -> None:
    """People are found by their id alone."""

    def actor_in(reader: Reader, _organisation_id: str, person_id: str) -> Actor:
        return directory.actor_from(reader.get("person", person_id, Always()))

    for module in ("directory", "api_keys", "jobs"):
        patch.setattr(f"engine.service.{module}.actor_in", actor_in)


def _count_everybodys(patch: pytest.MonkeyPatch) -> None:
    """Counts leave out what a list shows no record of."""
    patch.setattr(SQLiteStore, "count", lambda store, kind, _: sum(1 for _ in store.scan(kind, Always())))


HOLES: Mapping[str, tuple[Callable[[pytest.MonkeyPatch], None], Doors]] = {
    "leads without a wall": (_open_leads, only("list_leads", "leads")),
    "people of any organisation": (_forget_where_people_belong, only("get_me", "me")),
    "everybody's counts": (_count_everybodys, only("list_deals", "deals")),
}


@pytest.mark.parametrize("hole", HOLES)
def test_a_hole_in_the_wall_is_found(
    tmp_path_factory: pytest.TempPathFactory,
    texts: Texts,
    published: tuple[Record, ...],
    monkeypatch: pytest.MonkeyPatch,
    hole: str,
) -> None:
    """The check itself: where something forgets the organisation, answers through pages and operations differ."""
    make, doors = HOLES[hole]
    make(monkeypatch)
    found = both(tmp_path_factory, texts, published, doors)
    assert {"api", "console"} == {door.partition(".")[0] for _, door, _ in differences(found.alone, found.beside)}


FAR: Mapping[str, Mapping[str, Any]] = {
    "region": {
        "region_id": "region-2", "branch_id": "branch-2", "team_id": "team-9", "territory_id": "territory-2",
        "territory_ids": ("territory-2",),
    },
    "branch": {"branch_id": "branch-2", "team_id": "team-9"},
    "colleague": {"team_id": "team-2", "owner_id": "person-other"},
}  # fmt: skip
"""Where the other records lie: in another region, in another branch of the region, with somebody else of the branch."""

SHARED = frozenset({"organisation", "rule_version", "api_key", "product", "import_batch"})
PLACES = frozenset({"region", "branch", "team", "territory"})

BEHIND: Mapping[str, tuple[str, ...]] = {"region": ROLES, "branch": ROLES[:4], "colleague": ROLES[:2]}
"""Before whom the wall stands: administrators look after the people of their whole region."""


def beyond(records: Iterable[Record], wall: str) -> list[Record]:
    """The same records once more, behind the wall, with owners there; people and places where the wall has any."""
    place, found = FAR[wall], []
    for record in records:
        alike = record.type == "person" and wall == "colleague"
        if record.type in SHARED or alike or (record.type in PLACES and wall != "region"):
            continue
        held = {name: text for name, text in place.items() if name in record.fields}
        if "owner_id" in record.fields:
            held.setdefault("owner_id", f"{record['owner_id']}-theirs")
        found.append(marked(replace(record, id=f"{record.id}-theirs")).with_fields(**held))
    return found


@pytest.mark.parametrize("wall", FAR)
def test_no_byte_of_any_answer_depends_on_what_lies_behind_a_wall(  # noqa: PLR0917  # fixtures
    tmp_path: Path,
    texts: Texts,
    published: tuple[Record, ...],
    answered: Both,
    counted: Callable[[str], None],
    wall: str,
) -> None:
    """Whether there is anything in another region or branch or with a colleague shows in no byte of any answer."""
    mine = ours(published)
    within = alone(tmp_path, texts, [*mine, *beyond(mine, wall)], answered.foreign, BEHIND[wall])
    assert [] == differences(answered.alone, within, BEHIND[wall])
    count = sum(who in BEHIND[wall] for who, _ in within.answers)
    counted(f"{count:,} answers the same to the byte with and without what lies behind the wall of a {wall}")

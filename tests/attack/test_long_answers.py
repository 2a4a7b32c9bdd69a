"""What began with a right that is taken before it ends: files that are still being written, cursors that are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from small_world import NOW, ORG, Api, Clock, as_person, fill, settings, value

from adapters.wiring import Texts, Wiring, build_in_memory, check_signature
from engine.audit.verification import verify
from engine.policy import Policies
from engine.predicate import Always
from engine.problems import BylawError
from engine.records import Record
from engine.service import audit_export
from engine.service.directory import actor_of, person_key_of
from webapp.app import create_app
from webapp.identity import PROVIDER

ADMIN = "person-platform_admin"
FEW = 3
"""Entries that are read at once here."""
PROOF = b'"proof":'
"""What the second line of every entry has."""


@pytest.fixture
def own(tmp_path, texts: Texts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wiring]:
    """A world on SQLite for one test, whose log has dozens of entries."""
    monkeypatch.setattr(audit_export, "BATCH", FEW)
    with build_in_memory(settings(tmp_path, f"sqlite:///{tmp_path / 'bylaw.sqlite3'}"), texts=texts) as built:
        fill(built)
        rep = as_person(create_app(built, clock=Clock()), "person-sales_rep")
        for number in range(12):
            assert 201 == rep.post("/leads", {"name": f"Long {number}"}).status_code
        yield built


def change_person(wiring: Wiring, **fields: Any) -> None:
    """The administrator's record says something else now."""
    with wiring.ports.store.transaction() as transaction:
        transaction.update(transaction.get("person", ADMIN, Always()).with_fields(**fields))


def end_key(wiring: Wiring) -> None:
    with wiring.ports.store.transaction() as transaction:
        key: Record = transaction.get("api_key", f"key-{ADMIN}", Always())
        transaction.update(key.with_fields(revoked_at=NOW))


def end_sessions(wiring: Wiring) -> None:
    assert wiring.sessions.end_all(person_key_of(ORG, ADMIN))


TAKINGS: dict[str, tuple[Callable[[Wiring], None], tuple[str, ...]]] = {
    "another role": (lambda wiring: change_person(wiring, role="sales_rep"), ("key", "session", "page")),
    "another region": (lambda wiring: change_person(wiring, region_id="region-2"), ("key", "session", "page")),
    "left": (lambda wiring: change_person(wiring, active=False), ("key", "session", "page")),
    "key revoked": (end_key, ("key",)),
    "session ended": (end_sessions, ("session", "page")),
}


def asked(app: Flask, wiring: Wiring, door: str) -> Iterator[bytes]:
    """The file's lines as they are written to whoever asks: with a key, with a session, or by the page's form."""
    api = as_person(app, ADMIN)
    if door == "key":
        answer = api.client.get("/api/v1/audit/export", headers=api.headers())
    else:
        begun = wiring.sessions.begin({"csrf": "x", "how": PROVIDER}, person_key=person_key_of(ORG, ADMIN))
        api.client.set_cookie("bylaw_session", begun.id)
        if door == "session":
            answer = api.client.get("/api/v1/audit/export")
        else:
            answer = api.client.post("/audit/export", data={"csrf_token": "x"})
    assert 200 == answer.status_code
    return iter(answer.response)


def test_a_file_is_written_whole_while_the_right_lasts(own: Wiring) -> None:
    """Nothing that is not a change of rights stops a file: a new id of the session, and other people's changes."""
    app = create_app(own, clock=Clock())
    lines = asked(app, own, "session")
    first = next(lines)
    assert 201 == as_person(app, "person-sales_rep").post("/leads", {"name": "Meanwhile"}).status_code
    assert verify(BytesIO(first + b"".join(lines)), check_signature).good


@pytest.mark.parametrize(("taking", "door"), [(name, door) for name, (_, doors) in TAKINGS.items() for door in doors])
def test_a_file_ends_where_the_right_ends(own: Wiring, taking: str, door: str) -> None:
    """Once a right is taken no further entry is read for a file that is being written, and the file shows its lack."""
    lines = asked(create_app(own, clock=Clock()), own, door)
    written = [next(lines)]
    while PROOF not in written[-1]:
        written.append(next(lines))
    TAKINGS[taking][0](own)
    with pytest.raises(BylawError, match="your rights have changed"):
        written.extend(lines)
    assert 1 <= sum(PROOF in line for line in written) <= FEW
    assert not verify(BytesIO(b"".join(written)), check_signature).good


TAKEN_OUT = 'cell("sales_manager", "branch", "read");\n'
"""A line of the policies: without it managers read their team's records alone."""


def test_a_cursor_from_before_a_change_of_policies_shows_nothing_more(own: Wiring) -> None:
    """A cursor or a page's token that other policies gave out is refused, or shows what the present ones allow."""
    files = own.shipped.policies()
    assert any(TAKEN_OUT in text for text in files.values())
    narrower = Policies.load({name: text.replace(TAKEN_OUT, "") for name, text in files.items()})
    before = as_person(create_app(own, clock=Clock()), "person-sales_manager")
    later = create_app(replace(own, ports=replace(own.ports, authorizer=narrower)), clock=Clock())
    after = as_person(later, "person-sales_manager")
    actor = actor_of(own.ports, "person-sales_manager")
    for path, kind in (("/leads", "lead"), ("/deals", "deal"), ("/audit", "audit_entry"), ("/statements", "statement")):
        granted = {one.id for one in own.ports.store.scan(kind, Always()) if narrower.allows(actor, "read", one)}
        page = value(before.get(path, limit=1))
        for query in ({"limit": 200}, {"limit": 200, "cursor": page["next_cursor"]} if page["next_cursor"] else {}):
            answer = after.get(path, **query)
            shown = {one["id"] for one in value(answer).get("items", ())}
            assert answer.status_code == 200 or (answer.status_code, "cursor" in query) == (400, True)
            assert shown <= granted, (path, shown - granted)
    assert searched(after, searched(before, "")[1])[0] <= {
        one.id for one in own.ports.store.scan("lead", Always()) if narrower.allows(actor, "read", one)
    }


def searched(who: Api, token: str) -> tuple[set[str], str]:
    """A page of an AuthZEN search for what the manager may read, and the next page's token."""
    question = {
        "subject": {"type": "user", "id": "person-sales_manager"},
        "action": {"name": "read"},
        "resource": {"type": "lead"},
        "page": {"limit": 2, "token": token},
    }
    answer = who.send("POST", "/access/v1/search/resource", question, key=None)
    found = value(answer)
    if answer.status_code != 200:
        assert answer.status_code == 400
        return set(), ""
    return {one["id"] for one in found["results"]}, found["page"]["next_token"]

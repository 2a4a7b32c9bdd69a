"""A few people behind the real application, with an identity provider that the settings or a test names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Flask
from flask.testing import FlaskClient
from token_issuer import NOW
from werkzeug.test import TestResponse

from adapters.wiring import Settings, Texts, Wiring, build_in_memory
from engine.caller import ROLES
from engine.ports import IdentityProvider
from engine.predicate import Always, Compare
from engine.records import Record
from engine.service.auditing import STRANGER
from webapp.app import create_app

ORG = "org-a"
PLACE = {"region_id": "region-1", "branch_id": "branch-1", "team_id": "team-1", "territory_id": "territory-1"}
ADDRESS = "http://127.0.0.1:8400"


def person(person_id: str, role: str = "sales_rep", **fields: Any) -> Record:
    """Somebody of the directory, whose e-mail address follows from the id unless it is said."""
    known = {"name": person_id, "email": f"{person_id.removeprefix('person-')}@example.test", "role": role}
    return Record("person", person_id, ORG, {**PLACE, "owner_id": person_id, **known, "active": True, **fields})


def world() -> list[Record]:
    """An organisation with one person of each role."""
    return [
        Record("organisation", ORG, ORG, {"name": "Acme", "currency": "USD"}),
        *(person(f"person-{role}", role) for role in ROLES),
    ]


def built(settings: Settings, texts: Texts, provider: IdentityProvider | None = None) -> Wiring:
    """The reference adapters with these people in them."""
    wiring = build_in_memory(settings, texts=texts)
    with wiring.ports.store.transaction() as transaction:
        for record in world():
            transaction.insert(record)
    return wiring if provider is None else replace(wiring, identity_provider=provider)


@dataclass
class Browser:
    """A browser at this application."""

    client: FlaskClient

    def begin(self, **query: str) -> str:
        """Set out for the provider: where the browser was sent."""
        response = self.client.get(f"/sign-in/provider?{urlencode(query)}")
        assert 303 == response.status_code, response.get_data(as_text=True)
        return response.headers["Location"]

    def come_back(self, answer: dict[str, str]) -> TestResponse:
        """Bring the provider's answer back."""
        return self.client.get(f"/sign-in/callback?{urlencode(answer)}")

    @property
    def who(self) -> str | None:
        """Who is signed in here."""
        found = self.client.get("/api/v1/me").json
        return found.get("id") if found else None


def browser(wiring: Wiring) -> Browser:
    """A fresh browser, whose address bar holds the address that the provider sends people back to."""
    return Browser(application(wiring).test_client())


def application(wiring: Wiring) -> Flask:
    """The application at `NOW`, under its own address."""
    return create_app(wiring, clock=lambda: NOW)


def entries(wiring: Wiring, action: str = "session.begin") -> list[tuple[str, str, str | None]]:
    """Actor, outcome and reason of the log's entries about an action, in their order."""
    found = wiring.ports.store.scan("audit_entry", Compare("action", "=", action))
    return [(one["actor_id"], one["outcome"], one["reason"]) for one in sorted(found, key=lambda one: one["sequence"])]


def strangers(wiring: Wiring) -> list[tuple[str, str, str | None]]:
    """The same about sign-ins of which nobody can tell whose they were: they have a log of their own."""
    return [entry for entry in entries(wiring) if entry[0] == STRANGER]


def of_person(wiring: Wiring, person_id: str) -> Record:
    """Somebody's record."""
    return wiring.ports.store.get("person", person_id, Always())


def change(wiring: Wiring, person_id: str, **fields: Any) -> None:
    """Change somebody's record."""
    with wiring.ports.store.transaction() as transaction:
        transaction.update(transaction.get("person", person_id, Always()).with_fields(**fields))


def add(wiring: Wiring, record: Record) -> None:
    """Add a record."""
    with wiring.ports.store.transaction() as transaction:
        transaction.insert(record)

"""A small world for the API: one organisation with five people, one neighbour, and clients with their keys."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from adapters.limits import BY_NAME
from adapters.wiring import Settings, Wiring
from engine import exact_json
from engine.caller import ROLES, Caller
from engine.predicate import Always
from engine.records import Money, Record
from engine.service.api_keys import digest_of_token
from engine.service.directory import service_actor
from engine.service.rulesets import seed

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORG = "org-a"
STORES = ("memory", "sqlite")
EVERY_STORE = (*STORES, "mongodb")
UNLIMITED = tuple((name, 1_000_000_000) for name in BY_NAME)
"""Rate limits that no test meets unless it is about them."""
FRESH = itertools.count()
"""Idempotency keys that nobody has used before: one count for all clients, because worlds may outlive a test."""
HOME = {"region_id": "region-1", "branch_id": "branch-1"}


def token_of(person_id: str) -> str:
    """The key of a person of the small world."""
    return f"byl_{digest_of_token(person_id)[:8]}_{digest_of_token('secret ' + person_id)[:43]}"


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Api:
    """A client of the API with somebody's key, or with none."""

    client: FlaskClient
    token: str | None
    keys: Iterator[int] = field(default=FRESH, repr=False)

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, **query: Any) -> TestResponse:
        """GET an address under /api/v1 (or an absolute one)."""
        return self.client.get(address(path), query_string=query or None, headers=self.headers(headers))

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        media: str = "application/json",
        key: str | None = "",
    ) -> TestResponse:
        """Send a body. `key` is the Idempotency-Key: "" means a fresh one, None none."""
        found = dict(self.headers(headers))
        if key is not None:
            found["Idempotency-Key"] = key or f"test-{next(self.keys)}"
        content = raw if raw is not None else b"" if body is None else exact_json.canonical(body)
        if content or body is not None or raw is not None:
            found["Content-Type"] = media
        return self.client.open(address(path), method=method, data=content, headers=found)

    def post(self, path: str, body: Any = None, **more: Any) -> TestResponse:
        """POST a JSON value."""
        return self.send("POST", path, body, **more)

    def patch(self, path: str, body: Any, revision: int | str | None = None, **more: Any) -> TestResponse:
        """PATCH a JSON value on a revision."""
        headers = {"If-Match": f'"{revision}"'} if revision is not None else {}
        return self.send("PATCH", path, body, headers=headers, key=None, **more)

    def headers(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        """With the key."""
        found = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {**found, **(more or {})}


def address(path: str) -> str:
    """Under /api/v1 unless it says otherwise."""
    return path if path.startswith(("/api/", "/access/", "/health/", "/problems/")) else f"/api/v1{path}"


def value(response: TestResponse) -> Any:
    """The JSON of an answer, with exact numbers."""
    return exact_json.parse(response.data)


def code(response: TestResponse) -> tuple[int, str]:
    """Status and problem code."""
    return response.status_code, value(response)["code"]


def settings(tmp_path: Path, database_url: str = "memory:", **more: Any) -> Settings:
    """Settings of one machine, with a home of its own."""
    return Settings(home=tmp_path, database_url=database_url, secret_key="k" * 64, **{"example_sign_in": True, **more})


def as_person(app: Flask, person_id: str | None) -> Api:
    """A client with this person's key."""
    return Api(app.test_client(), token_of(person_id) if person_id else None)


def fill(wiring: Wiring, published: Iterable[Record] = ()) -> None:
    """Write the small world and the published rule versions."""
    with wiring.ports.store.transaction() as transaction:
        for record in world():
            transaction.insert(record)
        for record in published:
            transaction.insert(replace(record, revision=0))


def publish_shipped(wiring: Wiring) -> tuple[Record, ...]:
    """The shipped rules as published versions: made once, because every file's own tests are run for it."""
    caller = Caller(service_actor(ORG), NOW - 100 * HOUR, "cli", "seed")
    report = seed(wiring.ports, caller, wiring.shipped.rules())
    assert not report.problems
    return tuple(wiring.ports.store.scan("rule_version", Always()))


def world() -> list[Record]:
    """Everything in it, as records."""
    return [*_directory(), *_leads(), *_deals(), *_others(), *_keys(), *_neighbour()]


def owned_by(person_id: str) -> dict[str, str]:
    """The place of what a person owns."""
    team = "team-2" if person_id in {"person-revops_analyst", "person-other"} else "team-1"
    return {**HOME, "team_id": team, "owner_id": person_id, "territory_id": "territory-1"}


def _directory() -> list[Record]:
    names = {
        "sales_rep": "Rosa Pell",
        "field_sales_rep": "Finn Oduya",
        "sales_manager": "Mara Lindqvist",
        "revops_analyst": "Anil Verma",
        "platform_admin": "Pia Adler",
    }
    people = [
        Record(
            "person",
            f"person-{role}",
            ORG,
            {
                **owned_by(f"person-{role}"),
                "name": names[role],
                "email": f"{role}@example.test",
                "role": role,
                "territory_ids": ("territory-1",),
                "active": True,
                "example": True,
            },
        )
        for role in ROLES
    ]
    other = people[0]
    return [
        Record("organisation", ORG, ORG, {"name": "Small World", "currency": "USD", "example": True}),
        Record("region", "region-1", ORG, {"name": "North"}),
        Record("branch", "branch-1", ORG, {"name": "Harbour", "region_id": "region-1"}),
        Record("team", "team-1", ORG, {"name": "Pier", "manager_id": "person-sales_manager", **HOME}),
        Record("team", "team-2", ORG, {"name": "Quay", **HOME}),
        Record("territory", "territory-1", ORG, {"name": "Docks", **HOME}),
        *people,
        replace(other, id="person-other", fields={**other.fields, **owned_by("person-other"), "name": "Olga Other"}),
        replace(
            other,
            id="person-gone",
            fields={**other.fields, **owned_by("person-gone"), "name": "Gus Gone", "active": False},
        ),
    ]


def _leads() -> list[Record]:
    found = []
    for number in range(12):
        owner = ("person-sales_rep", "person-other", "person-field_sales_rep")[number % 3]
        scored = number % 4 != 3
        found.append(
            Record(
                "lead",
                f"lead-{number:02}",
                ORG,
                {
                    **owned_by(owner),
                    "name": f"Lead {number:02}",
                    "company": f"Company {number % 5}",
                    "status": "new",
                    "source": "web" if number % 2 else "fair",
                    "facts_schema": "lead/2",
                    "facts": {"employees": Decimal(100 * number)},
                    "created_at": NOW - number * HOUR,
                    "score": Decimal(number) * Decimal("7.5") if scored else None,
                    "band": ("C", "B", "A")[number // 4] if scored else None,
                    "score_state": "scored" if scored else "not_scored",
                },
            )
        )
    return found


def _deals() -> list[Record]:
    return [
        Record(
            "deal",
            f"deal-{number:02}",
            ORG,
            {
                **owned_by("person-sales_rep" if number % 2 else "person-other"),
                "name": f"Deal {number:02}",
                "stage": "Won" if number % 3 else "Engaging",
                "amount": Money(Decimal("1000.50") * number, "USD"),
                "closed_on": date(2026, 9, 1 + number) if number % 3 else None,
                "tags": ("renewal",),
                "account_id": "account-1",
                "account_name": "Harbour Tea",
            },
        )
        for number in range(6)
    ]


def _others() -> list[Record]:
    mine = owned_by("person-sales_rep")
    edits = {"base": 9_000, "client": 12_000, "server": 10_000}
    sides = {
        side: {"contract_target": {"amount": Decimal(amount), "currency": "USD"}} for side, amount in edits.items()
    }
    return [
        Record(
            "account",
            "account-1",
            ORG,
            {
                **mine,
                "name": "Harbour Tea",
                "sector": "retail",
                "employees": 40,
                "annual_revenue": Money(Decimal("1250000.00"), "USD"),
            },
        ),
        Record("product", "product-1", ORG, {"name": "Tea Chest", "list_price": Money(Decimal("19.90"), "USD")}),
        Record(
            "check_in",
            "check-in-1",
            ORG,
            {
                **mine,
                "at": NOW - HOUR,
                "latitude": Decimal("54.32"),
                "longitude": Decimal("10.14"),
                "account_id": "account-1",
                "account_name": "Harbour Tea",
            },
        ),
        Record(
            "statement",
            "statement-1",
            ORG,
            {
                **mine,
                "payee_name": "Rosa Pell",
                "plan": "incentive-plan/sales-commission",
                "plan_digest": "0" * 64,
                "period": "2026-Q3",
                "state": "calculated",
                "plan_version": 1,
                "credited": Money(Decimal("5002.50"), "USD"),
                "excluded": Money(Decimal(0), "USD"),
                "payout": Money(Decimal("250.13"), "USD"),
                "attainment": Decimal("0.5"),
                "decision": {"outcome": {}},
                "calculated_at": NOW,
            },
        ),
        Record(
            "conflict",
            "conflict-1",
            ORG,
            {
                **mine,
                "record_type": "deal",
                "record_id": "deal-01",
                "record_name": "Deal 01",
                "device_id": "phone-1",
                "state": "open",
                "rule_set": "sync-conflict/deal",
                "schema": "deal-conflict/1",
                **sides,
                "client_at": NOW - HOUR,
                "server_at": NOW - HOUR / 2,
                "found_at": NOW,
            },
        ),
    ]


def _keys() -> list[Record]:
    people = [f"person-{role}" for role in ROLES] + ["person-other", "person-gone"]
    keys = [key_record(person_id) for person_id in people]
    expired = key_record("expired", person_id="person-sales_rep", expires_at=NOW)
    revoked = key_record("revoked", person_id="person-sales_rep", revoked_at=NOW - HOUR)
    return [*keys, expired, revoked]


def key_record(name: str, *, person_id: str = "", organisation_id: str = ORG, **more: Any) -> Record:
    """A key as it is stored; its text is `token_of(name)`."""
    token = token_of(name)
    return Record(
        "api_key",
        f"key-{name}",
        organisation_id,
        {
            "person_id": person_id or name,
            "name": name,
            "prefix": token[4:12],
            "secret_digest": digest_of_token(token),
            "created_at": NOW - HOUR,
            "expires_at": NOW + 1_000 * HOUR,
            **more,
        },
    )


def _neighbour() -> list[Record]:
    """Another organisation, which nobody here may see."""
    place = {
        "region_id": "region-9",
        "branch_id": "branch-9",
        "team_id": "team-9",
        "owner_id": "person-9",
        "territory_id": "territory-9",
    }
    person = {**place, "name": "Nora Nine", "role": "platform_admin", "territory_ids": ("territory-9",), "active": True}
    return [
        Record("organisation", "org-b", "org-b", {"name": "Next Door", "currency": "EUR"}),
        Record("person", "person-9", "org-b", person),
        Record(
            "lead",
            "lead-9",
            "org-b",
            {
                **place,
                "name": "Lead of the neighbour",
                "facts_schema": "lead/2",
                "facts": {},
                "score": Decimal(99),
                "band": "A",
                "score_state": "scored",
                "created_at": NOW,
            },
        ),
        key_record("person-9", organisation_id="org-b"),
    ]

"""A small organisation in a memory store, under the shipped policies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from adapters.stores import open_store
from adapters.wiring import Shipped, load_policies
from engine.caller import Caller
from engine.kinds import KINDS
from engine.policy import Policies
from engine.ports import Message, Ports, Store
from engine.predicate import Always
from engine.problems import BylawError
from engine.records import Money, Record
from engine.rulefile import SchemaSource
from engine.service.directory import actor_of, place_owned_by, service_actor
from engine.service.library import Library
from engine.service.rulesets import seed
from engine.service.work import with_whole_numbers

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ORGANISATION = "acme"


class ListedQueue:
    """A queue that only remembers what it was given."""

    def __init__(self) -> None:
        self.delivered: list[Message] = []

    def deliver(self, message: Message) -> None:
        if message.id not in {known.id for known in self.delivered}:
            self.delivered.append(message)

    def ping(self) -> None:
        """It always answers."""

    def workers(self) -> int:
        return 0


class Clock:
    """An instant that moves when it is told to."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def forward(self, **by: int) -> None:
        self.at += timedelta(**by)


def schemas() -> SchemaSource:
    """The shipped schemas."""
    top = ROOT / "schemas"
    return SchemaSource({path.relative_to(top).as_posix(): path.read_text() for path in sorted(top.rglob("*.json"))})


@cache
def library() -> Library:
    """One library for all worlds: compiled rule sets have no state."""
    return Library(schemas(), KINDS)


@cache
def policies() -> Policies:
    """The shipped policies."""
    return load_policies(Shipped.find())


def shown_result(job: Record) -> Any:
    """A job's result as the doors show it: counts as whole numbers."""
    return with_whole_numbers(job)["result"]


def make_ports(store: Store | None = None) -> Ports:
    """Ports over a memory store; ids count up."""
    numbers = count(1)
    return Ports(
        store=store or open_store("memory:"),
        queue=ListedQueue(),
        authorizer=policies(),
        library=library(),
        new_id=lambda: f"{next(numbers):06d}",
    )


def shipped_rules() -> dict[str, bytes]:
    """The shipped rule files and the tables beside them."""
    paths = sorted(path for path in (ROOT / "rules").rglob("*") if path.suffix in {".yaml", ".csv"})
    return {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in paths}


def shipped(*names: str) -> dict[str, bytes]:
    """Some of them: `lead-priority/inbound@3`."""
    return {f"rules/{name}.yaml": (ROOT / "rules" / f"{name}.yaml").read_bytes() for name in names}


INBOUND = ("lead-priority/inbound@1", "lead-priority/inbound@2", "lead-priority/inbound@3")
COMMISSION = ("incentive-plan/sales-commission@1",)
DEAL_SYNC = ("sync-conflict/deal@1",)


def platform(organisation_id: str = ORGANISATION, now: datetime = NOW) -> Caller:
    """The service actor."""
    return Caller(service_actor(organisation_id), now, "cli", "r-1")


def as_person(ports: Ports, person_id: str, now: datetime = NOW) -> Caller:
    """A person asking through the API."""
    return Caller(actor_of(ports, person_id), now, "api", "r-2")


def insert(ports: Ports, *records: Record) -> None:
    """Store records without a use case."""
    with ports.store.transaction() as transaction:
        for record in records:
            transaction.insert(record)


def person(person_id: str, role: str, team: str | None = "t1", branch: str = "b1", **fields: object) -> Record:
    """Somebody of region r1, working the territory `x1`."""
    return Record(
        "person",
        person_id,
        ORGANISATION,
        {
            "name": person_id.title(),
            "role": role,
            "region_id": "r1",
            "branch_id": branch,
            "team_id": team,
            "territory_id": "x1",
            "territory_ids": ("x1",),
            "active": True,
            **fields,
        },
    )


def directory() -> tuple[Record, ...]:
    """Two branches of one region; in b1 the teams t1 and t2."""
    return (
        Record("organisation", ORGANISATION, ORGANISATION, {"name": "Acme", "currency": "USD", "example": False}),
        Record("region", "r1", ORGANISATION, {"name": "North"}),
        Record("branch", "b1", ORGANISATION, {"name": "One", "region_id": "r1"}),
        Record("branch", "b2", ORGANISATION, {"name": "Two", "region_id": "r1"}),
        Record("team", "t1", ORGANISATION, {"name": "T1", "region_id": "r1", "branch_id": "b1"}),
        Record("team", "t2", ORGANISATION, {"name": "T2", "region_id": "r1", "branch_id": "b1"}),
        person("rep", "sales_rep"),
        person("field", "field_sales_rep"),
        person("other", "sales_rep", team="t2"),
        person("far", "sales_rep", team="t9", branch="b2"),
        person("manager", "sales_manager"),
        person("analyst", "revops_analyst", team="t2"),
        person("admin", "platform_admin", team=None),
    )


def make_world(*rule_files: dict[str, bytes], store: Store | None = None) -> Ports:
    """The organisation with the given rule files in force."""
    ports = make_ports(store)
    insert(ports, *directory())
    for files in rule_files:
        report = seed(ports, platform(now=NOW - timedelta(days=1)), files)
        assert not report.problems, report.problems
    return ports


def deal(deal_id: str, owner: Record | None, **fields: object) -> Record:
    """A deal of this person, engaging unless said otherwise."""
    place = place_owned_by(owner) if owner else {}
    return Record("deal", deal_id, ORGANISATION, {**place, "name": deal_id.title(), "stage": "Engaging", **fields})


def deal_981(owner: Record) -> tuple[Record, Record]:
    """The conflict that everybody understands: the device an hour ago, the server thirty minutes ago."""
    place = place_owned_by(owner)
    target = {"amount": Decimal(10_000), "currency": "USD"}
    deal = Record(
        "deal", "deal-981", ORGANISATION, {**place, "name": "Fleet", "stage": "Engaging", "next_step": "Call"}
    )  # fmt: skip
    conflict = Record(
        "conflict",
        "c-981",
        ORGANISATION,
        {
            **place,
            "record_type": "deal",
            "record_id": "deal-981",
            "record_name": "Fleet",
            "device_id": "phone-7",
            "state": "open",
            "rule_set": "sync-conflict/deal",
            "schema": "deal-conflict/1",
            "base": {"contract_target": {"amount": Decimal(9_000), "currency": "USD"}},
            "client": {"contract_target": {"amount": Decimal(12_000), "currency": "USD"}},
            "server": {"contract_target": target},
            "client_at": NOW - timedelta(hours=1),
            "server_at": NOW - timedelta(minutes=30),
            "found_at": NOW,
        },
    )
    return deal, conflict


def lead(lead_id: str, owner: Record, **facts: object) -> Record:
    """A lead of this person with facts `lead/2`."""
    fields = {"name": lead_id.title(), "facts_schema": "lead/2", "facts": facts, "score_state": "waiting"}
    return Record("lead", lead_id, ORGANISATION, {**place_owned_by(owner), **fields})


def usd(amount: str) -> Money:
    """Dollars."""
    return Money(Decimal(amount), "USD")


def staff() -> dict[str, Record]:
    """The people of `directory`, by id."""
    return {record.id: record for record in directory() if record.type == "person"}


def codes(error: pytest.ExceptionInfo[BylawError]) -> list[tuple[str, str]]:
    """Code and path of every problem."""
    return [(problem.code, problem.place.path) for problem in error.value.problems]


def audit(ports: Ports) -> list[tuple[str, str, str, str | None]]:
    """The log: action, outcome, record id, reason; without seeding."""
    entries = sorted(ports.store.scan("audit_entry", Always()), key=lambda entry: entry["sequence"])
    return [
        (entry["action"], entry["outcome"], entry["record_id"], entry["reason"])
        for entry in entries
        if entry["action"] != "publish"
    ]


def version(number: int, effective: str, *, points: int = 20, name: str = "small", extra: str = "") -> bytes:
    """A rule file of one rule."""
    return f"""# yaml-language-server: $schema=../../schemas/rules/lead-priority.schema.json
kind: lead-priority
name: {name}
version: {number}
title: Small
effective: {{{effective}}}
{extra}facts: lead/2
groups:
  - id: fit
    cap: 100
    rules:
      - {{id: big, when: employees >= 500, points: {points}, because: A big company}}
bands: [{{from: 0, label: C}}, {{from: 15, label: B}}]
tests:
  - name: a big company
    at: 2026-11-02T09:00:00Z
    given: {{employees: 800}}
    expect: {{score: 20}}
""".encode()

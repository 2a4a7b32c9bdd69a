"""Check-ins of the people who travel, and edits that met each other: the conflicts that a person sees explained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

from adapters.example.chance import Chance
from adapters.example.companies import Account
from adapters.example.organisation import CURRENCY, SELLERS, Person, owned
from engine.records import Money, Record

OUTCOMES = ("met the buyer", "demonstrated the terminal", "took the order", "nobody there", "measured the site")
NOTES = (
    "Wants delivery before the season",
    "Asked about the cold chain kit",
    "Two more sites to equip",
    "Sign-off next week",
    "",
)
CENTRES = {
    "branch-harbor": (Decimal("54.1800"), Decimal("-3.2100")),
    "branch-lakeside": (Decimal("54.6000"), Decimal("-3.1300")),
    "branch-mesa": (Decimal("53.2000"), Decimal("-1.8000")),
}
"""Where each branch's customers are, degrees WGS 84."""

KNOWN_DEAL = "deal-981"
WORKING_DAYS = 22
MISSED = 0.35
"""The share of these days without a visit."""

SATURDAY = 5


def check_ins(
    chance: Chance, accounts: Sequence[Account], organisation_id: str, anchor: datetime
) -> tuple[Record, ...]:
    """A visit on most of the last working days, by everybody with a phone; each has its number on every day."""
    found: list[Record] = []
    travelling = [one for one in SELLERS if one.role == "field_sales_rep"]
    for number, (person, days) in enumerate(product(travelling, range(1, WORKING_DAYS + 1)), 301):
        random = chance.of("check-in", person.id, days)
        own = [account for account in accounts if account.owner.id == person.id] or list(accounts)
        at = _working_days_before(anchor - timedelta(minutes=random.randrange(0, 420)), days)
        if random.random() >= MISSED:
            found.append(_check_in(random, random.choice(own), person, organisation_id, at=at, number=number))
    return tuple(found)


def _working_days_before(at: datetime, days: int) -> datetime:
    while days:
        at -= timedelta(days=1)
        days -= at.weekday() < SATURDAY
    return at


def _check_in(
    random: Random, account: Account, person: Person, organisation_id: str, *, at: datetime, number: int
) -> Record:
    place = owned(person)
    latitude, longitude = CENTRES[place["branch_id"]]
    return Record(
        "check_in",
        f"check-in-{number}",
        organisation_id,
        {
            **place,
            "account_id": account.id,
            "account_name": account.company.name,
            "note": random.choice(NOTES) or None,
            "outcome": random.choice(OUTCOMES),
            "device_id": _device(person),
            "at": at,
            "latitude": latitude + Decimal(random.randrange(-900, 900)).scaleb(-4),
            "longitude": longitude + Decimal(random.randrange(-900, 900)).scaleb(-4),
            "accuracy_metres": Decimal(random.randrange(4, 40)),
        },
    )


def known_deal(account: Account, person: Person, organisation_id: str, anchor: datetime) -> Record:
    """`deal-981` as the server has it: its contract target was set to 10,000 thirty minutes before the anchor."""
    return Record(
        "deal",
        KNOWN_DEAL,
        organisation_id,
        {
            **owned(person),
            "name": "Fleet renewal",
            "stage": "Engaging",
            "account_id": account.id,
            "account_name": account.company.name,
            "product": "Trackline Rugged",
            "next_step": "Agree on the contract target",
            "source": "example",
            "amount": Money(Decimal(9_500), CURRENCY),
            "contract_target": Money(Decimal(10_000), CURRENCY),
            "engaged_on": anchor.date() - timedelta(days=34),
            "expected_close": anchor.date() + timedelta(days=21),
            "tags": ("renewal",),
            "changed_at": anchor - timedelta(minutes=30),
        },
    )


RULES = {
    "deal": ("sync-conflict/deal", "deal-conflict/1", "name"),
    "check_in": ("sync-conflict/check-in", "check-in-conflict/1", "account_name"),
}
"""The rule set and fact schema for each type of record, and the field that it is known by."""

States = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]
"""What the device last saw, what it wrote, and what the server has."""


def conflicts(deals: Sequence[Record], visits: Sequence[Record], anchor: datetime) -> tuple[Record, ...]:
    """`deal-981`, a stage that two people moved, tags that add up, an amount far apart, and a visit's two outcomes."""
    known = next(deal for deal in deals if deal.id == KNOWN_DEAL)
    opened = [deal for deal in deals if deal["stage"] == "Engaging" and deal.id != KNOWN_DEAL]
    moved, tagged, *_ = (deal for deal in opened if deal["team_id"] == known["team_id"])
    priced = next(deal for deal in opened if deal["team_id"] != known["team_id"])
    name, today = known["name"], anchor.date().isoformat()
    target = (
        {"name": name, "contract_target": _money(9_000)},
        {"name": name, "contract_target": _money(12_000)},
        {"name": name, "contract_target": _money(10_000)},
    )
    stage = (
        {"stage": "Engaging", "next_step": "Send the offer"},
        {"stage": "Won", "closed_on": today, "next_step": "Order the terminals"},
        {"stage": "Lost", "closed_on": today, "next_step": "Send the offer"},
    )
    tags = (
        {"tags": ["pilot"], "expected_close": _day(anchor, 20)},
        {"tags": ["pilot", "multi-site"], "expected_close": _day(anchor, 30)},
        {"tags": ["pilot", "competitive"], "expected_close": _day(anchor, 12)},
    )
    amount = (
        {"amount": _money(18_000), "next_step": "Visit the warehouse"},
        {"amount": _money(24_000), "next_step": "Measure the cold store"},
        {"amount": _money(18_500), "next_step": "Visit the warehouse"},
    )
    outcome = (
        {"outcome": None, "note": None},
        {"outcome": "took the order", "note": "Forty terminals"},
        {"outcome": "nobody there", "note": None},
    )
    return (
        _conflict(known, target, anchor, (60, 30)),
        _conflict(moved, stage, anchor, (190, 140)),
        _conflict(tagged, tags, anchor, (75, 95)),
        _conflict(priced, amount, anchor, (320, 260)),
        _conflict(visits[0], outcome, anchor, (410, 380)),
    )


def _conflict(record: Record, states: States, anchor: datetime, minutes: tuple[int, int]) -> Record:
    """`minutes` before the anchor: when the device's edit was made, and when the server's."""
    rule_set, schema, known_by = RULES[record.type]
    base, client, server = states
    places = ("region_id", "branch_id", "team_id", "owner_id", "territory_id")
    device = record["device_id"] or f"phone-{record['owner_id'].removeprefix('person-')}"
    return Record(
        "conflict",
        f"conflict-{record.id}",
        record.organisation_id,
        {
            **{place: record[place] for place in places},
            "record_type": record.type,
            "record_id": record.id,
            "record_name": record[known_by],
            "device_id": device,
            "state": "open",
            "rule_set": rule_set,
            "schema": schema,
            "base": base,
            "client": client,
            "server": server,
            "client_at": anchor - timedelta(minutes=minutes[0]),
            "server_at": anchor - timedelta(minutes=minutes[1]),
            "found_at": anchor - timedelta(minutes=5),
        },
    )


def _device(person: Person) -> str:
    return f"phone-{person.id.removeprefix('person-')}"


def _money(amount: int) -> dict[str, Any]:
    return {"amount": Decimal(amount), "currency": CURRENCY}


def _day(anchor: datetime, days: int) -> str:
    return (anchor.date() + timedelta(days=days)).isoformat()

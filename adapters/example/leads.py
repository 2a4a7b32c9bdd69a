"""Leads: who asked, what their company is, and what they did in the weeks before the anchor."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from adapters.example.chance import Chance
from adapters.example.companies import Company, CompanyNames
from adapters.example.organisation import SELLERS, owned
from engine.exact_json import instant_text
from engine.records import Record

SCHEMA = "lead/2"
FIRST_NAMES = (
    "Adisa",
    "Benno",
    "Calla",
    "Doria",
    "Emeric",
    "Farah",
    "Gunnar",
    "Hollis",
    "Imre",
    "Jessamy",
    "Kalani",
    "Linnea",
    "Marek",
    "Nadia",
    "Oswin",
    "Perrin",
    "Quinn",
    "Rosalba",
    "Sefton",
    "Tamsin",
    "Ulla",
    "Viggo",
    "Wilhelmina",
    "Xanthe",
    "Yorick",
    "Zaida",
)
LAST_NAMES = (
    "Aldercott",
    "Bexhampton",
    "Corviston",
    "Dellacroix",
    "Elmsgrove",
    "Fairweathers",
    "Grimsdal",
    "Havelocke",
    "Ingersund",
    "Jorvikson",
    "Kettlewick",
    "Lindworth",
    "Marlowski",
    "Nethercombe",
    "Oakleaf",
    "Pendlebrook",
    "Quennellis",
    "Rookwater",
    "Silverdale",
    "Thistlewood",
    "Umberto-Hale",
    "Vandermolen",
    "Wrenfield",
    "Yarmouth-Diaz",
)
FREE_MAIL = ("gmail.com", "outlook.com", "yahoo.com")
SENIORITY = ("executive", "director", "manager", "manager", "specialist", "other")
SOURCES = ("web form", "web form", "organic search", "advertising", "trade show", "partner", "referral", "outbound")
PAGES = ("/pricing", "/pricing/enterprise", "/products/trackline", "/products/shelfscan")
EVENTS = (
    ("e-mail opened", 6),
    ("e-mail clicked", 4),
    ("content download", 4),
    ("pricing page view", 5),
    ("form submitted", 3),
    ("webinar attended", 3),
    ("demo request", 4),
    ("trial started", 3),
    ("meeting held", 1),
    ("unsubscribed", 1),
)
BLANK_EVERY = 24
"""One lead in so many has no facts yet: it came from a list with nothing but a name."""
UNROUTED_EVERY = 40
"""One in so many has a branch, but no owner yet."""


def leads(
    chance: Chance, names: CompanyNames, organisation_id: str, anchor: datetime, number: int
) -> tuple[Record, ...]:
    """Leads with facts as of the anchor."""
    weighted = [person for person in SELLERS for _ in range(person.share)]
    found = []
    for index in range(number):
        random = chance.of("lead", index)
        company = names.next()
        owner = weighted[index % len(weighted)]
        place: dict[str, Any] = dict(owned(owner))
        if index % UNROUTED_EVERY == UNROUTED_EVERY - 1:
            place = {"region_id": place["region_id"], "branch_id": place["branch_id"]}
        created = _minutes_before(random, anchor, 60 * 24 * 75)
        facts = {} if index % BLANK_EVERY == 7 else _facts(random, company, created, anchor)
        person = f"{random.choice(FIRST_NAMES)} {random.choice(LAST_NAMES)}"
        found.append(
            Record(
                "lead",
                f"lead-{1001 + index}",
                organisation_id,
                {
                    **place,
                    "name": person,
                    "company": company.name,
                    "status": random.choice(("new", "new", "working", "working", "qualified")),
                    "source": facts.get("source", "list"),
                    "facts_schema": SCHEMA,
                    "facts": facts,
                    "created_at": created,
                    "score_state": "waiting",
                },
            )
        )
    return tuple(found)


def _facts(random: Random, company: Company, created: datetime, anchor: datetime) -> dict[str, Any]:
    """What is known: companies well, contacts less, interest from nothing to an afternoon of clicks."""
    domain = f"{company.name.split()[0].lower()}.example"
    facts: dict[str, Any] = {
        "company": company.name,
        "industry": company.industry,
        "country": company.country,
        "source": random.choice(SOURCES),
        "email_domain": random.choice(FREE_MAIL) if random.random() < 0.12 else domain,
        "consent": random.random() > 0.05,
    }
    if random.random() < 0.85:
        facts["employees"] = Decimal(company.size)
    if random.random() < 0.6:
        facts["annual_revenue"] = Decimal(company.revenue)
    if random.random() < 0.8:
        facts["seniority"] = random.choice(SENIORITY)
    if random.random() < 0.04:
        facts["competitor"] = True
    if random.random() < 0.05:
        facts["existing_customer"] = True
    if random.random() < 0.3:
        facts["last_contacted_on"] = _minutes_before(random, anchor, 60 * 24 * 20).date().isoformat()
    events = _events(random, created, anchor)
    if events:
        facts["events"] = events
    return facts


def _events(random: Random, created: datetime, anchor: datetime) -> list[dict[str, str]]:
    kinds = [kind for kind, weight in EVENTS for _ in range(weight)]
    since = int((anchor - created).total_seconds()) // 60
    events = []
    for _ in range(random.choice((0, 0, 1, 1, 2, 3, 4, 5, 7, 9))):
        # People are busiest shortly before somebody looks: most events are recent.
        minutes = int(since * random.random() ** 3)
        kind = random.choice(kinds)
        event = {"type": kind, "at": instant_text(anchor - timedelta(minutes=minutes))}
        if kind == "pricing page view":
            event["page"] = random.choice(PAGES)
        events.append(event)
    return sorted(events, key=lambda event: event["at"])


def _minutes_before(random: Random, anchor: datetime, most: int) -> datetime:
    return anchor - timedelta(minutes=random.randrange(10, most))

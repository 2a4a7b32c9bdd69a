"""Invented customers and products."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from adapters.example.chance import Chance
from adapters.example.organisation import CURRENCY, SELLERS, Person, owned
from engine.records import Money, Record

FIRST = (
    "Amberfield",
    "Birchway",
    "Coppergate",
    "Dunmere",
    "Eastvale",
    "Fernhollow",
    "Gildenport",
    "Hartsbrook",
    "Ironquay",
    "Juniper Row",
    "Kestrelton",
    "Lowmarsh",
    "Millwright",
    "Northgate",
    "Oakenshaw",
    "Pinemoor",
    "Quarryside",
    "Redfern",
    "Saltmarsh",
    "Thornbury",
    "Umberland",
    "Velmont",
    "Westerly",
    "Yarrowdale",
    "Zephyr Bay",
)
SECOND = {
    "retail": ("Stores", "Outfitters", "Market Halls", "Home & Garden", "Grocers"),
    "logistics": ("Freight", "Warehousing", "Parcel Lines", "Cold Chain", "Logistics"),
    "manufacturing": ("Castings", "Tool Works", "Packaging", "Textiles"),
    "healthcare": ("Clinics", "Medical Supply", "Care Group"),
    "hospitality": ("Hotels", "Catering", "Resorts"),
    "software": ("Software", "Data Works", "Cloud"),
    "education": ("College", "Training Centre"),
}
COUNTRIES = ("US", "US", "US", "CA", "DE", "GB", "NL")
CITIES = ("Port Ansel", "Corrin Falls", "Weldon Heights", "Lake Orsa", "Marrow Bridge", "Tessaly", "Sandpiper Bay")

PRODUCTS = (
    ("Trackline Handheld", "Trackline", 890),
    ("Trackline Rugged", "Trackline", 1_450),
    ("Trackline Dock", "Trackline", 320),
    ("Shelfscan Sensor", "Shelfscan", 64),
    ("Shelfscan Gateway", "Shelfscan", 780),
    ("Shelfscan Insight (year)", "Shelfscan", 9_600),
    ("Coldwatch Kit", "Coldwatch", 2_300),
    ("Coldwatch Service (year)", "Coldwatch", 4_800),
)


@dataclass(frozen=True, slots=True)
class Company:
    """A company as leads and accounts know it. `size` is its number of employees."""

    name: str
    industry: str
    size: int
    revenue: int
    country: str
    city: str


class CompanyNames:
    """Companies one after another, no name twice."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._used: set[str] = set()

    def next(self) -> Company:
        """A company that was not there before."""
        random = self._random
        while True:
            industry = random.choice(("retail", "retail", "logistics", "logistics", *SECOND))
            name = f"{random.choice(FIRST)} {random.choice(SECOND[industry])}"
            if name not in self._used:
                break
        self._used.add(name)
        size = random.choice((8, 14, 22, 35, 48, 60, 85, 120, 180, 240, 320, 450, 600, 900, 1_400, 2_600, 5_200))
        revenue = size * random.randrange(90, 260) * 1_000
        return Company(name, industry, size, revenue, random.choice(COUNTRIES), random.choice(CITIES))


def products(organisation_id: str) -> tuple[Record, ...]:
    """Eight products with list prices."""
    return tuple(
        Record(
            "product",
            f"product-{number}",
            organisation_id,
            {"name": name, "series": series, "list_price": Money(Decimal(price), CURRENCY), "source": "example"},
        )
        for number, (name, series, price) in enumerate(PRODUCTS, 1)
    )


@dataclass(frozen=True, slots=True)
class Account:
    """A customer, and who looks after it."""

    id: str
    company: Company
    owner: Person


def accounts(chance: Chance, names: CompanyNames, number: int) -> tuple[Account, ...]:
    """Customers, spread over the sellers in proportion to their share."""
    weighted = [person for person in SELLERS for _ in range(person.share)]
    return tuple(
        Account(
            f"account-{101 + index}",
            names.next(),
            SELLERS[index] if index < len(SELLERS) else chance.of("account", index).choice(weighted),
        )
        for index in range(number)
    )


def account_record(account: Account, organisation_id: str, chance: Chance) -> Record:
    """The account as a record."""
    company = account.company
    return Record(
        "account",
        account.id,
        organisation_id,
        {
            **owned(account.owner),
            "name": company.name,
            "sector": company.industry,
            "location": company.city,
            "employees": company.size,
            "founded": chance.of("account", account.id).randrange(1948, 2021),
            "annual_revenue": Money(Decimal(company.revenue), CURRENCY),
            "source": "example",
        },
    )

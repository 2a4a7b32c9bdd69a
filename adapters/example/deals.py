"""Deals of the last four whole quarters and the present one: won, lost, open, and some with two parties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from adapters.example.chance import Chance
from adapters.example.companies import PRODUCTS, Account
from adapters.example.organisation import CURRENCY, PEOPLE, SELLERS, Person, owned
from engine.records import Money, Record
from engine.service.periods import Period, quarter, quarter_before

NEXT_STEPS = (
    "Send the revised offer",
    "Call the buyer on Thursday",
    "Wait for the security review",
    "Visit the warehouse",
    "Get the signed order",
    "Agree on the rollout plan",
)
TAGS = ("renewal", "expansion", "competitive", "pilot", "multi-site", "cold chain", "public tender")
BOOKED = {"sales_rep": (3, 4), "field_sales_rep": (2, 3), "sales_manager": (1, 1)}
"""How many deals somebody of the role closes in a quarter, at least and at most."""

_BY_ID = {person.id: person for person in PEOPLE}


def _numbers() -> Iterator[str]:
    """Deal numbers ascend; the one that everybody knows is kept free."""
    return (f"deal-{number}" for number in count(801) if number != 981)


def deals(chance: Chance, accounts: Sequence[Account], organisation_id: str, anchor: datetime) -> tuple[Record, ...]:
    """From 160 to 220 deals, as the quarter goes by.

    A quarter's deals are the same from whichever day of it or later they are looked at, and open ones have the same
    numbers on every day. The last whole quarter of the example representative is told in full: see `_the_good_quarter`.
    """
    ids = _numbers()
    found: list[Record] = []
    for person in SELLERS:
        for index in range(2 if person.role != "sales_manager" else 1):
            random = chance.of("open deal", person.id, index)
            account = _account_of(random, accounts, person)
            found.append(_open(random, next(ids), account, person, organisation_id, anchor=anchor))
    quarters = _quarters(anchor.date())
    for period in quarters:
        for person in SELLERS:
            random = chance.of("quarter", period.label, person.id)
            if person.id == "person-sales_rep" and period == quarters[-2]:
                found += _the_good_quarter(random, accounts, ids, organisation_id, period)
                continue
            least, most = BOOKED[person.role]
            for _ in range(random.randint(least, most)):
                day = period.from_ + timedelta(days=random.randrange((period.to - period.from_).days))
                deal = _closed(
                    random, next(ids), _account_of(random, accounts, person), person, organisation_id, day=day
                )
                if day < anchor.date():
                    found.append(deal)
    return tuple(found)


def _quarters(today: date) -> list[Period]:
    """The last four whole quarters and the present one, oldest first."""
    found: list[Period] = []
    day = today
    for _ in range(4):
        found.append(quarter_before(day))
        day = found[-1].from_
    present = quarter(today.year, (today.month - 1) // 3 + 1)
    return [*reversed(found), present]


def _account_of(random: Random, accounts: Sequence[Account], person: Person) -> Account:
    own = [account for account in accounts if account.owner.id == person.id]
    return random.choice(own or list(accounts))


def _deal(deal_id: str, organisation_id: str, person: Person, account: Account, product: str, **fields: Any) -> Record:
    return Record(
        "deal",
        deal_id,
        organisation_id,
        {
            **owned(person),
            "name": f"{account.company.name}, {product}",
            "account_id": account.id,
            "account_name": account.company.name,
            "product": product,
            "source": "example",
            **fields,
        },
    )


def _closed(
    random: Random, deal_id: str, account: Account, person: Person, organisation_id: str, *, day: date
) -> Record:
    product, _, price = random.choice(PRODUCTS)
    amount = _amount(random, price)
    won = random.random() < 0.76
    splits = None
    if won and random.random() < 0.09:
        splits = _split(random, person)
    return _deal(
        deal_id,
        organisation_id,
        person,
        account,
        product,
        stage="Won" if won else "Lost",
        amount=amount,
        contract_target=amount,
        engaged_on=day - timedelta(days=random.randrange(12, 110)),
        closed_on=day,
        tags=tuple(sorted(random.sample(TAGS, random.choice((0, 1, 1, 2))))),
        changed_at=_at_noon(day),
        splits=splits,
    )


def _open(
    random: Random, deal_id: str, account: Account, person: Person, organisation_id: str, *, anchor: datetime
) -> Record:
    product, _, price = random.choice(PRODUCTS)
    engaging = random.random() < 0.7
    engaged = anchor.date() - timedelta(days=random.randrange(3, 70)) if engaging else None
    return _deal(
        deal_id,
        organisation_id,
        person,
        account,
        product,
        stage="Engaging" if engaging else "Prospecting",
        amount=_amount(random, price),
        contract_target=_amount(random, price),
        engaged_on=engaged,
        expected_close=anchor.date() + timedelta(days=random.randrange(5, 90)),
        next_step=random.choice(NEXT_STEPS),
        tags=tuple(sorted(random.sample(TAGS, random.choice((0, 1, 2))))),
        changed_at=anchor - timedelta(hours=random.randrange(2, 400)),
    )


def _the_good_quarter(
    random: Random, accounts: Sequence[Account], ids: Iterator[str], organisation_id: str, period: Period
) -> list[Record]:
    """A quarter that shows a plan at work: small deals, one large one, one shared with the field, one lost.

    Past quota.
    """
    person, field = _BY_ID["person-sales_rep"], _BY_ID["person-field_sales_rep"]
    told = (
        (9, "Trackline Handheld", "18690.00", "Won", None),
        (23, "Shelfscan Insight (year)", "28800.00", "Won", None),
        (37, "Coldwatch Kit", "11500.00", "Lost", None),
        (51, "Trackline Rugged", "47850.00", "Won", None),
        (66, "Shelfscan Gateway", "15600.55", "Won", ((person, 60), (field, 40))),
        (80, "Trackline Dock", "12160.00", "Won", None),
    )
    found = []
    for day, product, amount, stage, parties in told:
        closed = period.from_ + timedelta(days=day)
        value = Money(Decimal(amount), CURRENCY)
        found.append(
            _deal(
                next(ids),
                organisation_id,
                person,
                _account_of(random, accounts, person),
                product,
                stage=stage,
                amount=value,
                contract_target=value,
                engaged_on=closed - timedelta(days=40),
                closed_on=closed,
                tags=("expansion",) if parties is None else ("expansion", "multi-site"),
                changed_at=_at_noon(closed),
                splits=[{"payee": one.id, "share": Decimal(share)} for one, share in parties] if parties else None,
            )
        )
    return found


def _split(random: Random, person: Person) -> list[dict[str, Any]] | None:
    """Two people of one team share the deal; thirds now and then, so that a cent is left to place."""
    mates = [one for one in SELLERS if one.team == person.team and one.id != person.id and one.role != "sales_manager"]
    if not mates:
        return None
    share = random.choice((Decimal(50), Decimal(60), Decimal(70), Decimal("66.67")))
    mate = random.choice(mates)
    return [{"payee": person.id, "share": share}, {"payee": mate.id, "share": Decimal(100) - share}]


def _amount(random: Random, price: int) -> Money:
    """Some units of a product, with a discount now and then; between one and sixty thousand."""
    wanted = random.choice((4_000, 8_000, 12_000, 18_000, 25_000, 34_000, 48_000))
    units = max(1, wanted // price)
    off = random.choice((0, 0, 0, 3, 5, 8))
    return Money((Decimal(units * price) * (100 - off) / 100).quantize(Decimal("0.01")), CURRENCY)


def _at_noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)

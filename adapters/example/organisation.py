"""Larkmoor, which sells handheld terminals and sensors to shops and warehouses: places and people."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.records import Money, Record

CURRENCY = "USD"
COMPANY = "Larkmoor Systems"


@dataclass(frozen=True, slots=True)
class Person:
    """One row of the staff list. `share` weighs how many leads and deals the person has."""

    id: str
    name: str
    role: str
    team: str
    territories: tuple[str, ...]
    quota: int = 0
    share: int = 0
    title: str = ""
    example: bool = False


REGIONS = {"region-north": "North", "region-south": "South"}
BRANCHES = {
    "branch-harbor": ("Harbor", "region-north"),
    "branch-lakeside": ("Lakeside", "region-north"),
    "branch-mesa": ("Mesa", "region-south"),
}
TEAMS = {
    "team-harbor-retail": ("Harbor Retail", "branch-harbor", "person-sales_manager"),
    "team-harbor-logistics": ("Harbor Logistics", "branch-harbor", "person-h-brandvold"),
    "team-harbor-revops": ("Harbor RevOps", "branch-harbor", None),
    "team-lakeside-growth": ("Lakeside Growth", "branch-lakeside", "person-o-ferreyra"),
    "team-mesa-field": ("Mesa Field", "branch-mesa", "person-g-tindall"),
}
TERRITORIES = {
    "territory-harbor-east": ("Harbor East", "branch-harbor"),
    "territory-harbor-west": ("Harbor West", "branch-harbor"),
    "territory-lakeside": ("Lakeside", "branch-lakeside"),
    "territory-mesa": ("Mesa", "branch-mesa"),
}

_RETAIL, _LOGISTICS, _REVOPS = "team-harbor-retail", "team-harbor-logistics", "team-harbor-revops"
_LAKESIDE, _MESA = "team-lakeside-growth", "team-mesa-field"
_EAST, _WEST = "territory-harbor-east", "territory-harbor-west"

PEOPLE = (
    Person(
        "person-sales_rep",
        "Mara Lindenau",
        "sales_rep",
        _RETAIL,
        (_EAST,),
        90_000,
        5,
        "Account executive",
        example=True,
    ),
    Person(
        "person-field_sales_rep",
        "Tomas Okonjo-Reyes",
        "field_sales_rep",
        _RETAIL,
        (_EAST, _WEST),
        75_000,
        5,
        "Field representative",
        example=True,
    ),
    Person(
        "person-sales_manager",
        "Ruth Abernathy-Sol",
        "sales_manager",
        _RETAIL,
        (_EAST, _WEST),
        0,
        1,
        "Sales manager, retail",
        example=True,
    ),
    Person(
        "person-revops_analyst", "Priya Castellane", "revops_analyst", _REVOPS, (), 0, 0, "RevOps analyst", example=True
    ),
    Person(
        "person-platform_admin",
        "Jonas Whitlockson",
        "platform_admin",
        _REVOPS,
        (),
        0,
        0,
        "Platform admin",
        example=True,
    ),
    Person("person-d-marchetto", "Dario Marchetto", "sales_rep", _RETAIL, (_WEST,), 90_000, 4, "Account executive"),
    Person("person-k-oyelowe", "Kehinde Oyelowe", "sales_rep", _RETAIL, (_EAST,), 80_000, 3, "Account executive"),
    Person(
        "person-h-brandvold", "Hedda Brandvold", "sales_manager", _LOGISTICS, (_WEST,), 0, 0, "Sales manager, logistics"
    ),
    Person(
        "person-s-quillfeather",
        "Sunniva Quillfeather",
        "sales_rep",
        _LOGISTICS,
        (_WEST,),
        100_000,
        4,
        "Account executive",
    ),
    Person(
        "person-b-harrowgate", "Bram Harrowgate", "sales_rep", _LOGISTICS, (_WEST,), 100_000, 3, "Account executive"
    ),
    Person(
        "person-y-tanakawa",
        "Yumi Tanakawa",
        "field_sales_rep",
        _LOGISTICS,
        (_EAST, _WEST),
        75_000,
        3,
        "Field representative",
    ),
    Person(
        "person-o-ferreyra",
        "Oriana Ferreyra",
        "sales_manager",
        _LAKESIDE,
        ("territory-lakeside",),
        0,
        0,
        "Sales manager",
    ),
    Person(
        "person-l-vanterpool",
        "Lucian Vanterpool",
        "sales_rep",
        _LAKESIDE,
        ("territory-lakeside",),
        80_000,
        3,
        "Account executive",
    ),
    Person(
        "person-e-sorrentino",
        "Elke Sorrentino",
        "sales_rep",
        _LAKESIDE,
        ("territory-lakeside",),
        80_000,
        3,
        "Account executive",
    ),
    Person(
        "person-n-abiodunsen",
        "Nils Abiodunsen",
        "field_sales_rep",
        _LAKESIDE,
        ("territory-lakeside",),
        70_000,
        2,
        "Field representative",
    ),
    Person("person-g-tindall", "Greer Tindallson", "sales_manager", _MESA, ("territory-mesa",), 0, 0, "Sales manager"),
    Person(
        "person-c-moravec",
        "Caspian Moravec",
        "field_sales_rep",
        _MESA,
        ("territory-mesa",),
        70_000,
        3,
        "Field representative",
    ),
    Person(
        "person-w-nakagawe",
        "Wren Nakagawe",
        "field_sales_rep",
        _MESA,
        ("territory-mesa",),
        70_000,
        0,
        "Field representative, new",
    ),
)
"""Eighteen people; the five whose ids are `person-<role>` sit in one branch, so that their rights can be compared."""

SELLERS = tuple(person for person in PEOPLE if person.share)


def place(person: Person) -> dict[str, str]:
    """Where the person belongs, by id; the last of the fields is the main territory."""
    branch = TEAMS[person.team][1]
    found = {"region_id": BRANCHES[branch][1], "branch_id": branch, "team_id": person.team}
    return found | ({"territory_id": person.territories[0]} if person.territories else {})


def owned(person: Person) -> dict[str, str]:
    """The place fields of what the person owns."""
    return {**place(person), "owner_id": person.id}


def directory(organisation_id: str) -> tuple[Record, ...]:
    """The organisation, its places and its people."""

    def record(record_type: str, record_id: str, **fields: object) -> Record:
        return Record(record_type, record_id, organisation_id, fields)

    found = [record("organisation", organisation_id, name=COMPANY, currency=CURRENCY, example=True)]
    found += [record("region", one, name=name) for one, name in REGIONS.items()]
    found += [record("branch", one, name=name, region_id=region) for one, (name, region) in BRANCHES.items()]
    found += [
        record("territory", one, name=name, branch_id=branch, region_id=BRANCHES[branch][1])
        for one, (name, branch) in TERRITORIES.items()
    ]
    found += [
        record("team", one, name=name, branch_id=branch, region_id=BRANCHES[branch][1], manager_id=manager)
        for one, (name, branch, manager) in TEAMS.items()
    ]
    for person in PEOPLE:
        found.append(
            record(
                "person",
                person.id,
                **place(person),
                name=person.name,
                email=f"{person.name.split()[0].lower()}@larkmoor.example",
                role=person.role,
                title=person.title,
                territory_ids=person.territories,
                quarterly_quota=Money(Decimal(person.quota), CURRENCY) if person.quota else None,
                active=True,
                example=person.example,
            )
        )
    return tuple(found)

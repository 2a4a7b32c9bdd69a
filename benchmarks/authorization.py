"""Point authorization checks: the compiled predicate beside Oso itself, over every role, action and place of a lead."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from adapters.shipped import Shipped
from benchmarks.contest import Entrant, Work, contest
from benchmarks.results import OURS, Section
from engine.caller import ROLES, Actor
from engine.records import Record

Asked = tuple[Actor, str, Record]


def questions() -> list[Asked]:
    """Every role reading and writing leads of its own place and of every combination of other places."""
    places = {
        "region_id": ("north", "south"),
        "branch_id": ("oslo", "rome"),
        "team_id": ("red", "blue"),
        "owner_id": ("ann", "bob"),
        "territory_id": ("t1", "t9"),
    }
    records = [
        Record("lead", f"l{number}", "acme", dict(zip(places, values, strict=True)))
        for number, values in enumerate(product(*places.values()))
    ]
    actors = [Actor("ann", "Ann", role, "acme", "north", "oslo", "red", ("t1", "t2")) for role in ROLES]
    return [(actor, action, record) for record in records for actor in actors for action in ("read", "write")]


def checks(limit: int | None = None) -> Section:
    """Ours and Oso on the same questions; Oso's answers are the right ones."""
    from adapters.wiring import load_policies  # noqa: PLC0415  # it loads Oso
    from engine.policy.oso_border import build  # noqa: PLC0415  # the same
    from engine.policy.vocabulary import User, resource  # noqa: PLC0415  # the same

    policies = load_policies(Shipped.find())
    reference = build(policies.files)
    asked: Sequence[Asked] = questions()[:limit]
    expected = [policies.reference_allows(*one) for one in asked]
    work = Work("authorization", "Point authorization check, five roles, leads of 32 places", asked, expected)
    is_allowed = reference.oso.is_allowed
    return contest(
        work,
        [
            Entrant(OURS, "predicate of the policies", lambda: lambda one: policies.allows(*one)),
            Entrant(
                "oso",
                "is_allowed on the same policies",
                lambda: lambda one: is_allowed(*one),
                convert=lambda one: (User(one[0]), one[1], resource(one[2])),
                read=bool,
            ),
        ],
    )

"""Whatever a policy says: it is refused, or its predicate grants no more than Oso's own check, to any user."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.caller import Actor
from engine.policy import Policies
from engine.problems import InvalidError
from engine.records import Record

FIELDS = ("record.owner_id", "record.team_id", "record.territory_id")
USERS = ("user.id", "user.team_id", '"x"', '""')
_SIDES = st.sampled_from((*FIELDS, *USERS))
_COMPARED = st.tuples(_SIDES, st.sampled_from(("=", "!=", "=", "<", ">=")), _SIDES).filter(lambda one: one[0] != one[2])
_ATOMS = st.one_of(
    _COMPARED.map(" ".join),
    st.builds("{} in user.territory_ids".format, _SIDES),
    st.builds("{} != user.every_territory".format, st.sampled_from(FIELDS)),
    _COMPARED.map(lambda one: f'{one[0]} in ["x", user.id, {one[2]}]'),
    st.permutations((*FIELDS, *USERS)).map(lambda one: f"{one[0]} = v and v = {one[1]} and v != {one[2]}"),
    st.just('user.role = "sales_rep"'),
)
_CONDITIONS = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("not ({})".format, inner),
    ),
    max_leaves=4,
)
HEAD = (
    'allow(user: User, "read", record: Lead) if user.role = user.role and record.organisation_id = user.organisation_id'
)
ACTORS = [
    Actor(person, "", role, "acme", "", "", team, held)
    for person, team, held in (("a", "b", ("t",)), ("a", "a", ()), ("x", "", ("x", "a")))
    for role in ("sales_rep", "sales_manager")
]
RECORDS = [
    Record("lead", "l", organisation, {"owner_id": owner, "team_id": team, "territory_id": territory}, 1)
    for organisation, owner, team, territory in (
        *product(("acme",), ("a", "x", None), ("a", "b", ""), ("t", "x", "a", None)),
        ("rival", "a", "b", "t"),
    )
]


@settings(max_examples=25)
@given(st.lists(_CONDITIONS, min_size=1, max_size=2))
def test_a_policy_is_refused_or_grants_no_more_than_oso(conditions: list[str]) -> None:
    """Rules of comparisons, lists, alternatives and negations: no predicate ever grants what Oso's check denies.

    It may grant less: `not` of one comparison becomes `!=`, which a null does not satisfy, and Oso's `not` does.
    """
    text = "\n".join(f"{HEAD} and {condition};" for condition in conditions)
    try:
        policies = Policies.load({"any.polar": text})
    except InvalidError:
        return
    for actor, record in product(ACTORS, RECORDS):
        if policies.allows(actor, "read", record):
            assert policies.reference_allows(actor, "read", record), (text, actor, record)

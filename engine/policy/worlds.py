"""Small worlds: enough users and records to show every difference that templates can make.

Templates compare fields with constants and with attributes of the user, so only these values, one of nobody's, and the
order around them matter: two sets of templates that agree on all users and records made here agree on all there are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from engine.caller import Actor
from engine.policy.symbols import LIST, TEXTS
from engine.policy.template import Literal, NoneOfTheirs, OneOfTheirs, Path, ToUser
from engine.policy.vocabulary import asked_fields
from engine.predicate import Compare, In
from engine.records import Record, record_type

SOMEBODY: Mapping[str, str] = {
    "id": "ann",
    "organisation_id": "acme",
    "region_id": "north",
    "branch_id": "oslo",
    "team_id": "red",
}
TERRITORIES = ("t1", "t2")
NOBODYS = "elsewhere"
"""A text that no user has and that no rule names."""


def users(role: str, paths: Iterable[Path]) -> Iterator[Actor]:
    """Users of the role with every combination of answers that the paths tell apart, beginning with an ordinary one."""
    values: dict[str, list[str]] = {name: [SOMEBODY[name]] for name in TEXTS}
    territories: list[tuple[str, ...]] = [TERRITORIES]
    for path in paths:
        for question, _ in path.answers:
            if question.attribute == LIST:
                territories.append(())
            else:
                values[question.attribute].append(SOMEBODY[question.value] if question.other else question.value)
        for literals in path.template.conjunctions():
            for attribute, value in _coincidences(literals):
                if attribute == LIST:
                    territories.append((*TERRITORIES, value))
                else:
                    values[attribute].append(value)
            if any(isinstance(literal, OneOfTheirs | NoneOfTheirs) for literal in literals):
                territories += [(), TERRITORIES[:1]]
    choices = [list(dict.fromkeys(values[name])) for name in TEXTS]
    for chosen, held in product(product(*choices), dict.fromkeys(territories)):
        person, organisation, region, branch, team = chosen
        yield Actor(person, "", role, organisation, region, branch, team, held)


def _coincidences(literals: Iterable[Literal]) -> Iterator[tuple[str, str]]:
    """Attributes and texts that one field is compared with: a user in whom they are equal may make a difference."""
    compared: dict[str, list[Literal]] = defaultdict(list)
    for literal in literals:
        compared[literal.field].append(literal)
    for beside in compared.values():
        texts = [value for literal in beside for value in _constants(literal) if isinstance(value, str)]
        attributes = [literal.attribute for literal in beside if isinstance(literal, ToUser)]
        listed = any(isinstance(literal, OneOfTheirs | NoneOfTheirs) for literal in beside)
        for attribute in attributes:
            yield from ((attribute, text) for text in texts)
            yield from ((attribute, SOMEBODY[other]) for other in attributes)
            if listed:
                yield attribute, TERRITORIES[0]
        if listed:
            yield from ((LIST, text) for text in texts)


def _constants(literal: Literal) -> tuple[Any, ...]:
    match literal:
        case Compare(_, _, value):
            return (value,)
        case In(_, values):
            return values
    return ()


def records(type_name: str, actor: Actor, literals: Iterable[Literal]) -> Iterator[Record]:
    """Records with every combination of values that the literals tell apart for this actor; a null is among them.

    A field that the type does not have (any more) is left out: no condition on it can hold.
    """
    known = record_type(type_name)
    kinds = asked_fields(known)
    constants: dict[str, list[Any]] = {}
    for literal in literals:
        beside = constants.setdefault(literal.field, [])
        beside += _constants(literal)
        if isinstance(literal, ToUser):
            beside.append(getattr(actor, literal.attribute))
        elif isinstance(literal, OneOfTheirs | NoneOfTheirs):
            beside += actor.territory_ids
    choices = {name: _around(kinds[name], beside) for name, beside in sorted(constants.items()) if name in kinds}
    for number, chosen in enumerate(product(*choices.values())):
        fields = dict(zip(choices, chosen, strict=True))
        record_id = fields.pop("id", f"r{number}")
        organisation_id = fields.pop("organisation_id", actor.organisation_id)
        revision = fields.pop("revision", 1)
        yield Record(type_name, record_id, organisation_id, fields, revision)


def _around(kind: type, constants: list[Any]) -> list[Any]:
    """The constants, what lies just beside them, something else, and null."""
    held: list[Any] = [value for value in constants if type(value) is kind]
    if kind is bool:
        return [True, False, None]
    if kind is int:
        return list(dict.fromkeys([*(value + step for value in held for step in (-1, 0, 1)), 0, None]))
    return list(dict.fromkeys([*held, NOBODYS, "", *(f"{value}\0" for value in held), None]))

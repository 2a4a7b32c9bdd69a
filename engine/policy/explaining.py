"""Why somebody may, or may not, do something to a record: the rule that grants it, or what is missing for each rule.

Every `allow` rule is evaluated by itself, so a granted alternative has the rule's place; what a rule asks of the record
and of the user is told condition by condition with what there is instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from engine.caller import ROLES, Actor
from engine.policy.rows import allow_rules
from engine.policy.symbols import LIST, Question
from engine.policy.template import Literal, NoneOfTheirs, OneOfTheirs, Path, ToUser, filled
from engine.policy.vocabulary import User
from engine.predicate import Always, In, matches
from engine.problems import Place
from engine.records import Record
from engine.scopes import narrowed

if TYPE_CHECKING:
    from engine.policy.policies import Policies

NEAREST = 3
"""How many ways to be allowed are told of a denial."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a rule asks.

    `asks` is the condition in the policies' words (`record.team_id = user.team_id`); `wanted` are the values that would
    do, or, for `!=` and "none of", would not; `held` is what there is, None where there is nothing.
    """

    asks: str
    wanted: tuple[Any, ...]
    held: Any = field(hash=False)
    met: bool


@dataclass(frozen=True, slots=True)
class Way:
    """One way to be allowed: the rule (`allow(user: User, "read", record: Lead)` at its place) and its conditions."""

    place: Place
    head: str
    conditions: tuple[Condition, ...]

    @property
    def failed(self) -> tuple[Condition, ...]:
        """The conditions that are not met."""
        return tuple(condition for condition in self.conditions if not condition.met)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer and its reasons.

    `granted_by` is the first way whose conditions are all met. Without one, `nearest` are the ways that miss least, the
    own role's first: `user.role` is a condition like others. `roles` are those that would be allowed it in the actor's
    place. `outside_scopes` is True where the role would be allowed it and the token's scopes are not.
    """

    allowed: bool
    granted_by: Way | None
    nearest: tuple[Way, ...]
    roles: tuple[str, ...]
    outside_scopes: bool


def explain(policies: Policies, actor: Actor, action: str, record: Record) -> Explanation:
    """Why the actor may, or may not, do this to the record. Raises `LookupError` for an unknown action or type."""
    allowed = policies.allows(actor, action, record)
    ways = sorted(_ways(policies, actor, action, record), key=_distance)
    granted = next((way for way in ways if not way.failed), None)
    in_scopes = matches(narrowed(Always(), actor, action, record.type), record.values())
    return Explanation(
        allowed=allowed,
        granted_by=granted if allowed else None,
        nearest=() if granted else tuple(ways[:NEAREST]),
        roles=tuple(role for role in ROLES if policies.allows(replace(actor, role=role), action, record)),
        outside_scopes=granted is not None and not in_scopes,
    )


def _distance(way: Way) -> tuple[Any, ...]:
    role, *_ = way.conditions
    return len(way.failed), not role.met, way.place, repr(way)


def _ways(policies: Policies, actor: Actor, action: str, record: Record) -> Iterator[Way]:
    """The ways of the actor's role, and with the same conditions of which other roles."""
    user = User(actor)
    for rule in allow_rules(policies.files):
        if not rule.is_about(action, record.type):
            continue
        alone = policies.alone(rule)
        roles: dict[tuple[Condition, ...], list[str]] = {}
        for role in dict.fromkeys((user.role, *ROLES)):
            paths = list(alone.cell(role, action, record.type).paths())
            for conditions in dict.fromkeys(_conditions(paths, user, record)):
                roles.setdefault(conditions, []).append(role)
        for conditions, having in roles.items():
            role_asked = Condition("user.role", tuple(having), user.role, user.role in having)
            yield Way(rule.place, rule.head, (role_asked, *conditions))


def _conditions(paths: list[Path], user: User, record: Record) -> Iterator[tuple[Condition, ...]]:
    """What each way along the paths asks beside the role.

    Who stands on a path that grants something is told about that; everybody else, what the other paths would ask.
    """
    own = next(path for path in paths if all(question.answer(user) is said for question, said in path.answers))
    for path in [own] if own.template.granted else paths:
        missed = tuple(
            _about_user(question, said, user) for question, said in path.answers if question.answer(user) is not said
        )
        for literals in path.template.conjunctions():
            yield (*missed, *(_about_record(literal, user, record) for literal in literals))


def _about_record(literal: Literal, user: User, record: Record) -> Condition:
    values = record.values()
    held = values.get(literal.field)
    return Condition(f"record.{written(literal)}", _wanted(literal, user), held, matches(filled(literal, user), values))


def _about_user(question: Question, said: bool, user: User) -> Condition:  # noqa: FBT001  # an answer
    held = getattr(user, question.attribute)
    if question.attribute == LIST:
        return Condition(f"user.{LIST} is {'' if said else 'not '}empty", (), tuple(held), met=False)
    wanted = getattr(user, question.value) if question.other else question.value
    asks = str(question) if said else str(question).replace(" = ", " != ", 1)
    return Condition(asks, (wanted,), held, met=False)


def written(literal: Literal) -> str:
    """A condition in the policies' words: `kind != "boundary"`, `territory_id in user.territory_ids`."""
    match literal:
        case In(field, values):
            return f"{field} in [{', '.join(map(_constant, values))}]"
        case ToUser() | OneOfTheirs() | NoneOfTheirs():
            return str(literal)
    return f"{literal.field} {literal.operator} {_constant(literal.value)}"


def _constant(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _wanted(literal: Literal, user: User) -> tuple[Any, ...]:
    match literal:
        case In(_, values):
            return values
        case ToUser(_, _, attribute):
            return (getattr(user, attribute),)
        case OneOfTheirs() | NoneOfTheirs():
            return tuple(user.territory_ids)
    return (literal.value,)

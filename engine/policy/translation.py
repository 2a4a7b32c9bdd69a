"""Oso's answer to "which records?" for a symbolic user, as a template.

Oso evaluates a rule partially into alternatives, each a conjunction of comparisons. Here each comparison becomes a
condition on a field; the whole is made small and readable: contradictions vanish, alternatives that differ in one value
become one `In`, what all alternatives share is asked once (a database can then use its index for it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from polar.expression import Expression, Pattern
from polar.variable import Variable

from engine.policy.symbols import Element, EveryTerritory, Symbol
from engine.policy.template import NEVER, Literal, NoneOfTheirs, OneOfTheirs, Template, ToUser
from engine.predicate import Compare, In, Operator

_OPERATORS: dict[str, Operator] = {
    "Unify": "=",
    "Eq": "=",
    "Neq": "!=",
    "Lt": "<",
    "Leq": "<=",
    "Gt": ">",
    "Geq": ">=",
}
_MIRRORED: dict[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED = "it uses `not` about the record"
_RECORD = Variable("_this")


class UnsupportedShapeError(Exception):
    """A condition that a predicate cannot say; the text says which."""


class UnknownFieldError(Exception):
    """A rule asks for a field that the record type does not have; the argument is its name."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str


def template_of(found: Iterable[Any], type_class: str, known: Container[str]) -> Template:
    """The template of Oso's alternatives (expressions about `_this`) over the known fields of the class.

    Raises `UnsupportedShapeError` for everything that is no conjunction of comparisons of one field with a constant or
    with the user, and `UnknownFieldError`: Oso does not mind a misspelt field, which would deny for ever.
    """
    alternatives = [_conjunction(alternative, type_class, known) for alternative in found]
    return factored([literals for literals in alternatives if literals is not None])


def _conjunction(found: Any, type_class: str, known: Container[str]) -> frozenset[Literal] | None:
    """The conditions of one alternative, or None if they cannot all hold."""
    if not isinstance(found, Expression) or found.operator != "And":
        raise UnsupportedShapeError("it does something with the record that a database query cannot")
    literals: set[Literal] = set()
    elements: set[str] = set()
    for part in found.args:
        if _is_type(part, type_class):
            continue
        literal, element = _literal(part, known)
        if element in elements:
            raise UnsupportedShapeError("it compares two fields with the same territory")
        if element:
            elements.add(element)
        if literal is None:
            return None
        literals.add(literal)
    return _consistent(literals)


def _is_type(part: Any, type_class: str) -> bool:
    match part:
        case Expression(operator="Isa", args=[Variable() as subject, Pattern(tag=tag, fields=fields)]):
            return bool(subject == _RECORD and tag == type_class and not fields)
    return False


def _literal(part: Any, known: Container[str]) -> tuple[Literal | None, str]:
    """One condition (None if it never holds) and the element of a list that it is about, if it is about one."""
    if not isinstance(part, Expression) or part.operator in ("Or", "Not", "And"):
        raise UnsupportedShapeError(_NEGATED)
    operator = _OPERATORS.get(part.operator)
    if operator is None or len(part.args) != 2:
        raise UnsupportedShapeError("it does something with the record that a database query cannot")
    left, right = (_side(side, known) for side in part.args)
    match left, right:
        case _Field(first), _Field(second):
            raise UnsupportedShapeError(f"it compares the fields `{first}` and `{second}` with each other")
        case _Field(name), value:
            return _compare(name, operator, value)
        case value, _Field(name):
            return _compare(name, _MIRRORED[operator], value)
    raise UnsupportedShapeError("it does something with the record that a database query cannot")


def _side(side: Any, known: Container[str]) -> Any:
    if isinstance(side, Expression):
        if side.operator != "Dot" or len(side.args) != 2 or not isinstance(side.args[1], str):
            raise UnsupportedShapeError("it calls something on the record")
        if side.args[0] != _RECORD:
            raise UnsupportedShapeError("it follows a relation to another record")
        if side.args[1] not in known:
            raise UnknownFieldError(side.args[1])
        return _Field(side.args[1])
    if isinstance(side, Variable):
        raise UnsupportedShapeError("it compares the record with something that has no value")
    return side


def _compare(name: str, operator: Operator, value: Any) -> tuple[Literal | None, str]:
    match value:
        case EveryTerritory():
            if operator != "!=":
                raise UnsupportedShapeError("only `!=` compares a field with every territory")
            return NoneOfTheirs(name), ""
        case Element():
            if operator != "=":
                raise UnsupportedShapeError(f"it compares `{name}` with a territory by `{operator}`")
            return OneOfTheirs(name), value.name
        case Symbol():
            return ToUser(name, operator, value.name), ""
        case None if operator == "=":
            return None, ""  # a null never matches, and nothing else equals it
        case None:
            raise UnsupportedShapeError(f"it asks whether `{name}` is not null; a comparison with a value implies that")
        case str() | int():
            return Compare(name, operator, value), ""
    raise UnsupportedShapeError(f"it compares `{name}` with a value that is no text, whole number or truth value")


def _consistent(literals: set[Literal]) -> frozenset[Literal] | None:
    """Without what an equality makes superfluous; None if two conditions exclude each other whoever the user is.

    What is compared with different attributes of the user stays: they may be equal, or not.
    """
    if any(_opposite(literal) in literals for literal in literals):
        return None
    constants = [literal for literal in literals if isinstance(literal, Compare) and literal.operator == "="]
    equal = {literal.field: literal.value for literal in constants}
    kept: set[Literal] = set()
    for literal in literals:
        held = equal.get(literal.field)
        if held is None or not isinstance(literal, Compare) or literal.operator not in ("=", "!="):
            kept.add(literal)
        elif literal.operator == "=":
            if literal.value != held:
                return None
            kept.add(literal)
        elif literal.value == held:
            return None
    return frozenset(kept)


def _opposite(literal: Literal) -> Literal | None:
    """The condition on the user that holds exactly where this equality does not, of a field with a value."""
    match literal:
        case ToUser(field, "=", attribute):
            return ToUser(field, "!=", attribute)
        case OneOfTheirs(field):
            return NoneOfTheirs(field)
    return None


def factored(alternatives: Sequence[frozenset[Literal]]) -> Template:
    """The disjunction: absorbed alternatives dropped, single differences joined into `In`, common parts asked once."""
    left = _absorbed(_joined(_absorbed(alternatives)))
    if not left:
        return NEVER
    shared = frozenset.intersection(*left)
    order = Counter(literal for literals in left for literal in literals)

    def conjunction(literals: Iterable[Literal]) -> tuple[Literal, ...]:
        return tuple(sorted(literals, key=lambda literal: (-order[literal], _rank(literal), repr(literal))))

    parts = tuple(conjunction(literals - shared) for literals in left)
    return Template(conjunction(shared), () if parts == ((),) else parts)


def _absorbed(alternatives: Iterable[frozenset[Literal]]) -> list[frozenset[Literal]]:
    """Without alternatives that another, weaker one includes; in a stable order."""
    unique = sorted(set(alternatives), key=lambda literals: (len(literals), sorted(map(repr, literals))))
    kept: list[frozenset[Literal]] = []
    for literals in unique:
        if not any(weaker <= literals for weaker in kept):
            kept.append(literals)
    return kept


def _joined(alternatives: list[frozenset[Literal]]) -> list[frozenset[Literal]]:
    """Alternatives that are equal but for one field's equality with a constant, as one alternative with `In`."""
    groups: dict[tuple[frozenset[Literal], str], list[Compare]] = {}
    for literals in alternatives:
        for literal in literals:
            if isinstance(literal, Compare) and literal.operator == "=":
                groups.setdefault((literals - {literal}, literal.field), []).append(literal)
    used: set[frozenset[Literal]] = set()
    joined: list[frozenset[Literal]] = []
    largest_first = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0][1], sorted(map(repr, item[0][0]))))
    for (rest, field), equalities in largest_first:
        sources = [rest | {equality} for equality in equalities]
        if len(equalities) < 2 or any(source in used for source in sources):
            continue
        used.update(sources)
        joined.append(rest | {In(field, tuple(sorted({equality.value for equality in equalities}, key=repr)))})
    return [*joined, *(literals for literals in alternatives if literals not in used)]


def _rank(literal: Literal) -> int:
    """The organisation first, then the region: the order in which a reader thinks of them."""
    return {"organisation_id": 0, "region_id": 1}.get(literal.field, 2)

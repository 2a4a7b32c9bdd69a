"""Oso's answer to "which records?", as our own predicate.

Oso partially evaluates a rule for a concrete actor into an OR of ANDs of comparisons. Here each comparison becomes a
`Compare`; the whole is made small and readable: contradictions vanish, alternatives that differ in one value become one
`In`, what all alternatives share is asked once (a database can then use its index for it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import Any, Protocol

from engine.predicate import Always, Compare, In, Never, Operator, Predicate, both, either

_OPERATORS: dict[str, Operator] = {"Eq": "=", "Neq": "!=", "Lt": "<", "Leq": "<=", "Gt": ">", "Geq": ">="}
_MIRRORED: dict[Operator, Operator] = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

Literal = Compare | In


class UnsupportedShapeError(Exception):
    """A condition that a predicate cannot say; the text says which."""


class _Condition(Protocol):
    left: Any
    cmp: str
    right: Any


class Filter(Protocol):
    """The part of Oso's `DataFilter` that is read."""

    model: type
    relations: Sequence[object]
    conditions: Sequence[Sequence[_Condition]]


class UnknownFieldError(Exception):
    """A rule asks for a field that the record type does not have; the argument is its name."""


def predicate_of(found: Filter, known: Container[str]) -> Predicate:
    """The predicate over the known fields.

    Raises `UnsupportedShapeError` for joins and for comparisons between two fields, and `UnknownFieldError`: Oso does
    not mind a misspelt field, which would deny for ever.
    """
    if found.relations:
        raise UnsupportedShapeError("it follows a relation to another record")
    for condition in (one for conjunction in found.conditions for one in conjunction):
        for side in (_side(condition.left), _side(condition.right)):
            if isinstance(side, _Field) and side.name not in known:
                raise UnknownFieldError(side.name)
    alternatives: list[frozenset[Literal]] = []
    for conjunction in found.conditions:
        literals = _conjunction(conjunction)
        if literals is not None:
            alternatives.append(literals)
    return simplified(alternatives)


def _conjunction(conditions: Iterable[_Condition]) -> frozenset[Literal] | None:
    """The comparisons of one alternative, or None if they cannot all hold."""
    literals: set[Literal] = set()
    for condition in conditions:
        literal = _literal(condition)
        if isinstance(literal, Never):
            return None
        if not isinstance(literal, Always):
            literals.add(literal)
    return _consistent(literals)


def _literal(condition: _Condition) -> Literal | Always | Never:
    left, right = _side(condition.left), _side(condition.right)
    if condition.cmp in ("In", "Nin"):
        return _listed(condition.cmp, left, right)
    operator = _OPERATORS.get(condition.cmp)
    if operator is None:
        raise UnsupportedShapeError(f"it compares with `{condition.cmp}`")
    match left, right:
        case _Field(_), _Field(_):
            raise UnsupportedShapeError(f"it compares the fields `{left.name}` and `{right.name}` with each other")
        case _Field(name), value:
            return _compare(name, operator, value)
        case value, _Field(name):
            return _compare(name, _MIRRORED[operator], value)
    return Always() if _holds(operator, left, right) else Never()


class _Field:
    __match_args__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _side(side: Any) -> Any:
    if hasattr(side, "source") and hasattr(side, "field"):
        return _Field(side.field or "id")
    return side


def _compare(name: str, operator: Operator, value: Any) -> Literal | Never:
    if value is None:
        if operator == "=":
            return Never()  # a null never matches, and nothing else equals it
        raise UnsupportedShapeError(f"it asks whether `{name}` is not null; a comparison with a value implies that")
    if not isinstance(value, str | int):
        raise UnsupportedShapeError(f"it compares `{name}` with a value that is no text, whole number or truth value")
    return Compare(name, operator, value)


def _listed(operator: str, left: Any, right: Any) -> Literal | Never:
    if operator == "Nin" or not isinstance(left, _Field) or not isinstance(right, list | tuple):
        raise UnsupportedShapeError("it asks whether something is not in a list")
    values = tuple(dict.fromkeys(value for value in right if isinstance(value, str | int)))
    return In(left.name, values) if values else Never()


def _holds(operator: Operator, left: Any, right: Any) -> bool:
    if operator == "=":
        return bool(left == right)
    if operator == "!=":
        return bool(left != right)
    raise UnsupportedShapeError("it orders two constants")


def _consistent(literals: set[Literal]) -> frozenset[Literal] | None:
    """Without what an equality makes superfluous; None if two of them exclude each other."""
    equalities = (literal for literal in literals if isinstance(literal, Compare) and literal.operator == "=")
    equal = {literal.field: literal.value for literal in equalities}
    kept: set[Literal] = set()
    for literal in literals:
        held = equal.get(literal.field)
        if held is None:
            kept.add(literal)
        elif isinstance(literal, In):
            if held not in literal.values:
                return None
        elif literal.operator == "=":
            if literal.value != held:
                return None
            kept.add(literal)
        elif literal.operator == "!=":
            if literal.value == held:
                return None
        else:
            kept.add(literal)
    return frozenset(kept)


def simplified(alternatives: Sequence[frozenset[Literal]]) -> Predicate:
    """The disjunction: absorbed alternatives dropped, single differences joined into `In`, common parts asked once."""
    left = _absorbed(_joined(_absorbed(alternatives)))
    if not left:
        return Never()
    if frozenset() in left:
        return Always()
    return _factored(left)


def _absorbed(alternatives: Iterable[frozenset[Literal]]) -> list[frozenset[Literal]]:
    """Without alternatives that another, weaker one includes; in a stable order."""
    unique = sorted(set(alternatives), key=lambda literals: (len(literals), sorted(map(repr, literals))))
    kept: list[frozenset[Literal]] = []
    for literals in unique:
        if not any(weaker <= literals for weaker in kept):
            kept.append(literals)
    return kept


def _joined(alternatives: list[frozenset[Literal]]) -> list[frozenset[Literal]]:
    """Alternatives that are equal but for one field's equality, as one alternative with `In`."""
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


def _factored(alternatives: list[frozenset[Literal]]) -> Predicate:
    """Common parts first, then the alternatives without them."""
    shared = frozenset.intersection(*alternatives)
    order = Counter(literal for literals in alternatives for literal in literals)

    def conjunction(literals: Iterable[Literal]) -> Predicate:
        return both(*sorted(literals, key=lambda literal: (-order[literal], _rank(literal), repr(literal))))

    return both(conjunction(shared), either(*(conjunction(literals - shared) for literals in alternatives)))


def _rank(literal: Literal) -> int:
    """The organisation first, then the region: the order in which a reader thinks of them."""
    return {"organisation_id": 0, "region_id": 1}.get(literal.field, 2)

"""The names that policy files may use: actions, and a class for each record type with the fields that a rule may ask.

Only texts, whole numbers and truth values can be asked for in a policy: they mean the same in Oso, Python, SQL and
MongoDB. Other fields do not exist for policies.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.caller import ROLES, SERVICE_ROLE, Actor
from engine.records import COMMON, RECORD_TYPES, FieldKind, Record, RecordField, RecordType, record_type

ALL_ROLES = (*ROLES, SERVICE_ROLE)

_PYTHON_TYPES = {FieldKind.TEXT: str, FieldKind.INTEGER: int, FieldKind.BOOLEAN: bool}


class EveryTerritory:
    """All territories of a user at once: a text that is none of them differs from it, and nothing equals it."""

    def __init__(self, held: Collection[str]) -> None:
        """The territories; there may be none."""
        self._held = frozenset(held)

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return isinstance(other, str) and other not in self._held

    def __hash__(self) -> int:
        return 0


class User:
    """An actor as policies see it: every attribute is there, ids are texts, `territory_ids` is a list of texts.

    `every_territory` is for saying that a field differs from all of them.
    """

    def __init__(self, actor: Actor) -> None:
        """Copy the actor; what is not a text becomes an empty one, which every rule treats as no id."""
        self.id = _text(actor.id)
        self.role = _text(actor.role)
        self.organisation_id = _text(actor.organisation_id)
        self.region_id = _text(actor.region_id)
        self.branch_id = _text(actor.branch_id)
        self.team_id = _text(actor.team_id)
        self.territory_ids = [held for held in actor.territory_ids if isinstance(held, str) and held]
        self.every_territory = EveryTerritory(self.territory_ids)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


class Unknown:
    """A missing, null, list-valued or mistyped attribute: neither equal nor unequal to, below nor above anything."""

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        return False

    def __lt__(self, other: object) -> bool:
        return False

    __le__ = __gt__ = __ge__ = __lt__

    def __hash__(self) -> int:
        return 0


UNKNOWN = Unknown()


class Resource:
    """A record as policies see it; one subclass a record type, so that a rule can name the type it is about."""

    record_type: RecordType

    def __init__(self, record: Record) -> None:
        """Copy the fields that policies may ask; what does not have the declared type is `UNKNOWN`."""
        values = record.values()
        for name, wanted in asked_fields(self.record_type).items():
            value = values.get(name)
            setattr(self, name, value if type(value) is wanted else UNKNOWN)


def asked_fields(known: RecordType) -> dict[str, type]:
    """The fields of a record type that a policy may ask, with their Python types."""
    fields: tuple[RecordField, ...] = (*COMMON, *known.fields)
    return {field.name: _PYTHON_TYPES[field.kind] for field in fields if field.kind in _PYTHON_TYPES}


def class_name(type_name: str) -> str:
    """The name of a record type in a policy: `check_in` is `CheckIn`."""
    return "".join(part.capitalize() for part in type_name.split("_"))


RESOURCES: Mapping[str, type[Resource]] = {
    known.name: type(class_name(known.name), (Resource,), {"record_type": known}) for known in RECORD_TYPES
}
"""The class of each record type."""


def resource(record: Record) -> Any:
    """The record as policies see it. Raises `LookupError` for a type that there is not."""
    return RESOURCES[record_type(record.type).name](record)

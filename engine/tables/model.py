"""A decision table as it is written: columns, rows, hit policy. Reading it from YAML, CSV or DMN happens elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.feel.types import Type
from engine.feel.values import Value
from engine.problems import NOWHERE, Place


class HitPolicy(Enum):
    """What happens when several rows match. The values are DMN's names."""

    UNIQUE = "UNIQUE"
    ANY = "ANY"
    FIRST = "FIRST"
    PRIORITY = "PRIORITY"
    RULE_ORDER = "RULE ORDER"
    OUTPUT_ORDER = "OUTPUT ORDER"
    COLLECT = "COLLECT"
    COLLECT_SUM = "COLLECT +"
    COLLECT_MIN = "COLLECT <"
    COLLECT_MAX = "COLLECT >"
    COLLECT_COUNT = "COLLECT #"

    @property
    def is_single(self) -> bool:
        """Whether the result is one row's outputs rather than a list."""
        return self in {HitPolicy.UNIQUE, HitPolicy.ANY, HitPolicy.FIRST, HitPolicy.PRIORITY}

    @property
    def aggregates(self) -> bool:
        """Whether the result is one number made of all rows."""
        return self.value.startswith("COLLECT ")

    @classmethod
    def named(cls, text: str) -> HitPolicy | None:
        """The policy by DMN's name or letter (`U A F P R O C C+ C< C> C#`), or None."""
        plain = " ".join(text.split()).upper()
        return _BY_NAME.get(plain)


_BY_NAME = {
    **{policy.value: policy for policy in HitPolicy},
    **{policy.value.replace(" ", ""): policy for policy in HitPolicy},
    **{policy.value.replace("COLLECT ", "C"): policy for policy in HitPolicy if policy.value.startswith("COLLECT ")},
    **{policy.value.replace("COLLECT ", "C "): policy for policy in HitPolicy if policy.value.startswith("COLLECT ")},
    "COLLECT SUM": HitPolicy.COLLECT_SUM,
    "COLLECT MIN": HitPolicy.COLLECT_MIN,
    "COLLECT MAX": HitPolicy.COLLECT_MAX,
    "COLLECT COUNT": HitPolicy.COLLECT_COUNT,
    "U": HitPolicy.UNIQUE,
    "A": HitPolicy.ANY,
    "F": HitPolicy.FIRST,
    "P": HitPolicy.PRIORITY,
    "R": HitPolicy.RULE_ORDER,
    "O": HitPolicy.OUTPUT_ORDER,
    "C": HitPolicy.COLLECT,
}


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the language as written, and where. `line_columns`: see `engine.feel.check`."""

    text: str
    place: Place = NOWHERE
    line_columns: Sequence[tuple[int, int]] | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """An input column: the expression whose value its cells test, and what people call it."""

    expression: Text
    label: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """An output column.

    `allowed`, when given, are the only values it may have, in order of priority; `default` is an expression for
    when no row matches.
    """

    name: str
    type: Type
    allowed: tuple[Value, ...] = ()
    default: Text | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Row:
    """A row: a cell of unary tests for each input, an expression for each output."""

    id: str
    inputs: tuple[Text, ...]
    outputs: tuple[Text, ...]
    because: str = ""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class TableModel:
    """A whole table."""

    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rows: tuple[Row, ...]
    hit_policy: HitPolicy = HitPolicy.UNIQUE
    place: Place = NOWHERE

"""What the analysis is given, and what it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from engine.exact_json import facts_text
from engine.feel import ir
from engine.feel.domains import Domains
from engine.feel.types import Scope
from engine.feel.values import Value
from engine.problems import NOWHERE, Place, Problem
from engine.tables.cell import Cell
from engine.tables.model import HitPolicy


class Severity(Enum):
    """How bad a finding is: the table is refused, is surely not meant so, or could be simpler."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a table, with a complete record of facts that shows it; `rows` are the ids concerned.

    The record has been evaluated by the reference interpreter: it does what the message says. It is empty only where
    the finding is that something was not looked at.
    """

    code: str
    message: str
    rows: tuple[str, ...]
    witness: Mapping[str, Any]
    help: str = ""
    severity: Severity = Severity.WARNING
    place: Place = NOWHERE

    def problem(self) -> Problem:
        """The finding as a problem."""
        given = facts_text(self.witness) if self.witness else ""
        return Problem(self.code, self.message, self.place, self.help, given=given)


@dataclass(frozen=True, slots=True)
class Analysed:
    """What the analysis needs of a table.

    `inputs` are the columns' expressions, `subjects` the facts that stand for their values; `matrix` has the cells,
    one object for equal ones of a column. `outputs` are None where they are computed, `ranks`
    (under PRIORITY) where they are not known. `default` are the outputs when no row matches, None where there are none
    or they are computed.
    """

    rows: tuple[str, ...]
    inputs: tuple[ir.Node, ...]
    subjects: tuple[ir.Fact, ...]
    labels: tuple[str, ...]
    matrix: tuple[tuple[Cell, ...], ...]
    outputs: tuple[Mapping[str, Value] | None, ...]
    policy: HitPolicy
    has_default: bool
    scope: Scope
    domains: Domains = field(default_factory=dict)
    ranks: tuple[tuple[int, ...] | None, ...] = ()
    zone: dt.tzinfo = dt.UTC

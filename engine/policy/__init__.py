"""Who may do what: Oso policy files, asked for predicates. The only package that knows Oso."""

from __future__ import annotations

from engine.caller import ACTIONS
from engine.policy.cases import CaseResult, check
from engine.policy.explaining import Condition, Explanation, Way, explain
from engine.policy.matrix import MatrixRow, matrix
from engine.policy.policies import Policies
from engine.policy.vocabulary import ALL_ROLES
from engine.policy.widening import Change, widening
from engine.policy.words import CellInWords, cells_in_words

__all__ = [
    "ACTIONS",
    "ALL_ROLES",
    "CaseResult",
    "CellInWords",
    "Change",
    "Condition",
    "Explanation",
    "MatrixRow",
    "Policies",
    "Way",
    "cells_in_words",
    "check",
    "explain",
    "matrix",
    "widening",
]

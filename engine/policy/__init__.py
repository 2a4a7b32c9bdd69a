"""Who may do what: Oso policy files, asked for predicates. The only package that knows Oso."""

from __future__ import annotations

from engine.caller import ACTIONS
from engine.policy.cases import CaseResult, check
from engine.policy.explaining import Condition, Explanation, Way, explain
from engine.policy.matrix import MatrixRow, matrix
from engine.policy.policies import Policies
from engine.policy.vocabulary import ALL_ROLES
from engine.policy.widening import Change, widening

__all__ = [
    "ACTIONS",
    "ALL_ROLES",
    "CaseResult",
    "Change",
    "Condition",
    "Explanation",
    "MatrixRow",
    "Policies",
    "Way",
    "check",
    "explain",
    "matrix",
    "widening",
]

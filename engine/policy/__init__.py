"""Who may do what: Oso policy files, asked for predicates. The only package that knows Oso."""

from __future__ import annotations

from engine.caller import ACTIONS
from engine.policy.cases import CaseResult, check
from engine.policy.matrix import MatrixRow, matrix
from engine.policy.policies import Policies
from engine.policy.vocabulary import ALL_ROLES

__all__ = ["ACTIONS", "ALL_ROLES", "CaseResult", "MatrixRow", "Policies", "check", "matrix"]

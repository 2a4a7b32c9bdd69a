"""Who may do what: Oso policy files, asked for predicates. The only package that knows Oso."""

from __future__ import annotations

from engine.caller import ACTIONS
from engine.policy.cases import CaseResult, check
from engine.policy.checks import text_problems
from engine.policy.compiled import Compiled, compiled, digest_of
from engine.policy.compiled_file import compiled_name, compiled_text, read_compiled
from engine.policy.explaining import Condition, Explanation, Way, explain
from engine.policy.matrix import MatrixRow, matrix
from engine.policy.policies import Policies
from engine.policy.releases import (
    NO_WIDENINGS,
    RELEASES_FILE,
    WIDENINGS_FILE,
    Release,
    Statement,
    is_version,
    read_releases,
    read_statements,
    release_problems,
    releases_text,
    with_release,
)
from engine.policy.vocabulary import ALL_ROLES
from engine.policy.widening import Change, widening
from engine.policy.words import CellInWords, cells_in_words, in_words

__all__ = [
    "ACTIONS",
    "ALL_ROLES",
    "NO_WIDENINGS",
    "RELEASES_FILE",
    "WIDENINGS_FILE",
    "CaseResult",
    "CellInWords",
    "Change",
    "Compiled",
    "Condition",
    "Explanation",
    "MatrixRow",
    "Policies",
    "Release",
    "Statement",
    "Way",
    "cells_in_words",
    "check",
    "compiled",
    "compiled_name",
    "compiled_text",
    "digest_of",
    "explain",
    "in_words",
    "is_version",
    "matrix",
    "read_compiled",
    "read_releases",
    "read_statements",
    "release_problems",
    "releases_text",
    "text_problems",
    "widening",
    "with_release",
]

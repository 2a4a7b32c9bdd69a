"""What can be said about a rule file's text without refusing it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.problems import InvalidError, Problem
from engine.rulefile.cases import CaseResult
from engine.rulefile.rule_set import RuleSet


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What is wrong with a text, what is doubtful or worth knowing, how its tests went; the rule set if it compiles.

    `warnings` and `hints` are those of `RuleSet`.
    """

    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    hints: tuple[Problem, ...]
    tests: tuple[CaseResult, ...]
    rule_set: RuleSet | None

    @classmethod
    def of(cls, load: Callable[[], RuleSet]) -> CheckReport:
        """Load a text and run its tests."""
        try:
            rule_set = load()
        except InvalidError as error:
            return cls(error.problems, (), (), (), None)
        return cls((), rule_set.warnings, rule_set.hints, rule_set.run_tests(), rule_set)

    @property
    def ok(self) -> bool:
        """Whether it could be published as far as its text is concerned."""
        return not self.problems and all(case.passed for case in self.tests)

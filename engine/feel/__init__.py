"""The expression language: FEEL of DMN 1.5, checked when loaded, exact when run. Below is its public list."""

from engine.feel import types
from engine.feel.condition_set import Clause, ConditionSet, FailedClause, Fired
from engine.feel.expression import Expression, ValueSet, check, check_unary_tests
from engine.feel.suggest import closest
from engine.feel.text import feel_text, literal
from engine.feel.types import Field, Scope
from engine.feel.values import Range, Value, YearMonthDuration

__all__ = [
    "Clause",
    "ConditionSet",
    "Expression",
    "FailedClause",
    "Field",
    "Fired",
    "Range",
    "Scope",
    "Value",
    "ValueSet",
    "YearMonthDuration",
    "check",
    "check_unary_tests",
    "closest",
    "feel_text",
    "literal",
    "types",
]

"""Populations: rules decided for many records at once, in columns. Needs numpy; nothing else in the engine does."""

from engine.columns.conditions import Bits, evaluate_conditions
from engine.columns.decisions import Decisions, decide_many
from engine.columns.encoding import Coded, Column, Scaled, coded, scaled
from engine.columns.population import Population
from engine.columns.values import Values, evaluate_expression

__all__ = [
    "Bits",
    "Coded",
    "Column",
    "Decisions",
    "Population",
    "Scaled",
    "Values",
    "coded",
    "decide_many",
    "evaluate_conditions",
    "evaluate_expression",
    "scaled",
]

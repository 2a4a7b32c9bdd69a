"""Rule files: from text to a rule set that decides, with every problem at its place.

The kinds of rules are handed in (`kinds=`); `engine.kinds.load` hands in all of them.
"""

from engine.rulefile.cases import Case, CaseResult, Coverage
from engine.rulefile.checking import CheckReport
from engine.rulefile.fact_fields import FactField
from engine.rulefile.facts import FactSchema
from engine.rulefile.head import Effective, Head
from engine.rulefile.kind import DescribedRow, Description, Draft, Kind, Outcome, RuleSetBody, Section
from engine.rulefile.loading import load
from engine.rulefile.nodes import Node, NodeKind
from engine.rulefile.rule_set import RuleSet, require_instant
from engine.rulefile.schema_source import SchemaSource

__all__ = [
    "Case",
    "CaseResult",
    "CheckReport",
    "Coverage",
    "DescribedRow",
    "Description",
    "Draft",
    "Effective",
    "FactField",
    "FactSchema",
    "Head",
    "Kind",
    "Node",
    "NodeKind",
    "Outcome",
    "RuleSet",
    "RuleSetBody",
    "SchemaSource",
    "Section",
    "load",
    "require_instant",
]

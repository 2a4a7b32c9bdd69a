"""Rules and policies, decided exactly and explained: the public list of the engine.

    import engine

    rules = engine.load(text, schemas=schemas)
    decision = rules.decide({"employees": 480}, at=instant)

Names are loaded when they are first asked for, so that `import engine` is quick. `docs/engine-api.md` shows them all.
"""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from engine.columns import Population
    from engine.columns import decide_many as decide_population
    from engine.decision import Decision, Explanation, Reason, WhyNot
    from engine.dmn import Model, load_model
    from engine.exact_json import canonical as to_json
    from engine.exact_json import parse as from_json
    from engine.feel import Expression, Scope, YearMonthDuration
    from engine.nearest_change import FactChange, NearestChange
    from engine.problems import BylawError, InvalidError, Place, Problem
    from engine.public import check, expression, load, schemas
    from engine.rulefile import Case, CaseResult, CheckReport, FactSchema, RuleSet, SchemaSource

_PLACES: Final = MappingProxyType(
    {
        "BylawError": ("engine.problems", "BylawError"),
        "Case": ("engine.rulefile", "Case"),
        "CaseResult": ("engine.rulefile", "CaseResult"),
        "CheckReport": ("engine.rulefile", "CheckReport"),
        "Decision": ("engine.decision", "Decision"),
        "Explanation": ("engine.decision", "Explanation"),
        "Expression": ("engine.feel", "Expression"),
        "FactChange": ("engine.nearest_change", "FactChange"),
        "FactSchema": ("engine.rulefile", "FactSchema"),
        "InvalidError": ("engine.problems", "InvalidError"),
        "Model": ("engine.dmn", "Model"),
        "NearestChange": ("engine.nearest_change", "NearestChange"),
        "Place": ("engine.problems", "Place"),
        "Population": ("engine.columns", "Population"),
        "Problem": ("engine.problems", "Problem"),
        "Reason": ("engine.decision", "Reason"),
        "RuleSet": ("engine.rulefile", "RuleSet"),
        "SchemaSource": ("engine.rulefile", "SchemaSource"),
        "Scope": ("engine.feel", "Scope"),
        "WhyNot": ("engine.decision", "WhyNot"),
        "YearMonthDuration": ("engine.feel", "YearMonthDuration"),
        "check": ("engine.public", "check"),
        "decide_population": ("engine.columns", "decide_many"),
        "expression": ("engine.public", "expression"),
        "from_json": ("engine.exact_json", "parse"),
        "load": ("engine.public", "load"),
        "load_model": ("engine.dmn", "load_model"),
        "schemas": ("engine.public", "schemas"),
        "to_json": ("engine.exact_json", "canonical"),
    }
)
"""Where each public name is found."""

__all__ = [
    "BylawError",
    "Case",
    "CaseResult",
    "CheckReport",
    "Decision",
    "Explanation",
    "Expression",
    "FactChange",
    "FactSchema",
    "InvalidError",
    "Model",
    "NearestChange",
    "Place",
    "Population",
    "Problem",
    "Reason",
    "RuleSet",
    "SchemaSource",
    "Scope",
    "WhyNot",
    "YearMonthDuration",
    "check",
    "decide_population",
    "expression",
    "from_json",
    "load",
    "load_model",
    "schemas",
    "to_json",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is asked for."""
    if name not in _PLACES:
        raise AttributeError(f"module 'engine' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)

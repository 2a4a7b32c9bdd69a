"""The first conjunct of a rule that is not true, and what it saw, as generated code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.feel import ir
from engine.feel.generate import Source
from engine.feel.operations import Run
from engine.feel.values import Facts, Value

FindFailed = Callable[[Facts, Run | None], tuple[int, tuple[Value, ...]] | None]


def compile_failed(clauses: Sequence[ir.Node]) -> tuple[FindFailed, bool]:
    """A function `(facts, run) -> (position, values)` for a rule's conjuncts, and whether it needs a `Run`.

    The values are those of the facts that the conjunct reads, in the order of `ir.facts_of`; None for a true rule. All
    the rule's facts are read first, so it may raise where the interpreter, which stops early, does not.
    """
    source = Source()
    for clause in clauses:
        source.read(ir.facts_of(clause))
    for position, clause in enumerate(clauses):
        seen = "".join(f"{source.facts[fact.path]}, " for fact in ir.facts_of(clause))
        source.line(f"if {source.expression(clause)} is not True: return {position}, ({seen})")
    source.line("return None")
    return source.function_of("facts, run"), source.needs_run

"""The first conjunct of each of some rules that is not true, and what it saw, as generated code."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.feel import ir
from engine.feel.conform import PYTHON_TYPES
from engine.feel.generate import Source
from engine.feel.operations import Run
from engine.feel.values import Facts, Value

Failure = tuple[int, tuple[Value, ...]]
"""The position of a conjunct that is not true, and the values of the facts it reads in the order of `ir.facts_of`."""

FindFailures = Callable[[Facts, Run | None], list[Failure | None]]


def compile_failures(rules: Sequence[Sequence[ir.Node]]) -> tuple[FindFailures, bool]:
    """A function `(facts, run)` that gives each rule's failure, None for a true rule, and whether it needs a `Run`.

    Rules are given by their conjuncts. Plain facts are read first and once for all rules, so it may raise where the
    interpreter, which stops early, does not; lists and contexts, which cost more, only where a conjunct needs them.
    """
    source = Source()
    for conjuncts in rules:
        for conjunct in conjuncts:
            source.read(fact for fact in ir.facts_of(conjunct) if fact.type in PYTHON_TYPES)
    source.line(f"found = [None] * {len(rules)}")
    plain = dict(source.facts)
    for row, conjuncts in enumerate(rules):
        source.line("while True:")
        for position, conjunct in enumerate(conjuncts):
            read = ir.facts_of(conjunct)
            source.read(read, indent=2)
            seen = "".join(f"{source.facts[fact.path]}, " for fact in read)
            source.line(f"if {source.expression(conjunct)} is not True: found[{row}] = {position}, ({seen}); break", 2)
        source.line("break", 2)
        source.facts = dict(plain)
    source.line("return found")
    return source.function_of("facts, run"), source.needs_run

"""durable-rules: a Rete engine in C for facts and events, alone in a worker process: it may hang or crash.

A posted event is consumed by the first rule that matches, so records are asserted as facts and retracted again; one
thread, one session. A fact that no rule matches raises, so one rule more matches every fact: on a field of its own,
because the engine's own state has an `id` that is greater than every number. Decimals and dates cannot be sent: numbers
go in as they compare equal (every bound is a whole number), the age in minutes is computed inside the timing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from itertools import count
from typing import Any, Final

from benchmarks.contest import Call, CannotError, Entrant
from benchmarks.generated import AT, AtLeast, Between, Condition, IsTrue, OneOf, Row, Rule, Within
from benchmarks.peers.family import Family, as_floats

MINUTE = timedelta(minutes=1)


class DurableRules(Family):
    """The forward-chaining engine."""

    name = "durable-rules"
    package = "durable"
    distribution = "durable-rules"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """A rule for each rule; every one that matches fires."""
        return [Entrant(self.title, "facts asserted, then retracted", partial(_scoring, rules), as_floats, apart=True)]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """A rule for each row: there is no first hit, so all fire and the caller takes the least."""
        return [Entrant(self.title, "facts asserted, then retracted", partial(_table, rows), as_floats, apart=True)]

    def commission(self) -> list[Entrant]:
        """Not possible."""
        raise CannotError("an exact amount cannot be sent (Decimal is no JSON), and rules compute nothing")


def _test(fact: Any, condition: Condition) -> Any:
    """A condition in the engine's own builder; `fact` is its `m`."""
    match condition:
        case Between(name, low, high):
            return (getattr(fact, name) >= low) & (getattr(fact, name) < high)
        case AtLeast(name, bound):
            return getattr(fact, name) >= bound
        case OneOf(name, values):
            tests = [getattr(fact, name) == value for value in values]
            return tests[0] if len(tests) == 1 else tests[0] | tests[1]
        case IsTrue(name):
            return getattr(fact, name) == True  # noqa: E712  # the builder records the comparison
        case Within(name, days):
            return getattr(fact, f"{name}_minutes") <= days * 24 * 60


def _fired(rules: Sequence[tuple[Condition, ...]], answer: Any) -> Call:
    """Asserts a lead, lets the rules fire, retracts it; the answer is made of the numbers of the rules that fired."""
    lang = import_module("durable.lang")
    fired: list[int] = []

    def action(number: int) -> Any:
        def fire(_: Any) -> None:
            fired.append(number)

        return fire

    with lang.ruleset("bench"):
        lang.when_all(lang.m.is_lead == 1)(action(-1))
        for number, conditions in enumerate(rules):
            test = _test(lang.m, conditions[0])
            for condition in conditions[1:]:
                test = test & _test(lang.m, condition)
            lang.when_all(test)(action(number))
    host = lang.get_host()
    numbers = count()

    def call(lead: dict[str, Any]) -> Any:
        minutes = (AT - lead["last_activity"]) / MINUTE
        fact = {**lead, "last_activity": None, "last_activity_minutes": minutes, "is_lead": 1}
        fact |= {"id": next(numbers), "sid": "0"}
        del fact["last_activity"]
        fired.clear()
        host.assert_fact("bench", fact)
        found = answer(fired)
        host.retract_fact("bench", fact)
        return found

    return call


def _scoring(rules: Sequence[Rule]) -> Call:
    points = [rule.points for rule in rules]
    return _fired([rule.conditions for rule in rules], lambda fired: sum(points[at] for at in fired if at >= 0))


def _table(rows: Sequence[Row]) -> Call:
    return _fired(rows, lambda fired: min((at for at in fired if at >= 0), default=-1))


FAMILY: Final = DurableRules()

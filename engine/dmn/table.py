"""Decision tables of a model: which rules match, and what the hit policy makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from engine.dmn.model import DecisionTable, LiteralExpression, OutputClause
from engine.feel.standard import Environment
from engine.feel.standard.builtins import BUILTINS
from engine.feel.standard.operations import same
from engine.feel.standard.session import Session
from engine.feel.standard.types import converted
from engine.feel.types import Type
from engine.feel.values import Fault

if TYPE_CHECKING:
    from engine.dmn.boxed import Builder

Evaluate = Callable[[Environment], Any]


def build_table(table: DecisionTable, names: frozenset[str], builder: Builder) -> Evaluate:
    """The table as a function of an environment. It raises `Fault` where the hit policy is broken."""
    return _Table(table, names, builder).evaluate


class _Table:
    """A table ready to run."""

    def __init__(self, table: DecisionTable, names: frozenset[str], builder: Builder) -> None:
        names = names | {"?"}
        self.policy = table.hit_policy
        self.aggregation = table.aggregation
        self.inputs = [
            (
                clause.expression.text.strip(),
                builder.typed(
                    builder.feel(clause.expression, names),
                    builder.type_of(clause.expression.type_ref, clause.expression.place),
                ),
                _cell(clause.allowed, names, builder, table),
            )
            for clause in table.inputs
        ]
        self.rules = [
            (
                [builder.tests(test, names) for test in rule.tests],
                [builder.feel(entry, names) for entry in rule.outputs],
            )
            for rule in table.rules
        ]
        self.outputs = [_Output(clause, names, builder, table) for clause in table.outputs]

    def evaluate(self, environment: Environment) -> Any:
        """The result. Raises `Fault`."""
        values = []
        for text, evaluate, allowed in self.inputs:
            value = evaluate(environment)
            if allowed is not None and allowed(environment.child({"?": value})) is not True:
                raise Fault("dmn.input_not_allowed", f"the value of `{text}` is not among those the table allows")
            values.append(value)
        environment.session.spend(len(self.rules))
        scopes = [environment.child({"?": value}) for value in values]
        hits = [
            at
            for at, (tests, _) in enumerate(self.rules)
            if all(test(scope) is True for test, scope in zip(tests, scopes, strict=False))
        ]
        return self.decide(hits, environment)

    def decide(self, hits: Sequence[int], environment: Environment) -> Any:
        """What the hit policy makes of the rules that matched."""
        if not hits:
            return self.default(environment)
        match self.policy:
            case "UNIQUE":
                if len(hits) > 1:
                    raise Fault("dmn.hit_policy", f"the rules {_numbers(hits)} match, where only one may")
                return self.result(hits[0], environment)
            case "FIRST":
                return self.result(hits[0], environment)
        results = [self.result(hit, environment) for hit in hits]
        match self.policy:
            case "ANY":
                if not all(same(results[0], other) for other in results[1:]):
                    raise Fault("dmn.hit_policy", f"the rules {_numbers(hits)} match with different outputs")
                return results[0]
            case "PRIORITY":
                return self.by_priority(results, environment)[0]
            case "OUTPUT ORDER":
                return tuple(self.by_priority(results, environment))
        return self.aggregated(results, environment.session) if self.aggregation else tuple(results)

    def result(self, at: int, environment: Environment) -> Any:
        """The output of one rule: a value, or a context where there are several outputs."""
        values = [
            output.accept(evaluate(environment), environment)
            for output, evaluate in zip(self.outputs, self.rules[at][1], strict=False)
        ]
        return self.packed(values)

    def packed(self, values: Sequence[Any]) -> Any:
        """One value as it is, several as a context."""
        if len(self.outputs) == 1:
            return values[0]
        return {output.name: value for output, value in zip(self.outputs, values, strict=True)}

    def default(self, environment: Environment) -> Any:
        """The result when no rule matches: the default outputs, else null."""
        if all(output.default is None for output in self.outputs):
            if self.policy in _LISTS and not self.aggregation:
                return _NO_HITS
            raise Fault("dmn.no_rule", "no rule of the table matches, and it has no default")
        return self.packed([output.default and output.default(environment) for output in self.outputs])

    def by_priority(self, results: Sequence[Any], environment: Environment) -> list[Any]:
        """Results by their outputs' places in the lists of output values, the first output counting most."""
        ranked = [output.ranking(environment) for output in self.outputs]

        def rank(result: Any) -> list[int]:
            values = [result] if len(self.outputs) == 1 else [result[output.name] for output in self.outputs]
            return [_place(value, ranking) for value, ranking in zip(values, ranked, strict=True)]

        return sorted(results, key=rank)

    def aggregated(self, results: Sequence[Any], session: Session) -> Any:
        """One number from all results. With several outputs each is aggregated for itself."""
        if self.aggregation == "COUNT":
            return BUILTINS["count"].positional(session, [tuple(results)])
        function = BUILTINS[self.aggregation.lower()]
        if len(self.outputs) == 1:
            return function.positional(session, [tuple(results)])
        return {
            output.name: function.positional(session, [tuple(result[output.name] for result in results)])
            for output in self.outputs
        }


class _Output:
    """An output column."""

    def __init__(self, clause: OutputClause, names: frozenset[str], builder: Builder, table: DecisionTable) -> None:
        self.name = clause.name
        self.type: Type = builder.type_of(clause.type_ref, table.place)
        self.allowed = _cell(clause.allowed, names, builder, table)
        self.values = _cell_values(clause.allowed, names, builder, table)
        self.default = None if clause.default is None else builder.feel(clause.default, names)

    def accept(self, value: Any, environment: Environment) -> Any:
        """The output converted to its type. Raises `Fault` if it does not fit or is not allowed."""
        value = converted(value, self.type)
        if value is not None and self.allowed is not None and self.allowed(environment.child({"?": value})) is not True:
            raise Fault("dmn.output_not_allowed", f"an output of `{self.name}` is not among those the table allows")
        return value

    def ranking(self, environment: Environment) -> Sequence[Any]:
        """The output values in the order of their priority."""
        if self.values is None:
            return ()
        values = self.values(environment)
        return values if isinstance(values, tuple) else ()


def _cell(text: str, names: Iterable[str], builder: Builder, table: DecisionTable) -> Evaluate | None:
    return builder.tests(LiteralExpression(text, place=table.place), names) if text else None


def _cell_values(text: str, names: Iterable[str], builder: Builder, table: DecisionTable) -> Evaluate | None:
    """The tests of output values, which for the priorities are a list of values."""
    return builder.feel(LiteralExpression(f"[{text}]", place=table.place), names) if text else None


def _place(value: Any, ranking: Sequence[Any]) -> int:
    return next((at for at, known in enumerate(ranking) if same(known, value)), len(ranking))


def _numbers(hits: Sequence[int]) -> str:
    return ", ".join(str(hit + 1) for hit in hits)


_LISTS: Final = frozenset({"COLLECT", "RULE ORDER", "OUTPUT ORDER"})
_NO_HITS: Final = None

"""cel-expr-python: Google's CEL for C++, with types checked when an expression is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.contest import Call, Entrant
from benchmarks.generated import Row, Rule
from benchmarks.peers import cel
from benchmarks.peers.family import Family, to_cents

CHAIN = 24
"""The engine refuses what is nested 32 deep."""


class CelCpp(Family):
    """Google's CEL."""

    name = "cel-expr-python"
    package = "cel_expr_python.cel"
    distribution = "cel-expr-python"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """One sum."""
        return [Entrant(self.title, "one expression", lambda: self.compiled(cel.scoring_text(rules)), cel.convert)]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """Chains of conditional expressions over one activation."""
        return [Entrant(self.title, f"chains of {CHAIN} rows", lambda: self._table(rows), cel.convert)]

    def commission(self) -> list[Entrant]:
        """One sum of doubles, rounded outside."""
        return [
            Entrant(
                self.title,
                "expression, double",
                lambda: self.compiled(cel.commission_text()),
                lambda amount: {"amount": float(amount)},
                to_cents,
            )
        ]

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:
        """One expression."""
        return cel.scoring_text(rules).encode()

    def opened(self, data: bytes) -> Call:
        """Compiled with types."""
        return self.compiled(data.decode())

    def converted(self, lead: Any) -> Any:
        """Whole and binary numbers."""
        return cel.convert(lead)

    def _environment(self) -> Any:
        module = self.module()
        kind = module.Type
        doubles = dict.fromkeys(("annual_revenue", "minutes", "amount"), kind.DOUBLE)
        others = {"industry": kind.STRING, "source": kind.STRING, "consent": kind.BOOL, "last_activity": kind.TIMESTAMP}
        return module.NewEnv(variables={**dict.fromkeys(cel.WHOLE, kind.INT), **doubles, **others})

    def compiled(self, text: str) -> Call:
        """An expression over a mapping."""
        evaluate = self._environment().compile(text).eval
        return lambda given: evaluate(data=given).plain_value()

    def _table(self, rows: Sequence[Row]) -> Call:
        environment = self._environment()
        chains = cel.table_calls(rows, CHAIN, lambda text: environment.compile(text).eval)
        activation = environment.Activation

        def call(lead: Mapping[str, Any]) -> Any:
            given = activation(lead)
            for chain in chains:
                found = chain(given).plain_value()
                if found >= 0:
                    return found
            return -1

        return call


FAMILY: Final = CelCpp()

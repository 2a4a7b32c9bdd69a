"""cel-expr-python: Google's CEL for C++, with types checked when an expression is compiled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from benchmarks.contest import Call
from benchmarks.generated import Row
from benchmarks.peers import cel


class CelCpp(cel.Cel):
    """Google's CEL, which refuses what is nested 32 deep."""

    name = "cel-expr-python"
    package = "cel_expr_python.cel"
    distribution = "cel-expr-python"
    chain = 24

    def _environment(self) -> Any:
        module = self.module()
        kind = module.Type
        doubles = dict.fromkeys(("annual_revenue", "minutes", "amount"), kind.DOUBLE)
        others = {"industry": kind.STRING, "source": kind.STRING, "consent": kind.BOOL, "last_activity": kind.TIMESTAMP}
        return module.NewEnv(variables={**dict.fromkeys(cel.WHOLE, kind.INT), **doubles, **others})

    def compiled(self, text: str) -> Call:
        """An expression over a mapping, with its types."""
        evaluate = self._environment().compile(text).eval
        return lambda given: evaluate(data=given).plain_value()

    def chained(self, rows: Sequence[Row]) -> Call:
        """Over one activation."""
        environment = self._environment()
        chains = cel.table_calls(rows, self.chain, lambda text: environment.compile(text).eval)
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

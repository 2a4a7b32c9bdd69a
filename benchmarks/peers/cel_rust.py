"""common-expression-language: CEL in Rust, untyped until it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.contest import Call
from benchmarks.generated import Row
from benchmarks.peers import cel


class CelRust(cel.Cel):
    """CEL by the interpreter of the Rust community, whose parser refuses what is nested much deeper."""

    name = "common-expression-language"
    package = "cel"
    distribution = "common-expression-language"
    chain = 48

    def compiled(self, text: str) -> Call:
        """An expression over a mapping."""
        call: Call = self.module().compile(text).execute
        return call

    def chained(self, rows: Sequence[Row]) -> Call:
        """Over one context."""
        module = self.module()
        chains = cel.table_calls(rows, self.chain, lambda text: module.compile(text).execute)
        context = module.Context

        def call(lead: Any) -> Any:
            given = context(lead)
            for chain in chains:
                found = chain(given)
                if found >= 0:
                    return found
            return -1

        return call


FAMILY: Final = CelRust()

"""common-expression-language: CEL in Rust, untyped until it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from benchmarks.contest import Call, Entrant
from benchmarks.generated import Row, Rule
from benchmarks.peers import cel
from benchmarks.peers.family import Family, to_cents

CHAIN = 48
"""The parser refuses what is nested much deeper."""


class CelRust(Family):
    """CEL by the interpreter of the Rust community."""

    name = "common-expression-language"
    package = "cel"
    distribution = "common-expression-language"

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """One sum."""
        return [Entrant(self.title, "one expression", lambda: self.compiled(cel.scoring_text(rules)), cel.convert)]

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """Chains of conditional expressions over one context."""
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
        """Compiled."""
        return self.compiled(data.decode())

    def converted(self, lead: Any) -> Any:
        """Whole and binary numbers."""
        return cel.convert(lead)

    def compiled(self, text: str) -> Call:
        """An expression over a mapping."""
        call: Call = self.module().compile(text).execute
        return call

    def _table(self, rows: Sequence[Row]) -> Call:
        module = self.module()
        chains = cel.table_calls(rows, CHAIN, lambda text: module.compile(text).execute)
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

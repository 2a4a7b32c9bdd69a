"""The kinds of rules, listed in one place. Importing a kind changes nothing; being listed makes it known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.kinds import decision, incentive_plan, lead_priority, sync_conflict
from engine.rulefile import RuleSet, SchemaSource, loading
from engine.rulefile.kind import Kind

KINDS: Final[tuple[Kind, ...]] = (
    decision.KIND,
    lead_priority.KIND,
    incentive_plan.KIND,
    sync_conflict.KIND,
)


def load(
    data: bytes,
    *,
    source: str,
    schemas: SchemaSource,
    kinds: tuple[Kind, ...] = KINDS,
    beside: Mapping[str, bytes] | None = None,
) -> RuleSet:
    """The rule set that a file's bytes define, of any kind. Raises `InvalidError` with all problems.

    `beside` are the CSV files in the file's own folder, by name; a table may have its rows in one of them.
    """
    return loading.load(data, source=source, schemas=schemas, kinds=kinds, beside=beside)


__all__ = ["KINDS", "load"]

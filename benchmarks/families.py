"""The engines that are compared, in the order in which they are shown; ours is the first."""

from __future__ import annotations

from benchmarks.peers import by_hand, bylaw, cel_cpp, cel_rust, durable_rules, json_logic, rule_engine, zen
from benchmarks.peers.family import Family

FAMILIES: tuple[Family, ...] = (
    bylaw.FAMILY,
    by_hand.FAMILY,
    zen.FAMILY,
    cel_cpp.FAMILY,
    cel_rust.FAMILY,
    rule_engine.FAMILY,
    json_logic.FAMILY,
    durable_rules.FAMILY,
)

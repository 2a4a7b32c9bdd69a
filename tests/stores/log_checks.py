"""Whether a log agrees with itself: what every wall is there for."""

from __future__ import annotations

from record_samples import of

from engine.audit.leaf import leaf_bytes
from engine.audit.merkle import leaf_hash, root_of
from engine.ports import Store


def entries_agree(store: Store, organisation: str) -> int:
    """Assert that the log is gapless, every leaf is that of its entry, and the head is that of all leaves; how many."""
    entries = sorted(store.scan("audit_entry", of(organisation)), key=lambda entry: entry["sequence"])
    leaves = [leaf_hash(leaf_bytes(entry)) for entry in entries]
    head = store.log_head(organisation)
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [leaf.hex() for leaf in leaves] == [entry["leaf_hash"] for entry in entries]
    assert [entry["previous_hash"] for entry in entries] == [None, *(leaf.hex() for leaf in leaves)][:-1]
    assert (head.size, head.root) == (len(leaves), root_of(leaves))
    return len(entries)

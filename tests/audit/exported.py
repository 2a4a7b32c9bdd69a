"""A log with everything that entries can have, exported, and both verifiers' verdicts on a file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from io import BytesIO
from typing import Any

from keys import SigningKey, check

from adapters.shipped import verify_audit
from engine.audit.export_file import ExportedEntry, ExportHead, OlderCheckpoint, write
from engine.audit.leaf import ACTOR_NAME, commitment, leaf_bytes, pointer
from engine.audit.merkle import Tree, leaf_hash
from engine.audit.note import Checkpoint, sign_checkpoint
from engine.audit.verification import Verdict, verify
from engine.records import Record

KEY = SigningKey.of_seed("bylaw.example/audit/acme", bytes(range(32)))
OTHER_KEY = SigningKey.of_seed("bylaw.example/audit/acme", bytes(32))
START = datetime(2026, 11, 23, 9, tzinfo=UTC)
AFTER = pointer("changes", "name", "after")


def entry_of(number: int, previous: str | None) -> tuple[Record, dict[str, Any]]:
    """One entry, and the salts and values of its commitments."""
    opened = {
        place: {"salt": sha256(f"{number}{place}".encode()).hexdigest(), "value": value}
        for place, value in ((ACTOR_NAME, "Zoë Nuñez"), (AFTER, f"Lead \U0001f600 {number}"))
        if place == ACTOR_NAME or number % 3 == 0
    }
    personal = {
        place: {
            "subject": f"person/p{number % 5}" if place == ACTOR_NAME else f"lead/lead-{number}",
            "commitment": commitment(bytes.fromhex(one["salt"]), one["value"]),
        }
        for place, one in opened.items()
    }
    fields = {
        "region_id": f"region-{number % 2}",
        "branch_id": "branch-1",
        "sequence": number,
        "at": START + timedelta(minutes=number),
        "actor_id": f"p{number % 5}",
        "actor_role": "sales_rep",
        "channel": "api",
        "request_id": f"r-{number}",
        "action": "update",
        "outcome": "accepted" if number % 7 else "denied",
        "record_type": "lead",
        "record_id": f"lead-{number}",
        "rule_version": 3,
        "changes": {
            "name": {},
            "facts": {"after": {"a\u2028\U0001f600": 'tab\t "quote" \\', "\ue000": ["12.50", None, True]}},
        },
        "personal": personal,
        "previous_hash": previous,
    }
    return Record("audit_entry", f"audit-{number:012d}", "acme", fields), opened


@dataclass(frozen=True)
class Log:
    """Entries with their leaves' hashes."""

    leaves: tuple[bytes, ...]
    opened: tuple[dict[str, Any], ...]
    tree: Tree

    def checkpoint(self, size: int | None = None, key: SigningKey = KEY) -> str:
        """The signed checkpoint of its first entries."""
        size = self.tree.size if size is None else size
        return sign_checkpoint(Checkpoint(key.public.name, size, self.tree.root(size)), key.public, key.sign)

    def export(
        self, numbers: range | None = None, *, older: tuple[int, ...] = (5, 32), key: SigningKey = KEY, erased: str = ""
    ) -> bytes:
        """The file with some entries; `erased` names a subject of whom nothing can be opened any more."""
        numbers = range(1, self.tree.size + 1) if numbers is None else numbers
        head = ExportHead(
            organisation_id="acme",
            scope="organisation" if len(numbers) == self.tree.size else "region:region-1",
            from_=None,
            to=START + timedelta(days=30),
            made_at=START + timedelta(days=1),
            made_for="platform",
            size=self.tree.size,
            entries=len(numbers),
            key=key.public,
        )
        entries = [ExportedEntry(number, self.leaves[number - 1], self._opened(number, erased)) for number in numbers]
        notes = [OlderCheckpoint(self.checkpoint(size, key), size) for size in older]
        checkpoint = self.checkpoint(key=key)
        return b"".join(write(head, self.tree, entries, checkpoint=checkpoint, older=notes, sign=key.sign))

    def _opened(self, number: int, erased: str) -> dict[str, Any]:
        record, opened = entry_of(number, None)
        return {place: one for place, one in opened.items() if record["personal"][place]["subject"] != erased}


def log_of(size: int) -> Log:
    """A log of so many entries."""
    leaves: list[bytes] = []
    opened: list[dict[str, Any]] = []
    previous = None
    for number in range(1, size + 1):
        record, salts = entry_of(number, previous)
        leaves.append(leaf_bytes(record))
        opened.append(salts)
        previous = leaf_hash(leaves[-1]).hex()
    return Log(tuple(leaves), tuple(opened), Tree(map(leaf_hash, leaves)))


LOG = cache(log_of)


def engine_verdict(file: bytes, **trust: Any) -> Verdict:
    """What `engine.audit.verification` says."""
    return verify(BytesIO(file), check, **trust)


def script_verdict(file: bytes, **trust: Any) -> dict[str, Any]:
    """What the shipped script says."""
    return verify_audit.verdict_on(BytesIO(file), **trust)


def both(file: bytes, **trust: Any) -> tuple[str | None, int | None, int | None]:
    """The code of what is wrong, its line and the entry's number, which both verifiers give in the same words."""
    ours = engine_verdict(file, **trust)
    if trust.get("key") is not None:
        trust["key"] = str(trust["key"])
    theirs = script_verdict(file, **trust)
    own = ours.to_json()
    ours_said, theirs_said = (one.pop("problem") or {"code": None, "message": ""} for one in (own, theirs))
    assert own == theirs
    assert ours_said["code"] == theirs_said["code"]
    # The same sentence; only what is wrong within a signed text is told more closely by one of them.
    assert f"{ours_said['message']}: ".startswith(f"{theirs_said['message']}: ")
    return ours_said["code"], own["line"], own["number"]

"""The file that an auditor takes away: entries of the log in clear, each with the proof that it is the one logged.

The file is UTF-8 text. Every line is the canonical JSON (RFC 8785) of one object and ends with a line feed, so that
there is one way to write it and no byte without meaning:

1. the head: which log, which entries, for whom, and the key that signs;
2. `{"checkpoint": note}`: the signed checkpoint that every proof leads to;
3. for each of the head's `older_checkpoints`, by size: `{"checkpoint": note, "consistency": [hash]}`, the proof that
   nothing before it was changed since;
4. for every entry, by number, two lines: the leaf's bytes as they were hashed, then its proof
   `{"above": n, "after": number, "number": number, "opened": {...}, "proof": [hash]}`;
5. `{"end": note}`: a signed note over everything before.

A proof's hashes are those under `proof` followed by the last `above` hashes of the proof before it: neighbours share
most of their way to the root, so a whole log takes two hashes an entry. `after` is the number of the entry before it in
the file (0 for the first): no entry can be taken out unseen. `opened` gives for a personal value's place the salt and
the value that its commitment in the leaf is made of; of an erased person there is nothing to give. Entries that are not
in the file appear in it as hashes alone. Hashes are hexadecimal; `docs/audit-verification.md` has an example.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from engine import exact_json
from engine.audit.merkle import Proofs
from engine.audit.note import PublicKey, Sign, sign_note

EXPORT_FORMAT = "bylaw-audit-export-1"


@dataclass(frozen=True, slots=True)
class ExportHead:
    """What a file says about itself: entries `from_` (inclusive) to `to` (exclusive) of a scope, as `made_for` sees it.

    `size` is the number of entries that the log has, `entries` how many of them are in the file.
    """

    organisation_id: str
    scope: str
    from_: datetime | None
    to: datetime | None
    made_at: datetime
    made_for: str
    size: int
    entries: int
    key: PublicKey

    def to_json(self) -> dict[str, Any]:
        """The head line's value without the number of older checkpoints; the log's name is the key's."""
        return {
            "entries": self.entries,
            "format": EXPORT_FORMAT,
            "from": self.from_,
            "key": str(self.key),
            "made_at": self.made_at,
            "made_for": self.made_for,
            "organisation_id": self.organisation_id,
            "scope": self.scope,
            "size": self.size,
            "to": self.to,
        }


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """One entry: its number, counted from 1, its leaf's bytes, and `{place: {"salt": hex, "value": value}}`."""

    number: int
    leaf: bytes
    opened: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OlderCheckpoint:
    """A checkpoint that was given out earlier, as it was signed, with its size."""

    note: str
    size: int


def write(
    head: ExportHead,
    tree: Proofs,
    entries: Iterable[ExportedEntry],
    *,
    checkpoint: str,
    older: Sequence[OlderCheckpoint] = (),
    sign: Sign,
) -> Iterator[bytes]:
    """The lines of the file. `tree` is that of the checkpoint's `head.size` leaves, `entries` come by number.

    Raises `ValueError` if the entries are not as many as the head says or do not come in order: then the file has no
    end, and no verifier takes it for one.
    """
    digest = sha256()

    def line(value: Any) -> bytes:
        made = exact_json.canonical(value) + b"\n"
        digest.update(made)
        return made

    yield line(head.to_json() | {"older_checkpoints": len(older)})
    yield line({"checkpoint": checkpoint})
    for one in sorted(older, key=lambda known: known.size):
        proof = tree.consistency(one.size, head.size)
        yield line({"checkpoint": one.note, "consistency": [node.hex() for node in proof]})
    beginning = digest.hexdigest()
    last, written = 0, 0
    path: tuple[bytes, ...] = ()
    for entry in entries:
        if not last < entry.number <= head.size:
            raise ValueError(f"entry {entry.number} does not come after entry {last} in a log of {head.size}")
        digest.update(entry.leaf + b"\n")
        yield entry.leaf + b"\n"
        proof = tree.inclusion(entry.number - 1, head.size)
        above = _common_end(path, proof)
        opened = {"opened": entry.opened} if entry.opened else {}
        own = [node.hex() for node in proof[: len(proof) - above]]
        yield line({"above": above, "after": last, "number": entry.number, "proof": own, **opened})
        last, path, written = entry.number, proof, written + 1
    if written != head.entries:
        raise ValueError(f"{written} entries came where {head.entries} were announced")
    yield (
        exact_json.canonical({"end": sign_note(end_text(head.key.name, beginning, digest.hexdigest()), head.key, sign)})
        + b"\n"
    )


def end_text(origin: str, beginning: str, everything: str) -> str:
    """What the end's note says: format, log, SHA-256 of the lines before the first entry and of all lines before.

    Its second line is no number, so it can never pass for a checkpoint.
    """
    return f"{EXPORT_FORMAT}\n{origin}\n{beginning}\n{everything}\n"


def _common_end(before: Sequence[bytes], proof: Sequence[bytes]) -> int:
    """How many hashes two proofs share at their upper end."""
    shared = 0
    for one, other in zip(reversed(before), reversed(proof), strict=False):
        if one != other:
            break
        shared += 1
    return shared

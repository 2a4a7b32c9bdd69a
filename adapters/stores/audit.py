"""From an audit draft to the entry that is stored and back: the same in every store.

An entry is stored without personal values. Each is committed to in the entry's leaf with a fresh salt, and lies beside
it sealed under its subject's key. Reading puts the values back where the key is still there, and `erased` where it is
not; the leaf is the same before and after (`engine.audit.leaf`).
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64Error
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Protocol

from adapters.stores.values import checked
from engine import exact_json
from engine.audit.leaf import ACTOR_NAME, CHANGES, SALT_BYTES, commitment, entry_id, leaf_bytes, names_of, pointer
from engine.audit.merkle import Frontier, leaf_hash
from engine.caller import SERVICE_ROLE, Actor
from engine.ports import AuditDraft
from engine.problems import Problem, UnavailableError
from engine.records import PLACE, Record, personal_fields, subject_of
from engine.records import record_type as type_of

AUDIT_ENTRY = "audit_entry"
ERASED = "erased"
"""What is read in the place of a value whose subject was erased."""
UNREADABLE = "unreadable"
"""What is read in the place of a value whose key is there but does not open it."""
PERSON = "person"


class Sealer(Protocol):
    """Secrecy for personal values. `owner` and `about` are bound to what is wrapped or sealed, not hidden in it."""

    def random(self, size: int) -> bytes:
        """Unguessable bytes."""
        ...

    def new_key(self, owner: bytes) -> bytes:
        """A fresh key, wrapped."""
        ...

    def seal(self, wrapped: bytes, owner: bytes, value: bytes, about: bytes) -> bytes | None:
        """The value under a key; None if this service cannot unwrap it."""
        ...

    def unseal(self, wrapped: bytes, owner: bytes, sealed: bytes, about: bytes) -> bytes | None:
        """The value that was sealed; None if it does not open, for whatever reason."""
        ...


WrappedKeys = Mapping[str, bytes]
"""Wrapped keys by subject; those of erased subjects are not among them."""


@dataclass(frozen=True, slots=True)
class Head:
    """Where an organisation's log stands: the right edge of its tree and its last leaf's hash, in hexadecimal."""

    frontier: Frontier = field(default_factory=Frontier)
    last_leaf: str | None = None

    def after(self, entry: Record) -> Head:
        """Where it stands with one more entry."""
        return Head(self.frontier.append(bytes.fromhex(entry["leaf_hash"])), entry["leaf_hash"])

    @classmethod
    def read(cls, organisation_id: str, last_sequence: Any, frontier: Any, last_leaf: Any) -> Head:
        """What a store keeps of it. Raises `UnavailableError` (`audit.edge_damaged`) for what no store has written."""
        try:
            found = cls(Frontier.from_text(frontier), last_leaf)
        except ValueError:
            raise edge_damaged(organisation_id) from None
        leaf_fits = isinstance(last_leaf, str) and _LEAF.fullmatch(last_leaf)
        if found.frontier.size != last_sequence or not leaf_fits:
            raise edge_damaged(organisation_id)
        return found


def edge_damaged(organisation_id: str) -> UnavailableError:
    """A log whose end is not known: nothing can be logged, so nothing can be changed, until it is restored."""
    message = f"the end of the audit log of `{organisation_id}` cannot be read: nothing is logged, so nothing changes"
    hint = "`bylaw audit check` tells what of the log holds; restore the database from a backup"
    return UnavailableError(Problem("audit.edge_damaged", message, help=hint))


@dataclass(frozen=True, slots=True)
class _Personal:
    """One personal value: its place in the leaf and whom it is about."""

    place: str
    subject: str
    value: Any


@dataclass(frozen=True, slots=True)
class Notary:
    """Makes entries and opens them. `policies` is the digest of the policies in force, which every entry names."""

    sealer: Sealer
    policies: str | None = None

    def entry(self, draft: AuditDraft, head: Head, key_of: Callable[[str], bytes | None]) -> Record:
        """The entry with its number, its link to the one before, its commitments and its leaf's hash.

        `key_of` gives a subject's wrapped key, made if need be, or None for one who was erased: then the value is
        committed to and kept nowhere. The id is the number in fixed width, so that ids sort as the log does. Raises
        `InvalidError` for values that no store keeps, `UnavailableError` (`audit.keys`) if a key cannot be unwrapped.
        """
        fields: dict[str, Any] = {known.name: draft.place.get(known.name) for known in PLACE}
        fields |= {
            "sequence": head.frontier.size + 1,
            "at": draft.at,
            "actor_id": draft.actor.id,
            "actor_role": draft.actor.role,
            "channel": draft.channel,
            "request_id": draft.request_id,
            "action": draft.action,
            "outcome": draft.outcome,
            "record_type": draft.record_type,
            "record_id": draft.record_id,
            "rule_set": draft.rule_set,
            "rule_version": draft.rule_version,
            "policies": self.policies,
            "reason": draft.reason,
            "approver_id": draft.approver_id,
            "before_digest": draft.before_digest,
            "after_digest": draft.after_digest,
            "changes": draft.changes,
            "actor_name": draft.actor.name or None,
        }
        return self.sealed(fields, draft.organisation_id, head, key_of)

    def sealed(
        self, fields: Mapping[str, Any], organisation_id: str, head: Head, key_of: Callable[[str], bytes | None]
    ) -> Record:
        """The entry of these fields, which still hold their personal values; see `entry`."""
        sequence = head.frontier.size + 1
        personal = _personal(fields)
        salts = {one.place: self.sealer.random(SALT_BYTES) for one in personal}
        commitments = {
            one.place: {"subject": one.subject, "commitment": commitment(salts[one.place], one.value)}
            for one in personal
        }
        clear = dict(fields)
        if ACTOR_NAME in commitments:
            clear["actor_name"] = None
        clear |= {
            "changes": _taken_out(fields["changes"], commitments),
            "previous_hash": head.last_leaf,
            "personal": commitments or None,
        }
        record = checked(Record(AUDIT_ENTRY, entry_id(sequence), organisation_id, clear))
        digest = leaf_hash(leaf_bytes(record)).hex()
        sealed: dict[str, str] = {}
        for subject in dict.fromkeys(one.subject for one in personal):
            if (wrapped := key_of(subject)) is not None:
                values = {one.place: [salts[one.place].hex(), one.value] for one in personal if one.subject == subject}
                sealed[subject] = self._seal(record, subject, values, wrapped)
        return replace(record.with_fields(leaf_hash=digest, **({"sealed": sealed} if sealed else {})), revision=1)

    def new_key(self, organisation_id: str, subject: str) -> bytes:
        """A wrapped key for a subject that has none yet."""
        return self.sealer.new_key(_owner(organisation_id, subject))

    def opened(self, entries: Sequence[Record], keys_of: Callable[[str, list[str]], WrappedKeys]) -> list[Record]:
        """The entries as people read them. `keys_of` gives an organisation's wrapped keys of some subjects.

        In `personal` every place says either `salt` and `value`, with which its commitment can be checked, or `erased`
        or `unreadable`.
        """
        subjects: dict[str, dict[str, None]] = {}
        for entry in entries:
            if entry["personal"]:
                subjects.setdefault(entry.organisation_id, {}).update(dict.fromkeys(entry["sealed"] or ()))
        keys = {organisation: keys_of(organisation, list(about)) for organisation, about in subjects.items()}
        return [self._opened(entry, keys.get(entry.organisation_id, {})) for entry in entries]

    def _opened(self, entry: Record, keys: WrappedKeys) -> Record:
        kept: Mapping[str, Any] = entry["personal"] or {}
        if not kept:
            return entry
        found: dict[str, Any] = {}
        for subject, text in (entry["sealed"] or {}).items():
            wrapped = keys.get(subject)
            if wrapped is not None:
                found |= self._unseal(entry, subject, text, wrapped)
        personal: dict[str, Any] = {}
        shown: dict[str, str] = {}
        for place, one in kept.items():
            gone = keys.get(one["subject"]) is None
            if place in found:
                salt, shown[place] = found[place]
                personal[place] = {**one, "salt": salt, "value": shown[place]}
            else:
                shown[place] = ERASED if gone else UNREADABLE
                personal[place] = {**one, shown[place]: True}
        changed: dict[str, Any] = {"personal": personal, "sealed": None}
        if ACTOR_NAME in shown:
            changed["actor_name"] = shown[ACTOR_NAME]
        if entry["changes"] is not None:
            changed["changes"] = _put_back(entry["changes"], shown)
        fields = {name: value for name, value in {**entry.fields, **changed}.items() if value is not None}
        return replace(entry, fields=fields)

    def _seal(self, record: Record, subject: str, values: Mapping[str, Any], wrapped: bytes) -> str:
        organisation_id = record.organisation_id
        about = _about(organisation_id, record["sequence"], subject)
        made = self.sealer.seal(wrapped, _owner(organisation_id, subject), exact_json.canonical(values), about)
        if made is None:
            raise UnavailableError(
                Problem(
                    "audit.keys",
                    "the keys of the audit log's personal values were wrapped with another secret key",
                    help="start with the BYLAW_SECRET_KEY that the database was written with",
                )
            )
        return b64encode(made).decode()

    def _unseal(self, entry: Record, subject: str, text: Any, wrapped: bytes) -> dict[str, Any]:
        try:
            sealed = b64decode(str(text), validate=True)
        except NotBase64Error:
            return {}
        about = _about(entry.organisation_id, entry["sequence"], subject)
        value = self.sealer.unseal(wrapped, _owner(entry.organisation_id, subject), sealed, about)
        return {} if value is None else exact_json.parse(value)


def common_notary() -> Notary:
    """A notary whose secret everybody knows: for tests and tools. `adapters.wiring` always gives one of its own."""
    from adapters.sealing import AesGcmSealer  # noqa: PLC0415  # loads the cryptography

    return Notary(AesGcmSealer("0" * 64))


def sealed_log(
    notary: Notary, entries: Iterable[Record], key_of: Callable[[str], bytes | None]
) -> Iterator[tuple[Record, Head]]:
    """The entries of an organisation's log that has no leaves yet, with theirs; beside each where the log then stands.

    Raises `UnavailableError` (`store.damaged`) where a number is missing.
    """
    head = Head()
    for entry in entries:
        if entry["sequence"] != head.frontier.size + 1:
            step = f"from entry {head.frontier.size} to {entry['sequence']}"
            message = f"the audit log of `{entry.organisation_id}` goes {step}"
            raise UnavailableError(Problem("store.damaged", message, help="restore the database from a backup"))
        if entry["leaf_hash"] is not None:  # sealed before an interruption
            head = head.after(entry)
            yield entry, head
            continue
        made = notary.sealed({**dict.fromkeys(_FIELDS), **entry.fields}, entry.organisation_id, head, key_of)
        head = head.after(made)
        yield made, head


def note_of_sealing(last: Record, now: datetime) -> AuditDraft:
    """What a log says about having got leaves only now: the entries up to the last one as they then stood."""
    platform = Actor(SERVICE_ROLE, "Bylaw", SERVICE_ROLE, last.organisation_id, region_id="", branch_id="", team_id="")
    return AuditDraft(
        organisation_id=last.organisation_id,
        at=now,
        actor=platform,
        channel="cli",
        request_id="migration",
        action="seal",
        outcome="accepted",
        record_type=AUDIT_ENTRY,
        record_id=last.id,
        place={},
        reason="the entries before this one were written without leaves and got them as they stood",
        changes={"entries": {"before": 0, "after": last["sequence"]}},
    )


_LEAF = re.compile("[0-9a-f]{64}")
_FIELDS = tuple(known.name for known in type_of(AUDIT_ENTRY).fields)


def _personal(fields: Mapping[str, Any]) -> list[_Personal]:
    """The personal values among an entry's fields. The platform itself and strangers have no name to protect."""
    found: list[_Personal] = []
    if fields["actor_name"] and fields["actor_role"] != SERVICE_ROLE:
        found.append(_Personal(ACTOR_NAME, f"{PERSON}/{fields['actor_id']}", fields["actor_name"]))
    named = personal_fields(fields["record_type"])
    subject = subject_of(fields["record_type"], fields["record_id"], fields["owner_id"])
    for name, change in (fields["changes"] or {}).items():
        if name in named and isinstance(change, Mapping):
            found.extend(
                _Personal(pointer(CHANGES, name, side), subject, exact_json.plain(change[side]))
                for side in ("before", "after")
                if change.get(side) is not None
            )
    return found


def _taken_out(changes: Mapping[str, Any] | None, places: Mapping[str, Any]) -> dict[str, Any] | None:
    if changes is None:
        return None
    return {
        name: {side: value for side, value in change.items() if pointer(CHANGES, name, side) not in places}
        if isinstance(change, Mapping)
        else change
        for name, change in changes.items()
    }


def _put_back(changes: Mapping[str, Any], shown: Mapping[str, str]) -> dict[str, Any]:
    result = dict(changes)
    for place, value in shown.items():
        top, *names = names_of(place)
        if top == CHANGES:
            name, side = names
            result[name] = {**result.get(name, {}), side: value}
    return result


def _owner(organisation_id: str, subject: str) -> bytes:
    return exact_json.canonical([organisation_id, subject])


def _about(organisation_id: str, sequence: int, subject: str) -> bytes:
    return exact_json.canonical([organisation_id, sequence, subject])

"""Checking an exported file as an outsider does: with nothing but the file and the key that is trusted.

`verify` reads the file once, line by line (`engine.audit.export_file` describes it), and stops at the first thing that
is wrong, with the number of the entry that it concerns. `adapters/shipped/verify_audit.py` does the same on its own,
written without this module; both are tested to give the same verdicts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, NoReturn

from engine import exact_json
from engine.audit.export_file import EXPORT_FORMAT, end_text
from engine.audit.leaf import SALT_BYTES, commitment
from engine.audit.merkle import HASH_BYTES, Frontier, includes, is_consistent, leaf_hash
from engine.audit.note import Check, Checkpoint, InclusionProof, Note, PublicKey
from engine.audit.progress import Progress, tell
from engine.problems import BylawError, InvalidError, Place, Problem

MAX_LINE_BYTES = 20_000_000
HEAD_TEXTS = ("format", "key", "made_at", "made_for", "organisation_id", "scope")
HEAD_COUNTS = ("entries", "older_checkpoints", "size")
HEAD_MEMBERS = {*HEAD_TEXTS, *HEAD_COUNTS, "from", "to"}
PROOF_MEMBERS = {"above", "after", "number", "proof"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file was found to be. Without a `problem` every entry in it is the one that was logged.

    `line` (from 1) and `number` (of the entry, None where it concerns none) say where the problem is. `entries` counts
    the entries found true; `head` is the file's first line, empty if that cannot be read. `trusted_key` says whether
    the key was compared with one that the reader brought: else the file shows only that it agrees with itself.
    """

    problem: Problem | None
    line: int = 0
    number: int | None = None
    entries: int = 0
    head: Mapping[str, Any] = field(default_factory=dict)
    key: PublicKey | None = None
    checkpoint: Checkpoint | None = None
    older: tuple[int, ...] = ()
    trusted_key: bool = False

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None

    def to_json(self) -> dict[str, Any]:
        """The verdict as programs read it."""
        problem = None if self.problem is None else {"code": self.problem.code, "message": self.problem.message}
        return {
            "good": self.good,
            "problem": problem,
            "line": self.line or None,
            "number": self.number,
            "entries": self.entries,
            "size": self.checkpoint.size if self.checkpoint else None,
            "root": self.checkpoint.root.hex() if self.checkpoint else None,
            "fingerprint": self.key.fingerprint if self.key else None,
            "trusted_key": self.trusted_key,
            "scope": self.head.get("scope"),
            "from": self.head.get("from"),
            "to": self.head.get("to"),
        }


def verify(
    lines: Iterable[bytes],
    check: Check,
    *,
    source: str = "export",
    key: PublicKey | None = None,
    fingerprint: str | None = None,
    since: str | None = None,
    progress: Progress | None = None,
) -> Verdict:
    """Check a file's lines, given with their line feeds. Never raises for what the file holds.

    `source` names the file in the problem's place. `key` or `fingerprint` (`PublicKey.fingerprint`) say which key is
    trusted; `since` is the note of an older checkpoint that the reader has kept, which the log must begin with.
    `progress` is told now and then how many of how many entries were read.
    """
    run = _Verification(lines, check, source=source, key=key, fingerprint=fingerprint, since=since, progress=progress)
    try:
        run.file()
    except _FoundError as found:
        return run.verdict(found)
    return run.verdict(None)


def inclusion_proof(lines: Iterable[bytes], number: int, check: Check) -> InclusionProof:
    """One entry's proof out of a file, as C2SP's text. The file must be good up to there.

    Raises `InvalidError` with what is wrong (`audit.*`), or `audit.entry_missing` if the entry is not in the file.
    """
    run = _Verification(lines, check, source="export")
    try:
        run.beginning()
        while run.last < number and run.entry():
            pass
    except _FoundError as found:
        raise InvalidError(found.problem) from None
    if run.last != number or number < 1:
        raise InvalidError(Problem("audit.entry_missing", f"entry {number} is not in this file"))
    return InclusionProof(number - 1, run.path, run.note)


class _FoundError(Exception):
    """The first thing that is wrong."""

    def __init__(self, problem: Problem, line: int, number: int | None) -> None:
        super().__init__(problem.message)
        self.problem, self.line, self.number = problem, line, number


class _Verification:
    """One reading of a file. Every step raises `_FoundError` for the first thing that is wrong."""

    def __init__(
        self,
        lines: Iterable[bytes],
        check: Check,
        *,
        source: str,
        key: PublicKey | None = None,
        fingerprint: str | None = None,
        since: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._lines: Iterator[bytes] = iter(lines)
        self._check = check
        self._source, self._trusted, self._fingerprint, self._since = source, key, fingerprint, since
        self._progress = progress
        self._line = 0
        self._kept: Checkpoint | None = None
        self._digest, self._beginning, self._pending = sha256(), "", b""
        self._frontier = Frontier()
        self._roots: dict[int, bytes] = {}
        self._last_leaf = ""
        self._in_head = True
        self.head: dict[str, Any] = {}
        self.key: PublicKey | None = None
        self.checkpoint: Checkpoint | None = None
        self.note = ""
        self.path: tuple[bytes, ...] = ()
        self.last, self.count = 0, 0

    def verdict(self, found: _FoundError | None) -> Verdict:
        """What is known now."""
        return Verdict(
            found.problem if found else None,
            found.line if found else 0,
            found.number if found else None,
            self.count,
            self.head,
            self.key,
            self.checkpoint,
            tuple(sorted(self._roots)),
            self._trusted is not None or self._fingerprint is not None,
        )

    def file(self) -> None:
        """The whole file."""
        self.beginning()
        self.entries()

    def entries(self) -> None:
        """All entries that are left, and the end."""
        while self.entry():
            pass
        if self._kept is not None:
            self._check_history(self._kept)

    def beginning(self) -> None:
        """The lines before the first entry."""
        self._read_head()
        self._read_checkpoint()
        self._read_older_checkpoints()
        if self._since is not None:
            self._kept = self._opened(self._since, 0, "the older checkpoint that was kept")
        self._in_head = False

    def entry(self) -> bool:
        """One entry, or the end of the file: then false."""
        value, data = self._next()
        if not self.count:
            self._beginning = self._digest.hexdigest()
        if "end" in value:
            self._read_end(value)
            return False
        self._read_entry(value, data)
        return True

    def _check_history(self, old: Checkpoint) -> None:
        """That the log begins with the older checkpoint that was kept."""
        assert self.checkpoint is not None
        if old.size > self.checkpoint.size:
            message = f"the log had {old.size} entries at the older checkpoint and has {self.checkpoint.size} now"
            self._bad("audit.history_changed", message, line=0)
        if old.size not in self._roots:
            message = f"the file holds no proof from the older checkpoint, which has {old.size} entries"
            self._bad(
                "audit.no_proof", message, line=0, help_text="export again and name that checkpoint: --since FILE"
            )
        if self._roots[old.size] != old.root:
            message = f"an entry up to number {old.size} was changed after the older checkpoint was signed"
            self._bad("audit.history_changed", message, line=0)

    # -- the parts of the file

    def _read_head(self) -> None:
        value, _ = self._next()
        if set(value) != HEAD_MEMBERS or value["format"] != EXPORT_FORMAT:
            self._bad("audit.file_unreadable", f"the first line is not the head of a file `{EXPORT_FORMAT}`")
        texts = all(isinstance(value[name], str) for name in HEAD_TEXTS)
        period = all(value[name] is None or isinstance(value[name], str) for name in ("from", "to"))
        if not texts or not period or not all(_is_count(value[name]) for name in HEAD_COUNTS):
            self._bad("audit.file_unreadable", "the head holds a value of the wrong kind")
        self.head = value
        try:
            self.key = PublicKey.parse(value["key"])
        except InvalidError as error:
            self._bad("audit.file_unreadable", f"the key cannot be read: {error}")
        known = self._trusted is None or self._trusted == self.key
        if not known or self._fingerprint not in (None, self.key.fingerprint):
            message = (
                f"the file is signed by the key with the fingerprint {self.key.fingerprint}, not by the trusted one"
            )
            self._bad("audit.key_unknown", message)

    def _read_checkpoint(self) -> None:
        value, _ = self._next()
        if set(value) != {"checkpoint"} or not isinstance(value["checkpoint"], str):
            self._bad("audit.file_unreadable", "the second line is not a checkpoint")
        self.note = value["checkpoint"]
        self.checkpoint = self._opened(self.note, self._line, "the checkpoint")
        if self.checkpoint.size != self.head["size"]:
            message = (
                f"the head says that the log has {self.head['size']} entries, the checkpoint {self.checkpoint.size}"
            )
            self._bad("audit.file_changed", message, line=1)
        self._roots[self.checkpoint.size] = self.checkpoint.root

    def _read_older_checkpoints(self) -> None:
        assert self.checkpoint is not None
        new, before = self.checkpoint, 0
        for _ in range(self.head["older_checkpoints"]):
            value, _ = self._next()
            if set(value) != {"checkpoint", "consistency"} or not isinstance(value["checkpoint"], str):
                self._bad("audit.file_unreadable", "the line is not an older checkpoint")
            proof = self._hashes(value["consistency"])
            old = self._opened(value["checkpoint"], self._line, "the older checkpoint")
            if not before < old.size < new.size:
                self._bad("audit.file_unreadable", "the older checkpoints do not come by size")
            if not is_consistent(old.size, old.root, new.size, new.root, proof):
                message = f"the log does not begin with the {old.size} entries of the older checkpoint"
                self._bad("audit.history_changed", message)
            self._roots[old.size] = old.root
            before = old.size

    def _read_entry(self, leaf: dict[str, Any], data: bytes) -> None:
        """An entry's two lines, of which the first has been read."""
        line, number = self._line, leaf.get("sequence")
        if not isinstance(number, int) or not _is_count(number):
            self._bad("audit.file_unreadable", "the line is no entry", number=self._number_of_proof())
        proof, _ = self._next(number)
        if not PROOF_MEMBERS <= set(proof) <= PROOF_MEMBERS | {"opened"}:
            self._bad("audit.file_unreadable", f"the line is not the proof of entry {number}", number=number)
        above, after, claimed = proof["above"], proof["after"], proof["number"]
        own = self._hashes(proof["proof"], number)
        if not all(map(_is_count, (above, after, claimed))):
            self._bad("audit.file_unreadable", f"the line is not the proof of entry {number}", number=number)
        path = (*own, *self.path[len(self.path) - above :]) if 0 < above <= len(self.path) else own
        assert self.checkpoint is not None
        digest = leaf_hash(data)
        true = includes(self.checkpoint.root, self.checkpoint.size, number - 1, digest, path)
        if claimed != number or after >= number or (self._whole and after != number - 1):
            message = f"an entry that says to be number {number} has a proof for number {claimed} after {after}"
            self._bad("audit.entry_changed", message, line, number if true else claimed)
        self._check_place(number, after, line)
        if not true or above > len(self.path):
            message = f"entry {number} is not the one that was logged: it or its proof was changed"
            self._bad("audit.entry_changed", message, line, number)
        self._check_opened(leaf, proof.get("opened"), number)
        if self.last == number - 1 and leaf.get("previous", "") != self._last_leaf:
            message = f"entry {number} was logged after another entry than {self.last}"
            self._bad("audit.chain_broken", message, line, number)
        self.last, self.path, self._last_leaf = number, path, digest.hex()
        self.count += 1
        tell(self._progress, self.count, self.head["entries"])
        if self._frontier.size == number - 1:
            self._frontier = self._frontier.append(digest)
            if self._kept is not None and self._kept.size == number:
                self._roots[number] = self._frontier.root()

    def _check_place(self, number: int, after: int, line: int) -> None:
        """That no entry is missing before this one, and that it has not come before."""
        if after == self.last:
            return
        if number <= self.last:
            message = f"entry {number} stands after entry {self.last}: it was moved or put in a second time"
            self._bad("audit.entry_misplaced", message, line, number)
        if self._whole:
            message = f"entry {self.last + 1} is missing: entry {number} follows entry {self.last}"
            self._bad("audit.entry_missing", message, line, self.last + 1)
        message = f"an entry is missing before entry {number}, which follows entry {after}, not {self.last}"
        self._bad("audit.entry_missing", message, line, number)

    def _check_opened(self, leaf: dict[str, Any], opened: Any, number: int) -> None:
        """That the personal values are those that the leaf commits itself to."""
        if opened is None:
            return
        committed = leaf.get("personal")
        if not isinstance(opened, dict) or not opened or not isinstance(committed, dict):
            self._bad("audit.file_unreadable", f"the personal values of entry {number} cannot be read", number=number)
        for place, one in opened.items():
            known = committed.get(place)
            if not isinstance(known, dict) or not isinstance(one, dict) or set(one) != {"salt", "value"}:
                self._bad("audit.personal_changed", f"entry {number} has no personal value at `{place}`", number=number)
            salt = _from_hex(one["salt"], SALT_BYTES)
            if salt is None or commitment(salt, one["value"]) != known.get("commitment"):
                message = f"the personal value at `{place}` of entry {number} is not the one that was logged"
                self._bad("audit.personal_changed", message, number=number)

    def _read_end(self, value: dict[str, Any]) -> None:
        line, everything = self._line, self._digest.hexdigest()
        if set(value) != {"end"} or not isinstance(value["end"], str):
            self._bad("audit.file_unreadable", "the line is not the end of the file")
        assert self.key is not None
        said = self._signed(value["end"], line, "the end of the file").text.split("\n")
        right = end_text(self.key.name, self._beginning, everything).split("\n")
        if len(said) != len(right) or said[:2] != right[:2]:
            self._bad("audit.file_unreadable", "the line is not the end of such a file")
        if said[2] != right[2]:
            self._bad("audit.file_changed", "the lines before the first entry were changed", line=1)
        if self.count != self.head["entries"]:
            message = f"the file holds {self.count} entries, not the {self.head['entries']} that its head announces"
            self._bad("audit.entry_missing", message, number=self._expected)
        if said != right:
            self._bad("audit.file_changed", "the file was changed after it was made")
        if next(self._lines, None) is not None:
            self._bad("audit.file_changed", "something stands after the end of the file", line=line + 1)

    # -- reading

    @property
    def _whole(self) -> bool:
        """Whether the file says to hold every entry of the log, so that each one's number is known beforehand."""
        return bool(self.head) and self.head["entries"] == self.head["size"]

    @property
    def _expected(self) -> int | None:
        return self.last + 1 if self._whole and not self._in_head and self.last < self.head["size"] else None

    def _next(self, number: int | None = None) -> tuple[dict[str, Any], bytes]:
        """The next line's value, which is an object, and the line without its line feed.

        `_digest` then is over all lines before this one.
        """
        self._digest.update(self._pending)
        self._pending = line = next(self._lines, b"")
        self._line += 1
        number = self._expected if number is None else number
        if not line.endswith(b"\n"):
            after = f"after entry {self.last}" if self.last else "before the first entry"
            self._bad("audit.file_cut", f"the file ends {after}, without its end", number=number)
        value = _read(line[:-1])
        if value is None:
            if number is None and not self._in_head:
                number = self._number_of_proof()
            self._bad("audit.file_unreadable", "the line is not canonical JSON (RFC 8785) of an object", number=number)
        return value, line[:-1]

    def _number_of_proof(self) -> int | None:
        """The number of the entry before whose proof something unreadable stands, as far as it can be told."""
        if (expected := self._expected) is not None:
            return expected
        value = _read(next(self._lines, b"").removesuffix(b"\n"))
        number = None if value is None else value.get("number")
        return number if isinstance(number, int) and _is_count(number) else None

    def _hashes(self, value: Any, number: int | None = None) -> tuple[bytes, ...]:
        found = [_from_hex(item, HASH_BYTES) for item in value] if isinstance(value, list) else [None]
        hashes = tuple(item for item in found if item is not None)
        if len(hashes) != len(found):
            self._bad("audit.file_unreadable", "a proof is not a list of hashes", number=number)
        return hashes

    def _opened(self, text: str, line: int, what: str) -> Checkpoint:
        """A checkpoint that the file's key has signed for its log."""
        assert self.key is not None
        note = self._signed(text, line, what)
        try:
            checkpoint = Checkpoint.parse(note.text)
        except InvalidError as error:
            self._bad("audit.file_unreadable", f"{what} cannot be read: {error}", line=line)
        if checkpoint.origin != self.key.name:
            self._bad("audit.signature", f"{what} is of the log `{checkpoint.origin[:60]}`, not of this one", line=line)
        return checkpoint

    def _signed(self, text: str, line: int, what: str) -> Note:
        assert self.key is not None
        try:
            note = Note.parse(text)
        except InvalidError as error:
            self._bad("audit.file_unreadable", f"{what} cannot be read: {error}", line=line)
        try:
            note.check(self.key, self._check)
        except InvalidError as error:
            self._bad("audit.signature", f"{what} is not signed by the log: {error}", line=line)
        return note

    def _bad(
        self, code: str, message: str, line: int | None = None, number: int | None = None, help_text: str = ""
    ) -> NoReturn:
        line = self._line if line is None else line
        place = Place(self._source, line, 1 if line else 0)
        raise _FoundError(Problem(code, message, place, help_text), line, number)


def _read(line: bytes) -> dict[str, Any] | None:
    """The object of a line, None if the line is anything but its canonical JSON."""
    if len(line) > MAX_LINE_BYTES:
        return None
    try:
        value = json.loads(line.decode(), parse_float=_refuse, parse_constant=_refuse)
        return value if isinstance(value, dict) and exact_json.canonical(value) == line else None
    except (ValueError, RecursionError, BylawError):
        return None


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of an audit entry")


def _from_hex(text: Any, size: int) -> bytes | None:
    """Bytes of their one right hexadecimal text."""
    if not isinstance(text, str) or len(text) != 2 * size:
        return None
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return None
    return data if data.hex() == text else None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0

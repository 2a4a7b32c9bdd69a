"""Signed notes and checkpoints, the texts with which a log commits itself: C2SP's signed-note and tlog-checkpoint.

A note is text, an empty line and signatures; a checkpoint is a note whose text names a log, the number of its entries
and the root of its Merkle tree. Whoever holds a checkpoint can prove later that the log was changed before it. Go's
`golang.org/x/mod/sumdb/note` and every witness read the same texts. Signing and checking signatures are arguments,
because keys and cryptography are outside of the engine.

Sources: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NoReturn

from engine.audit.merkle import HASH_BYTES
from engine.problems import InvalidError, Problem

Sign = Callable[[bytes], bytes]
"""Message to its Ed25519 signature, 64 bytes."""
Check = Callable[[bytes, bytes, bytes], bool]
"""Public key, message and signature to whether the signature is the key's (RFC 8032)."""

ED25519 = b"\x01"
PUBLIC_KEY_BYTES = 32
KEY_ID_BYTES = 4
MAX_SIGNATURES = 100
MAX_NOTE_BYTES = 1_000_000

_SIGNATURE_START = "— "
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f]")
_DECIMAL = re.compile("0|[1-9][0-9]{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 key that signs notes under a name: for a log's checkpoints, the log's origin.

    Raises `InvalidError` (`audit.note`) for a name that a note cannot hold or bytes that are no key.
    """

    name: str
    value: bytes

    def __post_init__(self) -> None:
        """Refuse what no note can name."""
        if not _is_key_name(self.name):
            _malformed(
                f"`{self.name[:60]}` cannot name a key: it is empty or holds a space, a `+` or a control character"
            )
        if len(self.value) != PUBLIC_KEY_BYTES:
            _malformed(f"an Ed25519 key has {PUBLIC_KEY_BYTES} bytes, not {len(self.value)}")

    @property
    def id(self) -> bytes:
        """The four bytes with which a signature names its key."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.value).digest()[:KEY_ID_BYTES]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key's 32 bytes in hexadecimal, to be compared with what came by another way."""
        return sha256(self.value).hexdigest()

    def __str__(self) -> str:
        """`name+key id+base64`, as Go's tools take it."""
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.value)}"

    @classmethod
    def parse(cls, text: str) -> PublicKey:
        """What `str` writes. Raises `InvalidError` (`audit.note`)."""
        name, *rest = text.split("+", 2)
        if len(rest) != 2:
            _malformed("a public key is a name, `+`, eight hexadecimal digits, `+` and base64")
        encoded = _from_base64(rest[1], "the public key")
        if encoded[:1] != ED25519:
            _malformed("the public key is not of the kind Ed25519, which starts with the byte 1")
        key = cls(name, encoded[1:])
        if key.id.hex() != rest[0]:
            _malformed(f"the key id `{rest[0][:8]}` is not that of the key and its name, `{key.id.hex()}`")
        return key


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature of a note; `value` is what the key made, without the key's id."""

    key_name: str
    key_id: bytes
    value: bytes

    def __str__(self) -> str:
        return f"{_SIGNATURE_START}{self.key_name} {_base64(self.key_id + self.value)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends with a line feed, and its signatures. Nothing is said yet about whether they are true."""

    text: str
    signatures: tuple[Signature, ...]

    def __str__(self) -> str:
        return f"{self.text}\n{''.join(map(str, self.signatures))}"

    @classmethod
    def parse(cls, note: str) -> Note:
        """Read a note. Raises `InvalidError` (`audit.note`) for whatever the specification does not allow."""
        _check_characters(note)
        text, gap, lines = note.rpartition("\n\n")
        if not gap or not lines.endswith("\n"):
            _malformed("a note is text, an empty line and signatures, each line ended by a line feed")
        found = lines.removesuffix("\n").split("\n")
        if len(found) > MAX_SIGNATURES:
            _malformed(f"the note has {len(found)} signatures; at most {MAX_SIGNATURES} are read")
        return cls(text + "\n", tuple(_signature(line) for line in found))

    def check(self, key: PublicKey, check: Check) -> None:
        """Return if the key has signed the text; raise `InvalidError` (`audit.signature`) otherwise.

        Signatures of other keys are passed over; one that says to be this key's and is not condemns the note.
        """
        own = [one for one in self.signatures if (one.key_name, one.key_id) == (key.name, key.id)]
        if not own:
            names = ", ".join(f"`{one.key_name} {one.key_id.hex()}`" for one in self.signatures)
            message = f"the note is signed by {names}, not by `{key.name} {key.id.hex()}`"
            raise InvalidError(Problem("audit.signature", message))
        if not all(check(key.value, self.text.encode(), one.value) for one in own):
            message = f"the signature by `{key.name} {key.id.hex()}` does not fit the text: one of the two was changed"
            raise InvalidError(Problem("audit.signature", message))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log commits itself to: its name, how many entries it has, and the root of its Merkle tree."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The text that is signed."""
        return "".join(f"{line}\n" for line in (self.origin, str(self.size), _base64(self.root), *self.extensions))

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text. Raises `InvalidError` (`audit.note`)."""
        _check_characters(text)
        lines = text.split("\n")
        if lines.pop() != "" or len(lines) < 3 or "" in lines:
            _malformed("a checkpoint is three lines or more: the log's name, its size and the root, none of them empty")
        origin, size, root, *extensions = lines
        if not _DECIMAL.fullmatch(size):
            _malformed(f"`{size[:20]}` is not the size of a log")
        root_bytes = _from_base64(root, "the root")
        if len(root_bytes) != HASH_BYTES:
            _malformed(f"a root has {HASH_BYTES} bytes, not {len(root_bytes)}")
        return cls(origin, int(size), root_bytes, tuple(extensions))


def sign_note(text: str, key: PublicKey, sign: Sign, others: Sequence[Signature] = ()) -> str:
    """The note of a text, signed by the key's private half after `others`, whose text it is too.

    Raises `InvalidError` (`audit.note`) for a text that no note can hold.
    """
    _check_characters(text)
    if not text.endswith("\n"):
        _malformed("a note's text ends with a line feed")
    return str(Note(text, (*others, Signature(key.name, key.id, sign(text.encode())))))


def sign_checkpoint(checkpoint: Checkpoint, key: PublicKey, sign: Sign) -> str:
    """The signed note of a checkpoint. Raises `InvalidError` (`audit.note`) for an origin that cannot stand in one."""
    Checkpoint.parse(str(checkpoint))
    return sign_note(str(checkpoint), key, sign)


def open_checkpoint(note: str, key: PublicKey, check: Check) -> Checkpoint:
    """The checkpoint of a note that the key has signed, for the log that is named like the key.

    Raises `InvalidError` (`audit.note`, `audit.signature`).
    """
    parsed = Note.parse(note)
    checkpoint = Checkpoint.parse(parsed.text)
    if checkpoint.origin != key.name:
        message = f"the checkpoint is of the log `{checkpoint.origin[:60]}`, the key belongs to `{key.name}`"
        raise InvalidError(Problem("audit.signature", message))
    parsed.check(key, check)
    return checkpoint


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """C2SP's tlog-proof: that an entry stands at an index, counted from 0, of the log of a signed checkpoint.

    One text that can be checked without the log (https://c2sp.org/tlog-proof). `extra` is not covered by anything.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def __str__(self) -> str:
        extra = [] if self.extra is None else [f"extra {_base64(self.extra)}"]
        lines = [PROOF_HEAD, *extra, f"index {self.index}", *map(_base64, self.hashes), "", ""]
        return "\n".join(lines) + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> InclusionProof:
        """What `str` writes. Raises `InvalidError` (`audit.note`)."""
        head, gap, checkpoint = text.partition("\n\n")
        first, *lines = head.split("\n")
        if first != PROOF_HEAD or not gap:
            _malformed(f"a proof starts with the line `{PROOF_HEAD}` and holds a checkpoint after an empty line")
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _from_base64(lines.pop(0).removeprefix("extra "), "the extra data")
        if not lines or not _DECIMAL.fullmatch(index := lines.pop(0).removeprefix("index ")):
            _malformed("a proof names the entry's index")
        hashes = tuple(_from_base64(line, "a hash") for line in lines)
        if any(len(one) != HASH_BYTES for one in hashes):
            _malformed(f"a hash has {HASH_BYTES} bytes")
        proof = cls(int(index), hashes, str(Note.parse(checkpoint)), extra)
        if str(proof) != text:
            _malformed("the proof is not written as the specification says")
        return proof


PROOF_HEAD = "c2sp.org/tlog-proof@v1"


def _signature(line: str) -> Signature:
    name, gap, encoded = line.removeprefix(_SIGNATURE_START).partition(" ")
    if not line.startswith(_SIGNATURE_START) or not gap or not _is_key_name(name):
        _malformed(f"`{line[:60]}` is no signature: a dash (U+2014), a key's name and base64, one space between them")
    value = _from_base64(encoded, "a signature")
    if len(value) <= KEY_ID_BYTES:
        _malformed(f"a signature has more than the {KEY_ID_BYTES} bytes of its key's id")
    return Signature(name, value[:KEY_ID_BYTES], value[KEY_ID_BYTES:])


def _is_key_name(name: str) -> bool:
    return name != "" and "+" not in name and not _CONTROL.search(name) and not any(map(str.isspace, name))


def _check_characters(text: str) -> None:
    if len(text) > MAX_NOTE_BYTES:
        _malformed(f"a note has at most {MAX_NOTE_BYTES:,} characters")
    if found := _CONTROL.search(text):
        _malformed(f"the control character U+{ord(found.group()):04X} stands in a note")
    try:
        text.encode()
    except UnicodeEncodeError:
        _malformed("half of a surrogate pair stands in a note")


def _base64(data: bytes) -> str:
    return b64encode(data).decode()


def _from_base64(text: str, what: str) -> bytes:
    """Bytes of their one right text: standard alphabet, padded, without bits that mean nothing."""
    try:
        data = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        data = b""
    if not data or _base64(data) != text:
        _malformed(f"{what} is not base64 as RFC 4648 writes it: `{text[:60]}`")
    return data


def _malformed(message: str) -> NoReturn:
    raise InvalidError(Problem("audit.note", message))

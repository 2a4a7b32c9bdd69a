"""Check an export of a Bylaw audit log. This one file is all that is needed: Python 3.9 or newer, nothing else.

    python verify_audit.py FILE [--key FILE | --fingerprint HEX] [--since FILE] [--json]

It reads the file from its first line to its last and names the first entry that is not the one that was logged. It
shares no code with the program that wrote the file: the hashing is that of RFC 6962, the signatures that of RFC 8032,
the texts that of RFC 8785 and of C2SP's signed-note and tlog-checkpoint. `docs/audit-verification.md` describes the
file. It opens no connection and changes nothing.

Exit codes: 0 everything is as it was logged; 1 something is not; 2 the command line is wrong; 3 a file cannot be read.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

FORMAT = "bylaw-audit-export-1"
LONGEST_LINE = 20_000_000
LARGEST_NUMBER = 2**53 - 1


class Wrong(Exception):  # noqa: N818  # not an error of this program
    """The first thing that is wrong: a code, a sentence, the line of the file and the entry's number."""

    def __init__(self, code: str, message: str, line: int, number: int | None = None) -> None:
        """Keep all four."""
        super().__init__(message)
        self.code, self.message, self.line, self.number = code, message, line, number


# -- Ed25519 (RFC 8032, section 5.1), checking only, with points as (X, Y, Z, T)

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]


def point_add(a: Point, b: Point) -> Point:
    """The sum of two points."""
    one = (a[1] - a[0]) * (b[1] - b[0]) % P
    two = (a[1] + a[0]) * (b[1] + b[0]) % P
    three = 2 * a[3] * b[3] * D % P
    four = 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def point_times(factor: int, point: Point) -> Point:
    """The point added to itself so many times."""
    total: Point = (0, 1, 1, 0)
    while factor:
        if factor & 1:
            total = point_add(total, point)
        point = point_add(point, point)
        factor >>= 1
    return total


def recover_x(y: int, sign: int) -> int | None:
    """The x of the curve's point with this y; None if there is none."""
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    if square == 0:
        return None if sign else 0
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P:
        return None
    return P - x if x & 1 != sign else x


def point_of(data: bytes) -> Point | None:
    """The point that 32 bytes stand for."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    x = recover_x(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


def bytes_of(point: Point) -> bytes:
    """The 32 bytes that stand for a point."""
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | ((x & 1) << 255)).to_bytes(32, "little")


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = point_of(BASE_Y.to_bytes(32, "little"))


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's over the message."""
    key = point_of(public)
    if len(signature) != 64 or key is None or BASE is None:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % ORDER
    negative = (P - key[0], key[1], key[2], P - key[3])
    return bytes_of(point_add(point_times(scalar, BASE), point_times(challenge, negative))) == signature[:32]


# -- Merkle trees (RFC 6962, section 2.1), straight from the definitions there


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """The largest power of two that is smaller than the size: how many leaves are on the left."""
    return 1 << ((size - 1).bit_length() - 1)


def root_from(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes | None:
    """The root that a leaf and its audit path lead to; None if the path has another length than it must have."""
    sides = []
    while size > 1:
        left = split(size)
        sides.append(index < left)
        index, size = (index, left) if index < left else (index - left, size - left)
    if len(sides) != len(path):
        return None
    for on_the_left, sibling in zip(reversed(sides), path):  # noqa: B905  # Python 3.9 has no `strict`
        leaf = node_hash(leaf, sibling) if on_the_left else node_hash(sibling, leaf)
    return leaf


def roots_from(old: int, size: int, old_root: bytes, path: list[bytes]) -> tuple[bytes, bytes] | None:
    """The old and the new root that a consistency proof leads to; None if it has another length than it must have."""
    left_over = list(path)

    def both(old: int, size: int, whole: bool) -> tuple[bytes, bytes]:  # noqa: FBT001  # the definition's own third argument
        if old == size:
            known = old_root if whole else left_over.pop()
            return known, known
        left, sibling = split(size), left_over.pop()
        if old <= left:
            before, after = both(old, left, whole)
            return before, node_hash(after, sibling)
        before, after = both(old - left, size - left, False)  # noqa: FBT003  # the same
        return node_hash(sibling, before), node_hash(sibling, after)

    try:
        found = both(old, size, True)  # noqa: FBT003  # the same
    except IndexError:
        return None
    return None if left_over else found


def root_of_parts(parts: list[tuple[int, bytes]]) -> bytes:
    """The root of a tree given as its perfect subtrees, the largest first."""
    root = parts[-1][1]
    for _, part in reversed(parts[:-1]):
        root = node_hash(part, root)
    return root


# -- canonical JSON (RFC 8785)


def ordered(value: Any) -> Any:
    """The value with the members of its objects in the standard's order: by UTF-16 units."""
    if isinstance(value, dict):
        return {name: ordered(value[name]) for name in sorted(value, key=lambda name: name.encode("utf-16-be"))}
    if isinstance(value, list):
        return [ordered(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > LARGEST_NUMBER:
        raise ValueError("a number that not every reader keeps")
    return value


def canonical(value: Any) -> bytes:
    """The one right text of a value without fractions."""
    return json.dumps(ordered(value), ensure_ascii=False, separators=(",", ":")).encode()


def refuse(text: str) -> NoReturn:
    """Refuse a number with a fraction, `NaN` and infinity: an export has none."""
    raise ValueError(text)


def object_of(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None if the line is anything but its canonical JSON."""
    if len(line) > LONGEST_LINE:
        return None
    try:
        value = json.loads(line.decode("utf-8"), parse_float=refuse, parse_constant=refuse)
        return value if isinstance(value, dict) and canonical(value) == line else None
    except (ValueError, RecursionError):
        return None


def is_count(value: Any) -> bool:
    """Whether it is a whole number from 0 on."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def from_hex(text: Any, size: int) -> bytes | None:
    """So many bytes of their lower-case hexadecimal text."""
    if isinstance(text, str) and len(text) == 2 * size and re.fullmatch("[0-9a-f]*", text):
        return bytes.fromhex(text)
    return None


def from_base64(text: str) -> bytes:
    """Bytes of their one right text in base64. Raises `ValueError`."""
    data = base64.b64decode(text.encode("ascii"), validate=True)
    if not data or base64.b64encode(data).decode() != text:
        raise ValueError(f"not base64: {text[:60]}")
    return data


# -- signed notes and checkpoints (C2SP)


class Key:
    """A log's public key: `name+key id+base64`."""

    def __init__(self, text: str) -> None:
        """Read the text. Raises `ValueError`."""
        name, identity, encoded = text.split("+", 2)
        data = from_base64(encoded)
        self.text, self.name, self.value = text, name, data[1:]
        self.id = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
        self.fingerprint = hashlib.sha256(self.value).hexdigest()
        if not is_key_name(name) or data[0] != 1 or len(data) != 33 or self.id.hex() != identity:
            raise ValueError("not an Ed25519 key")


def is_key_name(name: str) -> bool:
    """Whether a note can name a key so."""
    return name != "" and not any(letter.isspace() or letter == "+" or letter < " " for letter in name)


def split_note(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """A note's text and its signatures: key name, and key id with signature. Raises `ValueError`."""
    note.encode()
    if len(note) > 1_000_000 or any(letter < " " and letter != "\n" for letter in note):
        raise ValueError("a control character")
    at = note.rindex("\n\n")
    lines = note[at + 2 :].split("\n")
    if lines.pop() != "" or not 1 <= len(lines) <= 100:
        raise ValueError("no signatures")
    signatures = []
    for line in lines:
        dash, name, encoded = line.split(" ", 2)
        data = from_base64(encoded)
        if dash != "\u2014" or not is_key_name(name) or len(data) < 5:
            raise ValueError("no signature")
        signatures.append((name, data))
    return note[: at + 1], signatures


def checkpoint_of(text: str) -> tuple[str, int, bytes]:
    """A checkpoint's log, size and root. Raises `ValueError`."""
    lines = text.split("\n")
    if lines.pop() != "" or len(lines) < 3 or "" in lines or not re.fullmatch("0|[1-9][0-9]{0,17}", lines[1], re.ASCII):
        raise ValueError("no checkpoint")
    root = from_base64(lines[2])
    if len(root) != 32:
        raise ValueError("no root")
    return lines[0], int(lines[1]), root


# -- the file


class Export:
    """One reading of an export."""

    def __init__(self, file: BinaryIO, key: str | None, fingerprint: str | None, since: str | None) -> None:
        """Read nothing yet."""
        self.file, self.trusted_key, self.trusted_fingerprint, self.kept_note = file, key, fingerprint, since
        self.kept: tuple[int, bytes] | None = None
        self.line = 0
        self.sum_before, self.sum_of_beginning, self.pending = hashlib.sha256(), "", b""
        self.head: dict[str, Any] = {}
        self.key: Key | None = None
        self.size, self.root = 0, b""
        self.whole = self.in_entries = False
        self.last, self.last_leaf, self.path, self.count = 0, b"", list[bytes](), 0
        self.parts: list[tuple[int, bytes]] = []
        self.roots: dict[int, bytes] = {}

    def check(self) -> None:
        """Read everything. Raises `Wrong` with the first thing that is wrong."""
        self.read_beginning()
        self.read_entries()

    def read_beginning(self) -> None:
        """The lines before the first entry."""
        self.read_head()
        self.read_checkpoint()
        self.read_older_checkpoints()
        if self.kept_note is not None:
            self.kept = self.open_checkpoint(self.kept_note, 0, "the older checkpoint that was kept")
        self.in_entries = True

    def read_entries(self) -> None:
        """All entries that are left, and the end."""
        value, data = self.next_object()
        while "end" not in value:
            self.read_entry(value, data)
            value, data = self.next_object()
        self.read_end(value)
        if self.kept is not None:
            self.check_history(*self.kept)

    def read_head(self) -> None:
        """The first line."""
        head, _ = self.next_object()
        texts = ("format", "key", "made_at", "made_for", "organisation_id", "scope")
        counts = ("entries", "older_checkpoints", "size")
        if set(head) != {*texts, *counts, "from", "to"} or head["format"] != FORMAT:
            self.fail("audit.file_unreadable", f"the first line is not the head of a file `{FORMAT}`")
        right = (
            all(isinstance(head[name], str) for name in texts)
            and all(is_count(head[name]) for name in counts)
            and all(head[name] is None or isinstance(head[name], str) for name in ("from", "to"))
        )
        if not right:
            self.fail("audit.file_unreadable", "the head holds a value of the wrong kind")
        self.head, self.whole = head, head["entries"] == head["size"]
        try:
            self.key = Key(head["key"])
        except ValueError:
            self.fail("audit.file_unreadable", "the key cannot be read")
        wrong_key = self.trusted_key is not None and self.trusted_key != self.key.text
        if wrong_key or self.trusted_fingerprint not in (None, self.key.fingerprint):
            message = (
                f"the file is signed by the key with the fingerprint {self.key.fingerprint}, not by the trusted one"
            )
            self.fail("audit.key_unknown", message)

    def read_checkpoint(self) -> None:
        """The second line."""
        value, _ = self.next_object()
        if set(value) != {"checkpoint"} or not isinstance(value["checkpoint"], str):
            self.fail("audit.file_unreadable", "the second line is not a checkpoint")
        self.size, self.root = self.open_checkpoint(value["checkpoint"], self.line, "the checkpoint")
        if self.size != self.head["size"]:
            message = f"the head says that the log has {self.head['size']} entries, the checkpoint {self.size}"
            self.fail("audit.file_changed", message, line=1)
        self.roots[self.size] = self.root

    def read_older_checkpoints(self) -> None:
        """The lines with the checkpoints that were given out before."""
        before = 0
        for _ in range(self.head["older_checkpoints"]):
            value, _data = self.next_object()
            if set(value) != {"checkpoint", "consistency"} or not isinstance(value["checkpoint"], str):
                self.fail("audit.file_unreadable", "the line is not an older checkpoint")
            path = self.hashes(value["consistency"])
            size, root = self.open_checkpoint(value["checkpoint"], self.line, "the older checkpoint")
            if not before < size < self.size:
                self.fail("audit.file_unreadable", "the older checkpoints do not come by size")
            if roots_from(size, self.size, root, path) != (root, self.root):
                message = f"the log does not begin with the {size} entries of the older checkpoint"
                self.fail("audit.history_changed", message)
            self.roots[size] = root
            before = size

    def read_entry(self, leaf: dict[str, Any], data: bytes) -> None:
        """Two lines: the leaf, which has been read, and its proof."""
        if not self.count:
            self.sum_of_beginning = self.sum_before.hexdigest()
        line, number = self.line, leaf.get("sequence")
        if not is_count(number):
            self.fail("audit.file_unreadable", "the line is no entry", number=self.guess())
        assert isinstance(number, int)
        proof, _ = self.next_object(number)
        if set(proof) - {"opened"} != {"above", "after", "number", "proof"}:
            self.fail("audit.file_unreadable", f"the line is not the proof of entry {number}", number=number)
        own = self.hashes(proof["proof"], number)
        above, after, claimed = proof["above"], proof["after"], proof["number"]
        if not (is_count(above) and is_count(after) and is_count(claimed)):
            self.fail("audit.file_unreadable", f"the line is not the proof of entry {number}", number=number)
        digest = leaf_hash(data)
        path = own + self.path[len(self.path) - above :] if 0 < above <= len(self.path) else own
        inside = 1 <= number <= self.size
        true = inside and root_from(digest, number - 1, self.size, path) == self.root
        if claimed != number or after >= number or (self.whole and after != number - 1):
            message = f"an entry that says to be number {number} has a proof for number {claimed} after {after}"
            self.fail("audit.entry_changed", message, line, number if true else claimed)
        self.check_place(number, after, line)
        if not true or above > len(self.path):
            message = f"entry {number} is not the one that was logged: it or its proof was changed"
            self.fail("audit.entry_changed", message, line, number)
        self.check_opened(leaf.get("personal"), proof, number)
        if self.last == number - 1 and leaf.get("previous", "") != self.last_leaf.hex():
            self.fail(
                "audit.chain_broken", f"entry {number} was logged after another entry than {self.last}", line, number
            )
        if self.last == number - 1 == self.count:
            self.add_to_parts(digest)
            if self.kept is not None and self.kept[0] == number:
                self.roots[number] = root_of_parts(self.parts)
        self.last, self.last_leaf, self.path = number, digest, path
        self.count += 1

    def add_to_parts(self, digest: bytes) -> None:
        """One more leaf at the right edge of the tree of the entries read so far, if none was left out."""
        width = 1
        while self.parts and self.parts[-1][0] == width:
            digest = node_hash(self.parts.pop()[1], digest)
            width *= 2
        self.parts.append((width, digest))

    def check_place(self, number: int, after: int, line: int) -> None:
        """That every entry stands where it must."""
        if after == self.last:
            return
        if number <= self.last:
            message = f"entry {number} stands after entry {self.last}: it was moved or put in a second time"
            self.fail("audit.entry_misplaced", message, line, number)
        if self.whole:
            message = f"entry {self.last + 1} is missing: entry {number} follows entry {self.last}"
            self.fail("audit.entry_missing", message, line, self.last + 1)
        message = f"an entry is missing before entry {number}, which follows entry {after}, not {self.last}"
        self.fail("audit.entry_missing", message, line, number)

    def check_opened(self, committed: Any, proof: dict[str, Any], number: int) -> None:
        """That personal values are those that the leaf commits itself to."""
        if "opened" not in proof:
            return
        opened = proof["opened"]
        if not isinstance(opened, dict) or not opened or not isinstance(committed, dict):
            self.fail("audit.file_unreadable", f"the personal values of entry {number} cannot be read", number=number)
        for place, one in opened.items():
            known = committed.get(place)
            if not isinstance(known, dict) or not isinstance(one, dict) or set(one) != {"salt", "value"}:
                self.fail("audit.personal_changed", f"entry {number} has no personal value at `{place}`", number=number)
            salt = from_hex(one["salt"], 32)
            if salt is None or hashlib.sha256(salt + canonical(one["value"])).hexdigest() != known.get("commitment"):
                message = f"the personal value at `{place}` of entry {number} is not the one that was logged"
                self.fail("audit.personal_changed", message, number=number)

    def read_end(self, value: dict[str, Any]) -> None:
        """The last line."""
        line, everything = self.line, self.sum_before.hexdigest()
        beginning = self.sum_of_beginning if self.count else everything
        if set(value) != {"end"} or not isinstance(value["end"], str):
            self.fail("audit.file_unreadable", "the line is not the end of the file")
        assert self.key is not None
        said = self.open_note(value["end"], line, "the end of the file").split("\n")
        if len(said) != 5 or said[:2] != [FORMAT, self.key.name] or said[4] != "":
            self.fail("audit.file_unreadable", "the line is not the end of such a file")
        if said[2] != beginning:
            self.fail("audit.file_changed", "the lines before the first entry were changed", line=1)
        if self.count != self.head["entries"]:
            message = f"the file holds {self.count} entries, not the {self.head['entries']} that its head announces"
            self.fail("audit.entry_missing", message, number=self.expected())
        if said[3] != everything:
            self.fail("audit.file_changed", "the file was changed after it was made")
        if self.file.read(1):
            self.fail("audit.file_changed", "something stands after the end of the file", line=line + 1)

    def check_history(self, size: int, root: bytes) -> None:
        """That the log begins with the checkpoint that was kept."""
        if size > self.size:
            message = f"the log had {size} entries at the older checkpoint and has {self.size} now"
            self.fail("audit.history_changed", message, line=0)
        if size not in self.roots:
            message = f"the file holds no proof from the older checkpoint, which has {size} entries"
            self.fail("audit.no_proof", message, line=0)
        if self.roots[size] != root:
            message = f"an entry up to number {size} was changed after the older checkpoint was signed"
            self.fail("audit.history_changed", message, line=0)

    def next_object(self, number: int | None = None) -> tuple[dict[str, Any], bytes]:
        """The next line's object and its bytes; `sum_before` is then over all lines before."""
        self.sum_before.update(self.pending)
        self.pending = data = self.file.readline(LONGEST_LINE + 2)
        self.line += 1
        number = self.expected() if number is None else number
        if not data.endswith(b"\n"):
            after = f"after entry {self.last}" if self.last else "before the first entry"
            self.fail("audit.file_cut", f"the file ends {after}, without its end", number=number)
        value = object_of(data[:-1])
        if value is None:
            if number is None and self.in_entries:
                number = self.guess()
            self.fail("audit.file_unreadable", "the line is not canonical JSON (RFC 8785) of an object", number=number)
        return value, data[:-1]

    def expected(self) -> int | None:
        """The next entry's number, where it is known beforehand."""
        return self.last + 1 if self.whole and self.in_entries and self.last < self.head["size"] else None

    def guess(self) -> int | None:
        """The number of an entry whose own line cannot be read: that of its proof, if that can."""
        if (expected := self.expected()) is not None:
            return expected
        value = object_of(self.file.readline(LONGEST_LINE + 2).rstrip(b"\n"))
        number = value.get("number") if value else None
        return number if isinstance(number, int) and is_count(number) else None

    def hashes(self, value: Any, number: int | None = None) -> list[bytes]:
        """A proof's hashes."""
        found = [from_hex(item, 32) for item in value] if isinstance(value, list) else [None]
        hashes = [item for item in found if item is not None]
        if len(hashes) != len(found):
            self.fail("audit.file_unreadable", "a proof is not a list of hashes", number=number)
        return hashes

    def open_note(self, note: str, line: int, what: str) -> str:
        """The text of a note that the file's key has signed."""
        assert self.key is not None
        try:
            text, signatures = split_note(note)
        except ValueError:
            self.fail("audit.file_unreadable", f"{what} cannot be read", line=line)
        own = [data[4:] for name, data in signatures if (name, data[:4]) == (self.key.name, self.key.id)]
        if not own or not all(is_signed(self.key.value, text.encode(), one) for one in own):
            self.fail("audit.signature", f"{what} is not signed by the log", line=line)
        return text

    def open_checkpoint(self, note: str, line: int, what: str) -> tuple[int, bytes]:
        """Size and root of a checkpoint that the file's key has signed for its log."""
        assert self.key is not None
        text = self.open_note(note, line, what)
        try:
            origin, size, root = checkpoint_of(text)
        except ValueError:
            self.fail("audit.file_unreadable", f"{what} cannot be read", line=line)
        if origin != self.key.name:
            self.fail("audit.signature", f"{what} is of the log `{origin[:60]}`, not of this one", line=line)
        return size, root

    def fail(self, code: str, message: str, line: int | None = None, number: int | None = None) -> NoReturn:
        """End with what is wrong."""
        raise Wrong(code, message, self.line if line is None else line, number)


def verdict_on(
    file: BinaryIO, key: str | None = None, fingerprint: str | None = None, since: str | None = None
) -> dict[str, Any]:
    """What an export was found to be, as `--json` prints it."""
    export = Export(file, key, fingerprint, since)
    problem: dict[str, str] | None = None
    line, number = None, None
    try:
        export.check()
    except Wrong as wrong:
        problem = {"code": wrong.code, "message": wrong.message}
        line, number = wrong.line or None, wrong.number
    return {
        "good": problem is None,
        "problem": problem,
        "line": line,
        "number": number,
        "entries": export.count,
        "size": export.size if export.root else None,
        "root": export.root.hex() or None,
        "fingerprint": export.key.fingerprint if export.key else None,
        "trusted_key": key is not None or fingerprint is not None,
        "scope": export.head.get("scope"),
        "from": export.head.get("from"),
        "to": export.head.get("to"),
    }


def sentences(verdict: dict[str, Any]) -> list[str]:
    """The verdict for people."""
    if not verdict["good"]:
        where = [f"entry {verdict['number']}"] if verdict["number"] is not None else []
        where += [f"line {verdict['line']}"] if verdict["line"] else []
        place = f" ({', '.join(where)})" if where else ""
        return [
            f"NOT GOOD{place}: {verdict['problem']['message']} [{verdict['problem']['code']}]",
            f"{verdict['entries']} entries before it are as they were logged",
        ]
    lines = [
        f"good: {verdict['entries']} entries are as they were logged, in scope {verdict['scope']}",
        f"the log has {verdict['size']} entries and the root {verdict['root']}",
        f"signed by the key with the fingerprint {verdict['fingerprint']}",
    ]
    if not verdict["trusted_key"]:
        lines.append("compare the fingerprint with one that came to you by another way, or give it: --fingerprint")
    return lines


def main(arguments: list[str]) -> int:
    """Read the command line, the files, and answer."""
    parser = argparse.ArgumentParser(description="Check an export of a Bylaw audit log.")
    parser.add_argument("file", help="the export; `-` is standard input")
    parser.add_argument("--key", metavar="FILE", help="a file with the log's public key that you trust")
    parser.add_argument("--fingerprint", metavar="HEX", help="the SHA-256 of that key, in hexadecimal")
    parser.add_argument("--since", metavar="FILE", help="an older checkpoint that you have kept")
    parser.add_argument("--json", action="store_true", help="the verdict as JSON")
    given = parser.parse_args(arguments)
    try:
        key = Path(given.key).read_text("utf-8").strip() if given.key else None
        since = Path(given.since).read_bytes().decode("utf-8") if given.since else None
        fingerprint = given.fingerprint.lower() if given.fingerprint else None
        if given.file == "-":
            verdict = verdict_on(sys.stdin.buffer, key, fingerprint, since)
        else:
            with Path(given.file).open("rb") as file:
                verdict = verdict_on(file, key, fingerprint, since)
    except (OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"a file cannot be read: {error}\n")
        return 3
    text = json.dumps(verdict, sort_keys=True) if given.json else "\n".join(sentences(verdict))
    sys.stdout.write(text.encode("ascii", "backslashreplace").decode() + "\n")
    return 0 if verdict["good"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

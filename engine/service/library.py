"""Compiled rule sets, kept by the digest of their bytes: one library for each process, passed in the ports."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from engine.ports import Store
    from engine.rulefile import FactSchema, RuleSet, SchemaSource
    from engine.rulefile.kind import Kind
    from engine.service.published import Published

CAPACITY = 512
"""Compiled rule sets kept; the least recently used one leaves first."""


class Library:
    """A cache without state of its own: the same text is always the same rule set. Safe for threads."""

    def __init__(self, schemas: SchemaSource, kinds: Sequence[Kind]) -> None:
        """`schemas` are the texts of `schemas/`; `kinds` is `engine.kinds.KINDS`."""
        self.schemas = schemas
        self.kinds = tuple(kinds)
        self._compiled: OrderedDict[tuple[str, str], RuleSet] = OrderedDict()
        self._published: dict[str, tuple[Store, Published]] = {}
        self._lock = Lock()

    def rule_set(self, digest: str, text: str | bytes, source: str) -> RuleSet:
        """The compiled rule set. Raises `InvalidError` with all problems if the text is not a right rule file."""
        key = (digest, source)  # the source too: a file's path must agree with what it says
        with self._lock:
            found = self._compiled.get(key)
            if found is not None:
                self._compiled.move_to_end(key)
                return found
        compiled = self.load(text, source)
        with self._lock:
            self._compiled[key] = compiled
            while len(self._compiled) > CAPACITY:
                self._compiled.popitem(last=False)
        return compiled

    def apart(self) -> Library:
        """A library that has compiled the same, and neither knows nor remembers what is published.

        For what reads and writes records that nobody else may see.
        """
        found = Library(self.schemas, self.kinds)
        with self._lock:
            found._compiled.update(self._compiled)  # one of the same class
        return found

    def load(self, text: str | bytes, source: str, beside: Mapping[str, bytes] | None = None) -> RuleSet:
        """The same without the cache: for texts that are being edited.

        `beside` are the CSV files in the rule file's folder, by name; see `engine.rulefile.beside`.
        """
        from engine.rulefile import load  # noqa: PLC0415  # loads jsonschema, which not every use case needs

        return load(
            text.encode() if isinstance(text, str) else text,
            source=source,
            schemas=self.schemas,
            kinds=self.kinds,
            beside=beside,
        )

    def facts(self, name: str) -> FactSchema:
        """The fact schema `lead/2`. Raises `InvalidError` (`facts.unknown_schema`) if there is none."""
        return self.schemas.facts(name)

    def published(self, organisation_id: str, store: Store, count: int) -> Published | None:
        """The published versions remembered for an organisation, if there are still `count` of them in the same store.

        Versions are only ever added, so their number says whether the list is complete.
        """
        known = self._published.get(organisation_id)
        return known[1] if known is not None and known[0] is store and len(known[1].records) == count else None

    def remember_published(self, organisation_id: str, store: Store, published: Published) -> None:
        """Keep a complete list of an organisation's published versions."""
        self._published[organisation_id] = (store, published)


def digest_of_text(data: bytes) -> str:
    """SHA-256 of a rule file's bytes, in hexadecimal."""
    return sha256(data).hexdigest()

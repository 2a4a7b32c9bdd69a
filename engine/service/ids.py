"""Ids that follow from what a record is about, so that doing the same work twice finds the same record."""

from __future__ import annotations

from hashlib import sha256


def derived_id(prefix: str, *parts: str) -> str:
    """`prefix-` and 20 hexadecimal digits of the SHA-256 of the parts, which are kept apart by an unused character."""
    return f"{prefix}-{sha256(chr(31).join(parts).encode()).hexdigest()[:20]}"

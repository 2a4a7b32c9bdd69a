"""The known name nearest to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None where none is near enough to be meant."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(name.lower()[:100], list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean `x`?` to put behind a sentence, or nothing."""
    found = nearest(name, known)
    return f"; did you mean `{found}`?" if found is not None else ""

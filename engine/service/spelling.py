"""What somebody may have meant by a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable

from engine.feel.suggest import closest


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help sentence such as "did you mean `score`?", or an empty text when nothing is near."""
    near = closest(word, known)
    return f"did you mean `{near}`?" if near is not None else ""

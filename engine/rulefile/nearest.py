"""Asking back for a misspelt name, in one wording everywhere."""

from __future__ import annotations

from collections.abc import Iterable

from engine.feel.suggest import closest


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`; did you mean `x`?` to put behind a sentence, or nothing where no known name is near enough to be meant."""
    found = closest(name, known)
    return f"; did you mean `{found}`?" if found is not None else ""

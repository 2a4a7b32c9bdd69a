"""What somebody may have meant by a misspelt name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A help sentence such as "did you mean `score`?", or an empty text when nothing is near."""
    choices = sorted(set(known))
    near = get_close_matches(word, choices, n=1, cutoff=0.6)
    if not near:
        folded = {choice.casefold().replace(" ", "").replace("_", ""): choice for choice in choices}
        same = folded.get(word.casefold().replace(" ", "").replace("_", ""))
        near = [same] if same is not None else []
    return f"did you mean `{near[0]}`?" if near else ""

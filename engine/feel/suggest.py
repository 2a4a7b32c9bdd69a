"""The name somebody most likely meant."""

from __future__ import annotations

from collections.abc import Iterable

_MAX_LENGTH = 80


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to `name` by edits (a swap of neighbours counts as one), or None when none is near.

    Near means at most a third of the letters wrong, never all of them; case and `_`, `-`, space differences are free.
    """
    best: tuple[int, str] | None = None
    wanted = _plain(name)
    for candidate in candidates:
        plain = _plain(candidate)
        limit = max(1, max(len(wanted), len(plain)) // 3)
        if abs(len(plain) - len(wanted)) > limit or len(name) > _MAX_LENGTH:
            continue
        found = _distance(wanted, plain)
        if found <= limit and found < len(wanted) and (best is None or (found, candidate) < best):
            best = (found, candidate)
    return best[1] if best else None


def _plain(name: str) -> str:
    return name.lower().replace("_", "").replace("-", "").replace(" ", "")


def _distance(left: str, right: str) -> int:
    """Optimal string alignment distance."""
    before: list[int] = []
    previous = list(range(len(right) + 1))
    for i, a in enumerate(left, 1):
        current = [i]
        for j, b in enumerate(right, 1):
            cost = min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a != b))
            if i > 1 and j > 1 and a == right[j - 2] and left[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            current.append(cost)
        before, previous = previous, current
    return previous[-1]

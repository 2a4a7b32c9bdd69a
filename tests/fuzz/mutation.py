"""Changing a text by its tokens: what a hand does when it edits, and what a fuzzer of bytes hardly ever hits."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

MAX_TOKENS = 3_000
_PAIRS = (("(", ")"), ("[", "]"), ("{a: ", "}"), ("not(", ")"), ("if p then ", " else a"), ('"', '"'), ("-", ""))


def mutate(data: bytes, token: re.Pattern[str], pieces: Sequence[str], max_bytes: int, seed: int) -> bytes:
    """The text with one to four tokens dropped, doubled, swapped, replaced, moved, wrapped or repeated many times."""
    chance = random.Random(seed)
    tokens = token.findall(data.decode("utf-8", "replace"))[:MAX_TOKENS] or [""]
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(tokens))
        end = min(len(tokens), at + chance.choice((1, 1, 1, 2, 3, 8)))
        match chance.randrange(9):
            case 0:
                del tokens[at:end]
                tokens = tokens or [""]
            case 1:
                tokens[at:at] = tokens[at:end]
            case 2:
                other = chance.randrange(len(tokens))
                tokens[at], tokens[other] = tokens[other], tokens[at]
            case 3 | 4:
                tokens[at] = chance.choice(pieces)
            case 5 | 6:
                tokens.insert(at, chance.choice((" ", "")) + chance.choice(pieces))
            case 7:
                opening, closing = chance.choice(_PAIRS)
                times = chance.choice((1, 1, 2, 40, 120))
                tokens[at:end] = [opening * times, *tokens[at:end], closing * times]
            case 8:
                tokens[at:end] = tokens[at:end] * chance.choice((2, 3, 50))
    return "".join(tokens).encode("utf-8", "replace")[:max_bytes]

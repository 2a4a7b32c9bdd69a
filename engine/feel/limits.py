"""Every limit of the language in one place. All are tested; none can be switched off in rule files."""

from __future__ import annotations

from typing import Final

MAX_SOURCE_CHARACTERS: Final = 65_536
"""Longest expression text, in characters."""

MAX_DEPTH: Final = 100
"""Deepest nesting of an expression: brackets, operators under operators, functions in functions."""

MAX_GENERATED_DEPTH: Final = 30
"""Above this depth an expression runs through the interpreter, since Python bounds the nesting of its own source."""

NUMBER_DIGITS: Final = 34
"""Significant digits of a number (IEEE 754 decimal128, as DMN asks)."""

MAX_EXPONENT: Final = 6_144
"""Largest adjusted exponent of a number."""

MIN_EXPONENT: Final = -6_143
"""Smallest adjusted exponent of a normal number."""

MAX_STEPS: Final = 1_000_000
"""Loop iterations (`for`, `some`, `every`, filters) one evaluation may take."""

MAX_CALLS: Final = 50
"""Functions called within each other in rule files. Python's own stack bounds the interpreter not far above."""

MAX_STANDARD_CALLS: Final = 200
"""Functions, decisions and knowledge models called within each other in `.dmn` files."""

STEPS_OF_A_CALL: Final = 8
"""Steps that calling a function takes: about as much work as so many items of a list."""

MAX_LIST_ITEMS: Final = 100_000
"""Longest list an expression may build."""

MAX_DIFFERENT_VALUES: Final = 2_000
"""Different values, neither texts nor numbers, that `distinct values` compares each with each."""

MAX_TEXT_CHARACTERS: Final = 1_000_000
"""Longest text an expression may build."""

MAX_PATTERN_CHARACTERS: Final = 1_000
"""Longest regular expression."""

MAX_PROBLEMS: Final = 50
"""Problems reported for one expression; what comes after the fiftieth is noise."""

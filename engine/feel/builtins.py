"""The built-in functions of rule files: the one table over Python's own dates and linear-time patterns."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.feel import patterns
from engine.feel.functions.signature import Builtin
from engine.feel.functions.table import table
from engine.feel.functions.texts import Patterns
from engine.feel.operations import STRICT
from engine.feel.parser import Names

BUILTINS: Final[tuple[Builtin, ...]] = table(STRICT, Patterns(patterns.matches, patterns.replace, patterns.split))
BY_NAME: Final[Mapping[str, Builtin]] = MappingProxyType({builtin.name: builtin for builtin in BUILTINS})
FUNCTION_NAMES: Final = Names(BY_NAME)
"""The names of several words, for the parser."""

assert len(BY_NAME) == len(BUILTINS), "two built-ins share a name"  # a slip in the table

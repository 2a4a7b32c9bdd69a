"""FEEL as the DMN standard runs it: names resolved where they stand, every error null, and a note of what went wrong.

The same lexer, parser and syntax tree as the strict language of rule files, whose types are known when a file is loaded;
here everything is known only when it runs.
"""

from engine.feel.standard.evaluation import Compiled, compile_expression, compile_unary_tests
from engine.feel.standard.session import Environment, Note, Session

__all__ = ["Compiled", "Environment", "Note", "Session", "compile_expression", "compile_unary_tests"]

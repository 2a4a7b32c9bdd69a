"""FEEL as the DMN standard runs it: names resolved where they stand, every error null, and a note of what went wrong.

The lexer, parser and syntax tree are those of the strict language of rule files. There types are known when a file is
loaded; here they are known when it runs.
"""

from engine.feel.standard.evaluation import Compiled, compile_expression, compile_unary_tests, syntax_tree
from engine.feel.standard.session import Environment, Note, Session

__all__ = ["Compiled", "Environment", "Note", "Session", "compile_expression", "compile_unary_tests", "syntax_tree"]

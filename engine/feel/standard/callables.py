"""Functions as values: defined in FEEL, built in, or given by a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from engine.feel.standard.session import Session
from engine.feel.standard.types import converted
from engine.feel.types import ANY, FunctionType, Type
from engine.feel.values import Fault


class FunctionValue(Protocol):
    """What can be invoked."""

    @property
    def type(self) -> FunctionType:
        """Its parameter and result types."""

    def positional(self, session: Session, arguments: Sequence[Any]) -> Any:
        """Call it with arguments by position. Raises `Fault`."""

    def named(self, session: Session, arguments: Mapping[str, Any]) -> Any:
        """Call it with arguments by name. Raises `Fault`."""


@dataclass(frozen=True, slots=True, eq=False)
class Defined:
    """A function with a body: `run(session, arguments)` gets every parameter by name, already converted."""

    parameters: tuple[tuple[str, Type], ...]
    run: Callable[[Session, Mapping[str, Any]], Any]
    result: Type = ANY
    name: str = "function"

    @property
    def type(self) -> FunctionType:
        """Its parameter and result types."""
        return FunctionType(tuple(type_ for _, type_ in self.parameters), self.result)

    def positional(self, session: Session, arguments: Sequence[Any]) -> Any:
        """Call it with arguments by position. Raises `Fault`."""
        if len(arguments) != len(self.parameters):
            raise Fault(
                "feel.wrong_arguments",
                f"`{self.name}` takes {len(self.parameters)} arguments, not {len(arguments)}",
            )
        return self._call(session, [*zip(self.parameters, arguments, strict=True)])

    def named(self, session: Session, arguments: Mapping[str, Any]) -> Any:
        """Call it with arguments by name. Raises `Fault`."""
        known = {name for name, _ in self.parameters}
        if known != set(arguments):
            odd = sorted(known ^ set(arguments))
            raise Fault("feel.wrong_arguments", f"`{self.name}` is called without or with unknown `{odd[0]}`")
        return self._call(session, [(parameter, arguments[parameter[0]]) for parameter in self.parameters])

    def _call(self, session: Session, pairs: Sequence[tuple[tuple[str, Type], Any]]) -> Any:
        bound = {name: converted(value, type_) for (name, type_), value in pairs}
        session.enter()
        try:
            return converted(self.run(session, bound), self.result)
        finally:
            session.leave()

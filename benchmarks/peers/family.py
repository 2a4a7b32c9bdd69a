"""What a peer's module offers: one method a workload, each giving the forms in which the peer enters it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from importlib import import_module, metadata
from typing import Any, ClassVar

from benchmarks.contest import Call, CannotError, Entrant
from benchmarks.generated import CENT, Row, Rule


class Family:
    """A peer. `package` is what is imported, `distribution` what is installed; both empty for plain Python.

    A method raises `CannotError` with the reason where the peer cannot do a workload.
    """

    name: ClassVar[str]
    package: ClassVar[str] = ""
    distribution: ClassVar[str] = ""

    @property
    def title(self) -> str:
        """The name and the installed version."""
        return f"{self.name} {metadata.version(self.distribution)}" if self.distribution else self.name

    def module(self) -> Any:
        """The peer itself, imported. Raises `CannotError` where it is not installed."""
        try:
            return import_module(self.package)
        except ImportError as error:
            raise CannotError(f"not installed ({error})") from None

    def scoring(self, rules: Sequence[Rule]) -> list[Entrant]:
        """Inputs are leads, answers the sum of points as an `int`."""
        raise NotImplementedError

    def table(self, rows: Sequence[Row]) -> list[Entrant]:
        """Inputs are leads, answers the first row's position, -1 without one."""
        raise NotImplementedError

    def commission(self) -> list[Entrant]:
        """Inputs are amounts, answers the commission rounded to the cent as a `Decimal`."""
        raise NotImplementedError

    def scoring_file(self, rules: Sequence[Rule]) -> bytes:  # noqa: ARG002  # those that have files read them
        """The rules as the engine keeps them in a file."""
        raise CannotError("no rule files: its rules are code")

    def opened(self, data: bytes) -> Call:
        """What such a file's bytes say, ready to be asked for the score of a `converted` lead."""
        raise NotImplementedError

    def converted(self, lead: Any) -> Any:
        """A lead with the types that the engine takes."""
        return lead


def to_cents(value: Any) -> Decimal:
    """A peer's unrounded number, rounded half up by us: its language cannot. A float stands for its shortest text."""
    return (value if isinstance(value, Decimal) else Decimal(repr(float(value)))).quantize(CENT, ROUND_HALF_UP)


def as_floats(lead: Any) -> dict[str, Any]:
    """A lead with binary numbers, for the peers that take no decimals."""
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in lead.items()}


def balanced_sum(terms: Sequence[str]) -> str:
    """The sum as a balanced tree of brackets: some peers limit how deep a chain of `+` may be."""
    if len(terms) == 1:
        return terms[0]
    middle = len(terms) // 2
    return f"({balanced_sum(terms[:middle])} + {balanced_sum(terms[middle:])})"


def listed(values: Sequence[str]) -> str:
    """Texts in double quotes, behind commas."""
    return ", ".join(f'"{value}"' for value in values)

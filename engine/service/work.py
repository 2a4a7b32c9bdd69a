"""What a kind of job is: how much there is to do, one chunk of it, and what came of it all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from engine.caller import Caller
from engine.ports import Ports, Transaction
from engine.records import Record

CHUNK = 200
"""Records that one transaction of a job works through."""


@dataclass(frozen=True, slots=True)
class Step:
    """The state after one chunk. `checkpoint` is all that a resumed job needs; `finished` says that nothing is left."""

    checkpoint: Mapping[str, Any]
    done: int
    finished: bool
    message: str


class Work(Protocol):
    """One attempt at one job. It is made anew when the job is taken up again, and continues from the checkpoint."""

    def total(self) -> int:
        """How many records there are to work through."""
        ...

    def step(self, caller: Caller, transaction: Transaction, checkpoint: Mapping[str, Any] | None) -> Step:
        """Work through the next chunk within the transaction: its writes and its audit entry.

        `None`: from the start.
        """
        ...

    def result(self, checkpoint: Mapping[str, Any]) -> Mapping[str, Any]:
        """The job's result once the last chunk is done, in JSON values."""
        ...


class WorkKind(Protocol):
    """Makes the work of one job. Raises `BylawError` when the job cannot be done at all.

    `asks` are the cells of the policies that it asks on behalf of whoever started it, such as `write:lead`.
    """

    @property
    def asks(self) -> tuple[str, ...]:
        """See the class."""
        ...

    def __call__(self, ports: Ports, caller: Caller, job: Record) -> Work:
        """See the class."""
        ...


def whole(value: Any) -> int:
    """A count out of a stored document, where every number is an exact decimal."""
    return int(value)


def with_whole_numbers(job: Record) -> Record:
    """The job with the counts of its result and checkpoint as whole numbers, as doors show it.

    A stored document gives every number back as a decimal. Amounts are stored as texts, so every number is a count.
    """
    return job.with_fields(**{name: _whole_numbers(job[name]) for name in ("result", "checkpoint")})


def _whole_numbers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, Mapping):
        return {name: _whole_numbers(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_whole_numbers(item) for item in value]
    return value

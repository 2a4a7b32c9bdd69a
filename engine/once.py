"""A property that is computed at the first look and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class once(Generic[Value]):  # noqa: N801  # it is used like `property`
    """`functools.cached_property` without its lock, which in Python 3.11 all objects of a class share.

    For pure functions of frozen objects with a `__dict__`: two threads that look at once compute the same twice.
    """

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> once[Value]: ...

    @overload
    def __get__(self, instance: object, owner: type) -> Value: ...

    def __get__(self, instance: object | None, owner: type) -> once[Value] | Value:
        """The value; from the second look on it is found in the object itself, and this is not called."""
        if instance is None:
            return self
        value = instance.__dict__[self.name] = self.compute(instance)
        return value

"""Choices between two columns."""

from __future__ import annotations

import numpy as np

from engine.columns.encoding import Bools
from engine.columns.operation import Operation, Stretch
from engine.columns.vectors import Mask, Truths, Wholes, as_truths, either, within


def chosen_truths(condition: Operation, yes: Operation, no: Operation, stretch: Stretch) -> Truths:
    """`if` with truth values."""
    asked = condition.truths(stretch)
    a, b = as_truths(yes.of(stretch)), as_truths(no.of(stretch))
    unsure = either(asked.unsure, within(a.unsure, asked.true), within(b.unsure, ~asked.true))
    return Truths(np.where(asked.true, a.true, b.true), _chosen(asked.true, a.null, b.null), unsure)


def chosen_wholes(condition: Operation, yes: Operation, no: Operation, stretch: Stretch) -> Wholes:
    """`if` with whole numbers at the same scale."""
    asked = condition.truths(stretch)
    a, b = yes.wholes(stretch), no.wholes(stretch)
    unsure = either(asked.unsure, within(a.unsure, asked.true), within(b.unsure, ~asked.true))
    return Wholes(np.where(asked.true, a.values, b.values), _chosen(asked.true, a.null, b.null), unsure)


def _chosen(first: Bools, a: Mask, b: Mask) -> Mask:
    return either(within(a, first), within(b, ~first))

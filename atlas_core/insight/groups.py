"""Flows in groups by a text they share: the texts with the most flows, and all others together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import Flags
from atlas_core.insight.frames import picked

OTHERS = "all others"


def top_groups(
    codes: npt.NDArray[Any], texts: Sequence[str | None], mask: Flags, at_most: int
) -> tuple[npt.NDArray[np.int32], list[str | None]]:
    """The texts that most flows have, each a group, and one group for all others.

    Returns the group of each flow (the number of groups where `mask` leaves it out), and the groups' names.
    """
    counts = np.bincount(codes[mask], minlength=len(texts))[: len(texts)]
    order = np.argsort(-counts, kind="stable")
    shown = order[:at_most][counts[order[:at_most]] > 0]
    has_others = counts.sum() > counts[shown].sum()
    group_of = np.full(len(texts) + 1, len(shown), np.int32)
    group_of[shown] = np.arange(len(shown))
    names = [*picked(texts, shown), *([OTHERS] if has_others else [])]
    group_of[len(texts)] = len(names)  # a code that has no text yet
    return np.where(mask, group_of.take(codes, mode="clip"), np.int32(len(names))), names

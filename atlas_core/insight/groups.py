"""Flows in groups by a text they share: the texts with the most flows, and all others together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import Columns, Flags, Int32
from atlas_core.insight.frames import picked

OTHERS = "all others"
FlowTrait = Literal["product", "quality", "dealer"]
_LISTS: dict[FlowTrait, str] = {"product": "products", "quality": "qualities", "dealer": "dealers"}


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups of flows by the code of one trait; without a trait all flows are one group, of no name.

    `of_code` has the place in `names` of each code, the last for a code that has no text yet; the number of
    names is the place of what is in no group.
    """

    trait: FlowTrait | None
    names: tuple[str | None, ...]
    of_code: Int32

    def of_flows(self, columns: Columns) -> Int32:
        """The group of each flow, be it selected or not."""
        if self.trait is None:
            return np.zeros(len(columns.flows), np.int32)
        codes: npt.NDArray[np.integer] = getattr(columns.flows, self.trait)
        return self.of_code.take(codes, mode="clip")


TOGETHER = Groups(None, (None,), np.empty(0, np.int32))


def top_groups(columns: Columns, trait: FlowTrait, mask: Flags, at_most: int) -> Groups:
    """The texts that most of the masked flows have, each a group, and one group for all others."""
    texts: tuple[str | None, ...] = getattr(columns.names, _LISTS[trait])
    codes: npt.NDArray[np.integer] = getattr(columns.flows, trait)
    counts = np.bincount(codes[mask], minlength=len(texts))[: len(texts)]
    order = np.argsort(-counts, kind="stable")
    shown = order[:at_most][counts[order[:at_most]] > 0]
    has_others = counts.sum() > counts[shown].sum()
    names = (*picked(texts, shown), *([OTHERS] if has_others else []))
    of_code = np.full(len(texts) + 1, len(shown), np.int32)
    of_code[shown] = np.arange(len(shown))
    of_code[len(texts)] = len(names)
    return Groups(trait, names, of_code)

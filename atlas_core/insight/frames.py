"""Frames of measures: numbers keep their type, and texts stay texts, with None where there is none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Column = npt.NDArray[Any] | Sequence[str | None]


def frame_of(**columns: Column) -> pd.DataFrame:
    """A frame of arrays, and of sequences of texts (which become columns of objects)."""
    return pd.DataFrame(
        {
            name: values if isinstance(values, np.ndarray) else pd.Series(list(values), dtype=object)
            for name, values in columns.items()
        }
    )


def picked(texts: Sequence[str | None], places: npt.NDArray[Any]) -> list[str | None]:
    """The texts at some places."""
    return [texts[place] for place in places.tolist()]

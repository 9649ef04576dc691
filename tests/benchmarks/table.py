"""One style for every ratio: what was measured, ours, what stands beside it, the figure and its goal."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass

_SIGNS = {">=": operator.ge, "<=": operator.le, "<": operator.lt}


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure has to be: `sign` is one of >=, <= and <."""

    sign: str
    value: float
    unit: str = ""

    def is_met(self, figure: float) -> bool:
        return bool(_SIGNS[self.sign](figure, self.value))

    def __str__(self) -> str:
        return f"{self.sign} {self.value:g}{self.unit}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `figure` is what the goal is about, told in the goal's unit."""

    what: str
    ours: str
    beside: str
    figure: float
    goal: Goal | None = None
    unit: str = "x"


def at_least(value: float) -> Goal:
    return Goal(">=", value, "x")


def at_most(value: float, unit: str = "x") -> Goal:
    return Goal("<=", value, unit)


def none(unit: str) -> Goal:
    return Goal("<=", 0, f" {unit}")


def below(value: float, unit: str) -> Goal:
    return Goal("<", value, unit)


def all_met(rows: Sequence[Row]) -> bool:
    """Whether every row that has a goal meets it."""
    return all(row.goal.is_met(row.figure) for row in rows if row.goal)


def show(rows: Sequence[Row], heads: tuple[str, str, str] = ("", "ours", "beside it")) -> None:
    """Prints the rows in columns, each with its goal and whether it is met."""
    cells = [(*heads, "figure", "goal", "")]
    for row in rows:
        unit = row.goal.unit if row.goal else row.unit
        verdict = "" if row.goal is None else "met" if row.goal.is_met(row.figure) else "MISSED"
        cells.append(
            (row.what, row.ours, row.beside, f"{_short(row.figure)}{unit}", str(row.goal or ""), verdict)
        )
    widths = [max(len(line[place]) for line in cells) for place in range(len(cells[0]))]
    for line in cells:
        first, *rest = (
            text.ljust(width) if place in (0, 5) else text.rjust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *rest]).rstrip())


def ms(milliseconds: float) -> str:
    """A time in words."""
    return f"{_short(milliseconds)} ms"


def size(count: float) -> str:
    """A number of bytes in words."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{count / 1e3:,.1f} kB"


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:,.3g}"

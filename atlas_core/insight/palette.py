"""The colours of figures, for light and dark; the same as those of the theme in .streamlit/config.toml.

A figure is drawn by the browser without the theme's help, so it has to be told its colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from atlas_core.insight.theme import BANDS, OUTCOMES, UNFORESEEN, Color


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one mode: `named` are those of `theme.Color`, `line` is of grids and edges."""

    ink: str
    quiet: str
    line: str
    ground: str
    main: str
    named: Mapping[Color, str]
    series: tuple[str, ...]
    shades: tuple[str, ...]

    def band(self, band: str) -> str:
        """The colour of a band of similarity."""
        return self.named[BANDS.get(band, UNFORESEEN).color]

    def outcome(self, outcome: str) -> str:
        """The colour of a flow's outcome."""
        return self.named[OUTCOMES.get(outcome, UNFORESEEN).color]

    def shade(self, share: float) -> str:
        """From the palest shade but one (0) to the deepest (1), as `#rrggbb`."""
        shades = self.shades[1:]
        place = min(max(share, 0.0), 1.0) * (len(shades) - 1)
        low = min(int(place), len(shades) - 2)
        pairs = zip(bytes.fromhex(shades[low][1:]), bytes.fromhex(shades[low + 1][1:]), strict=True)
        return "#" + bytes(round(a + (b - a) * (place - low)) for a, b in pairs).hex()

    def of_place(self, place: int) -> str:
        """The colour of the series at this place; they come again after the last."""
        return self.series[place % len(self.series)]


LIGHT = Palette(
    ink="#182428",
    quiet="#4c5b61",
    line="#d5dde0",
    ground="#ffffff",
    main="#0f5f73",
    named=MappingProxyType(
        {
            "red": "#b3261e",
            "orange": "#b25c00",
            "yellow": "#8a6d00",
            "green": "#1d7a46",
            "blue": "#1c62a8",
            "violet": "#6a47a6",
            "gray": "#5a6a70",
        }
    ),
    series=(
        "#0f5f73",
        "#c76b16",
        "#5b7f2b",
        "#8a4f9e",
        "#b3261e",
        "#2f7fc1",
        "#8a6d00",
        "#3f8f86",
        "#a3476b",
        "#5a6a70",
    ),
    shades=(
        "#eaf4f6",
        "#cfe5ea",
        "#b0d4dc",
        "#8ec1cd",
        "#6aadbc",
        "#4897a9",
        "#2b8195",
        "#176b80",
        "#0c5366",
        "#063b4a",
    ),
)
DARK = Palette(
    ink="#e4ebed",
    quiet="#b3c1c7",
    line="#33424a",
    ground="#11181b",
    main="#5fb6c9",
    named=MappingProxyType(
        {
            "red": "#f2867c",
            "orange": "#f0a35e",
            "yellow": "#e0c15a",
            "green": "#6cc794",
            "blue": "#7db4ea",
            "violet": "#b79be8",
            "gray": "#9aabb2",
        }
    ),
    series=(
        "#5fb6c9",
        "#f0a35e",
        "#a5c86f",
        "#c79ad9",
        "#f2867c",
        "#7db4ea",
        "#e0c15a",
        "#7fcfc4",
        "#e39ab8",
        "#9aabb2",
    ),
    shades=(
        "#0a2f3a",
        "#0d4150",
        "#125566",
        "#1a6a7d",
        "#278095",
        "#3a96ab",
        "#57adc0",
        "#7cc2d2",
        "#a6d7e2",
        "#d5edf2",
    ),
)

"""Which arrivals the ledger shows ⇄ its address: a copied link shows the same rows.

The address is the only truth. A widget is set from it before it is drawn and writes its change back.
"""

from __future__ import annotations

import streamlit as st

from atlas_core.books.queries import ARRIVAL_OUTCOMES, CHANNELS, After, Wanted
from atlas_core.web import operations_loaders
from atlas_core.web.arrival_words import arrival_look, channel_look
from atlas_core.web.searching import ask_for_text, searched
from atlas_core.web.selection_filters import put
from atlas_core.web.steps import number_in_address

TAB, LEDGER, DEAD_LETTERS = "tab", "Ledger", "Dead letters"
CHANNEL, BECAME, WHOSE, WHY = "channel", "became", "id", "why"
AFTER, OPEN = "after", "open"
_FILTERS = (CHANNEL, BECAME, WHOSE, WHY)


def wanted_arrivals() -> Wanted:
    """The filter in the address. A search by a personal number is told, taken out of it and not made."""
    texts = searched(WHOSE, WHY)
    whose = texts[WHOSE]
    is_flow = bool(whose) and operations_loaders.load_is_flow(whose)
    return Wanted(
        channel=_known(CHANNEL, CHANNELS),
        outcome=_known(BECAME, ARRIVAL_OUTCOMES),
        flow_uuid=whose if is_flow else "",
        application_id="" if is_flow else whose,
        reason=texts[WHY],
    )


def asked_place() -> After | None:
    """Behind which arrival the address's page begins; None for the newest."""
    parts = st.query_params.get(AFTER, "").split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):
        return None
    received_at, source, row_id = map(int, parts)
    return After(received_at, source, row_id)


def go_to_place(place: After | None) -> None:
    """Turns to the page behind an arrival."""
    put(AFTER, f"{place.received_at}.{place.source}.{place.row_id}" if place else None)


def opened_arrival() -> int | None:
    """The delivery that the address has open."""
    return number_in_address(OPEN)


def open_arrival(delivery_id: int | None) -> None:
    """Opens a delivery, or closes the open one."""
    put(OPEN, None if delivery_id is None else str(delivery_id))


def link_to_ledger(**parts: str) -> dict[str, str]:
    """The address of the ledger with these filters."""
    return {TAB: LEDGER, **parts}


def is_filtered() -> bool:
    """Whether the address narrows the ledger."""
    return any(name in st.query_params for name in _FILTERS)


def ask_for_arrivals(wanted: Wanted) -> None:
    """Draws the filters, each choice with how many rows it would leave."""
    channels, outcomes = operations_loaders.load_arrivals_per_choice(wanted)
    with st.grid(2, min_column_width=260):
        ask_for_text(
            WHOSE,
            wanted.flow_uuid or wanted.application_id,
            "Flow or application id",
            "The whole id",
            "Exactly as it is written. Also finds what came to its address and was put aside.",
            keep=_filter,
        )
        ask_for_text(
            WHY,
            wanted.reason,
            "Words of the reason",
            "Such as: JSON, another flow, 401",
            "Any part of why something was put aside, could not be read or was refused.",
            keep=_filter,
        )
    _ask_for_choice(CHANNEL, wanted.channel, "How it came", channels)
    _ask_for_choice(BECAME, wanted.outcome, "What became of it", outcomes)


def _known(name: str, known: tuple[str, ...]) -> str:
    text = st.query_params.get(name, "")
    return text if text in known else ""


def _ask_for_choice(name: str, chosen: str, label: str, counts: dict[str, int]) -> None:
    widget = f"ledger_{name}"
    st.session_state[widget] = chosen or None
    look = channel_look if name == CHANNEL else arrival_look
    options = list(counts) if not chosen or chosen in counts else [*counts, chosen]
    if not options:
        return
    st.pills(
        label,
        options,
        wrap=True,
        format_func=lambda option: f"{look(option).label} · {counts.get(option, 0):,}",
        key=widget,
        on_change=_keep_choice,
        args=(name, widget),
    )


def _keep_choice(name: str, widget: str) -> None:
    _filter(name, st.session_state[widget])


def _filter(name: str, text: str | None) -> None:
    """What another filter finds is shown from its newest on."""
    put(name, text)
    put(AFTER, None)
    put(OPEN, None)

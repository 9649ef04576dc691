"""Showing one personal value whole, to those who may, for a minute."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from atlas_core.access import Action, User
from atlas_core.books.queries import FlowDetail
from atlas_core.books.reveals import SHOWN_MS, note_reveal
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError
from atlas_core.insight.screen_masks import is_personal
from atlas_core.insight.theme import words_of_code
from atlas_core.web import loaders
from atlas_core.web.signing_in import visitor
from atlas_core.web.words import markdown_safe

_STATE = "revealed"


@dataclass(frozen=True, slots=True)
class Hidden:
    """A masked value on the screen: its key among those of its flow, and what people and the log call it."""

    key: str
    label: str


PAYLOAD, WHOLE_CASE = "payload", "case"
"""Keys of the whole payload, and of all values of a case that is judged."""


def check_key(position: object) -> str:
    """The key of both values of one cross-check."""
    return f"check {position}"


def field_key(position: object, name: str) -> str:
    """The key of one field of the document at this position."""
    return f"field {position} {name}"


def hidden_in(flow: FlowDetail) -> list[Hidden]:
    """Every masked value of a flow, in the order of its page."""
    checks = [
        Hidden(check_key(check["position"]), f"Cross-check: {words_of_code(check['name'])}")
        for check in flow.cross_checks
        if any(is_personal(check[f"{side}_field_name"]) for side in ("source", "target"))
    ]
    types = {document["position"]: document["document_type"] for document in flow.documents}
    fields = [
        Hidden(
            field_key(field["position"], field["name"]),
            f"{words_of_code(types[field['position']] or 'Document')}: {words_of_code(field['name'])}",
        )
        for field in flow.fields
        if field["shape"] not in ("null", "empty") and is_personal(field["name"])
    ]
    payload = [Hidden(PAYLOAD, "The payload, whole")] if flow.versions else []
    return [*checks, *fields, *payload]


def hides_values(flow: FlowDetail) -> bool:
    """Whether any value of a flow is masked, its payload aside."""
    return any(one.key != PAYLOAD for one in hidden_in(flow))


def is_revealed(user: User, flow: FlowDetail, key: str) -> bool:
    """Whether this person sees the value of this version whole now. Another version's is another value."""
    until: int = _shown().get((flow.flow_uuid, flow.version, key), 0)
    return user.may(Action.REVEAL) and until > now_ms()


def ask_to_reveal(user: User, flow: FlowDetail) -> None:
    """The way to see one of the masked values, where the role allows it."""
    hidden = hidden_in(flow)
    if not hidden or not user.may(Action.REVEAL):
        return
    label_of = {one.key: one.label for one in hidden}
    with (
        st.popover("Show a masked value", icon=":material/visibility:"),
        st.form(f"reveal_{flow.flow_uuid}", border=False, clear_on_submit=True),
    ):
        key = st.selectbox("Value", list(label_of), format_func=label_of.__getitem__)
        reason = st.text_input("Why it is needed (the audit log keeps it)", max_chars=200)
        if st.form_submit_button(f"Show it for {SHOWN_MS // 1000} seconds", type="primary"):
            try:
                reveal(user, flow, key, label_of[key], reason)
            except AtlasDeskError as error:
                st.error(markdown_safe(str(error)))
            else:
                st.rerun()
    if any(is_revealed(user, flow, one.key) for one in hidden):
        mask_again()


def reveal(user: User, flow: FlowDetail, key: str, label: str, reason: str) -> None:
    """Notes who sees it and why, and shows it from the next run on; raises as `note_reveal` does, and shows
    nothing then."""
    what = f"{label}, version {flow.version}" if len(flow.versions) > 1 else label
    until = note_reveal(loaders.desk(), user, flow.flow_uuid, what, reason=reason)
    st.session_state[_STATE] = {**_shown(), (flow.flow_uuid, flow.version, key): until}


@st.fragment(run_every="2s")
def mask_again() -> None:
    """Hides what was shown long enough, also where nobody touches the page, and all of it from somebody who
    may not see it any more."""
    shown, now = _shown(), now_ms()
    found = visitor(is_active=False).user
    may = found is not None and found.may(Action.REVEAL)
    left = {place: until for place, until in shown.items() if may and until > now}
    if left != shown:
        st.session_state[_STATE] = left
        st.rerun()
    st.caption(f"Shown whole for {(max(left.values(), default=now) - now) // 1000} more seconds.")


def _shown() -> dict[tuple[str, int | None, str], int]:
    """Until when each value is shown: flow, version, and the value's key."""
    shown: dict[tuple[str, int | None, str], int] = st.session_state.get(_STATE, {})
    return shown

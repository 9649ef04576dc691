"""The parts of one flow's page. What documents say is drawn as text alone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from atlas_core.access import User
from atlas_core.books.queries import FlowDetail
from atlas_core.books.reading import Record, typed_frame
from atlas_core.insight import theme
from atlas_core.insight.differences import LABEL
from atlas_core.insight.payload_masks import masked_payload
from atlas_core.insight.screen_masks import masked, masked_literal, masked_reason
from atlas_core.models import FlagKind
from atlas_core.thresholds import Thresholds
from atlas_core.web import loaders
from atlas_core.web.chart_parts import viewer_palette
from atlas_core.web.check_parts import CheckLook, show_check
from atlas_core.web.filters import VERSION
from atlas_core.web.parts import show_empty, show_id, show_look, show_scales
from atlas_core.web.reveal_parts import PAYLOAD, check_key, field_key, is_revealed
from atlas_core.web.tables import moment_column, moments, table_height
from atlas_core.web.timeline import CHANNELS, delivery_in_words, stage_times, timeline_of
from atlas_core.web.words import count_of, field_in_words, markdown_safe

SHOWN_CHARACTERS = 200_000

_OF_VERSION = (
    "version",
    "received_at",
    "confirmed",
    "documents",
    "document_errors",
    "checks",
    "min_similarity",
)


# Oddities that quote what stood in a document, or in place of a number.
_OF_DOCUMENTS = frozenset(
    {FlagKind.ITEM_UNREADABLE, FlagKind.DATE_UNUSABLE, FlagKind.VALUE_CUT, FlagKind.KEY_REPEATED}
)
_OF_NUMBERS = frozenset(
    {
        *(FlagKind.SCORE_MISSING, FlagKind.SCORE_UNUSABLE, FlagKind.SCORE_AS_TEXT, FlagKind.SCORE_SCALE),
        *(FlagKind.CONFIDENCE_UNUSABLE, FlagKind.NUMBER_TOO_LARGE, FlagKind.NOT_A_NUMBER),
    }
)


def show_versions(flow: FlowDetail) -> None:
    """Which version of the results is shown, where there are several to choose from."""
    numbers = [version["version"] for version in flow.versions]
    if len(numbers) < 2:
        return
    chosen = st.segmented_control(
        "Version of the results",
        numbers,
        default=flow.version if flow.version in numbers else None,
        format_func=lambda number: f"{number}, counts" if number == flow.newest_version else str(number),
        help="Results are never overwritten: each time Atlas says something new, a version is added.",
    )
    if chosen is not None and chosen != flow.version:
        st.query_params[VERSION] = str(chosen)
        st.rerun()
    if flow.version != flow.newest_version:
        st.info("You are reading an older version; another one counts.", icon=":material/history:")


def show_checks(user: User, flow: FlowDetail, checks: Sequence[Record], thresholds: Thresholds) -> None:
    """Each cross-check with both values, the ones that ask for a person first."""
    show_scales(thresholds)
    if not checks:
        show_empty("No cross-checks", "Atlas has compared nothing in this flow, or not yet.")
        return
    st.caption(LABEL)
    palette = viewer_palette()
    for check in checks:
        with st.container(border=True, gap="small"):
            shows_all = is_revealed(user, flow, check_key(check["position"]))
            show_check(user, check, thresholds, palette, CheckLook(shows_all=shows_all))


def show_documents(user: User, flow: FlowDetail) -> None:
    """Each document with what Atlas read in it."""
    if not flow.documents:
        show_empty("No documents", "Atlas has returned no document of this flow yet.")
        return
    st.caption(
        "Confidence runs from 0 to 1 and says how sure Atlas is of one reading. Fields found by a fixed rule "
        "often carry 0, which is not an error."
    )
    for document in flow.documents:
        fields = [field for field in flow.fields if field["position"] == document["position"]]
        with st.container(border=True, gap="small"):
            _show_document(user, flow, document, fields)


def _show_document(user: User, flow: FlowDetail, document: Record, fields: Sequence[Record]) -> None:
    kind = document["document_type"] or ""
    with st.container(horizontal=True, vertical_alignment="center"):
        name = theme.words_of_code(kind) if kind else "Type not known"
        st.markdown(f"**{markdown_safe(name)}**", width="content")
        if document["error_code"]:
            show_look(theme.error_look(document["error_code"]))
        st.text(document["document_id"] or "(no document id)")
    if document["error_reason"]:
        st.text(f"Atlas says: {masked_reason(document['error_reason'])}")
    if not fields:
        st.caption("Nothing was read in it.")
        return
    shown = pd.DataFrame(
        {
            "field": [theme.words_of_code(field["name"]) for field in fields],
            "value": [_value_shown(user, flow, field) for field in fields],
            "confidence": pd.Series([field["confidence"] for field in fields], dtype="float64"),
        }
    )
    st.dataframe(
        shown,
        hide_index=True,
        height=table_height(len(shown), at_most=30),
        alt="Fields read in one document",
        placeholder="-",
        column_config={
            "field": st.column_config.TextColumn("Field", width=190),
            "value": st.column_config.TextColumn("Value", width=620),
            "confidence": st.column_config.ProgressColumn(
                "Confidence", help="From 0 to 1", min_value=0, max_value=1, format="%.2f", width=115
            ),
        },
    )
    for field in fields:
        if field["confidence"] is None and field["confidence_raw"] is not None:
            raw = masked_literal(field["confidence_raw"])
            st.text(f"{theme.words_of_code(field['name'])}: a confidence that cannot be read, {raw}")


def _value_shown(user: User, flow: FlowDetail, field: Record) -> str:
    """A field's value as this person may see it now."""
    return field_in_words(
        field, is_whole=is_revealed(user, flow, field_key(field["position"], field["name"]))
    )


def show_flags(flow: FlowDetail) -> None:
    """What is odd in this version of the results."""
    if not flow.flags:
        return
    with st.expander(
        f"{count_of(len(flow.flags), 'oddity', 'oddities')} in these results", icon=":material/flag:"
    ):
        st.dataframe(
            pd.DataFrame(
                [(flag["kind"], flag["place"], _flag_shown(flag)) for flag in flow.flags],
                columns=["kind", "place", "raw"],
            ),
            hide_index=True,
            height=table_height(len(flow.flags)),
            alt="Oddities in these results",
            column_config={"kind": "What", "place": "Where", "raw": "As it came"},
        )


def _flag_shown(flag: Record) -> str:
    """What came, as everybody may see it: parts of a document are masked by the name of their field."""
    kind, place, raw = flag["kind"], flag["place"], flag["raw"] or ""
    if kind in _OF_DOCUMENTS:
        return masked(place.rpartition(".")[2], raw)
    return masked_literal(raw) if kind in _OF_NUMBERS else raw


def show_timeline(flow: FlowDetail) -> None:
    """What happened when, as exactly as our looks can tell."""
    st.caption("We ask Atlas at intervals, so a change is known to lie between two looks, not to the second.")
    if times := stage_times(flow):
        st.text(f"How long each stage took: {'; '.join(times)}.")
    events = timeline_of(flow)
    st.dataframe(
        events.assign(at=moments(events["at"])),
        hide_index=True,
        height=table_height(len(events), at_most=40),
        alt="What happened to this flow, in order",
        column_config={
            "at": moment_column("Seen at"),
            "what": st.column_config.TextColumn("What"),
            "exactly": st.column_config.TextColumn("More exactly", width="large"),
        },
    )


def show_deliveries(flow: FlowDetail) -> None:
    """Each arrival of results and what became of it, then the versions they made."""
    if flow.deliveries.empty:
        show_empty("No delivery yet", "Neither a callback nor a fetch has brought results of this flow.")
        return
    st.subheader("Deliveries", anchor=False)
    st.caption("A delivery is one arrival of results: Atlas calls us, or we fetch. The fetch is what counts.")
    rows = flow.deliveries.to_dict("records")
    st.dataframe(
        pd.DataFrame(
            {
                "at": moments(flow.deliveries["received_at"]),
                "channel": [CHANNELS.get(row["channel"], row["channel"]) for row in rows],
                "outcome": [delivery_in_words(row) for row in rows],
                "reason": flow.deliveries["reason"],
                "size": flow.deliveries["size"],
                "digest": flow.deliveries["digest"],
            }
        ),
        hide_index=True,
        height=table_height(len(rows)),
        alt="Deliveries of this flow",
        placeholder="-",
        column_config={
            "at": moment_column("Received"),
            "channel": "How",
            "outcome": st.column_config.TextColumn("What became of it", width="medium"),
            "reason": "Why",
            "size": st.column_config.NumberColumn("Bytes", format="%d"),
            "digest": st.column_config.TextColumn("Digest (SHA-256)", width="small"),
        },
    )
    st.subheader("Versions", anchor=False)
    versions = typed_frame(_OF_VERSION, [[one[name] for name in _OF_VERSION] for one in flow.versions])
    st.dataframe(
        versions.assign(received_at=moments(versions["received_at"])),
        hide_index=True,
        height=table_height(len(flow.versions)),
        alt="Versions of this flow's results",
        placeholder="-",
        column_config={
            "version": st.column_config.NumberColumn("Version", format="%d"),
            "received_at": moment_column("Received"),
            "confirmed": st.column_config.CheckboxColumn("Confirmed by our fetch"),
            "documents": st.column_config.NumberColumn("Documents", format="%d"),
            "document_errors": st.column_config.NumberColumn("Document errors", format="%d"),
            "checks": st.column_config.NumberColumn("Cross-checks", format="%d"),
            "min_similarity": st.column_config.NumberColumn("Lowest similarity (0-100)", format="%g"),
        },
    )


def show_ids(flow: FlowDetail) -> None:
    """Every id by which this flow can be tracked, and a text for Atlas's support."""
    with st.grid(2, min_column_width=320):
        with st.container(gap="xsmall"):
            show_id("Flow id", flow.flow_uuid)
            show_id("Application id", flow.application_id)
            for batch_id in dict.fromkeys(flow.files["batch_id"].dropna()):
                show_id("Batch id", batch_id)
        with st.container(gap="xsmall"):
            st.caption("Reference for Atlas's support, ready to paste. It names no person.")
            st.code(support_reference(flow), language=None, wrap_lines=True)
    if not flow.files.empty:
        st.subheader("Files", anchor=False)
        st.dataframe(
            flow.files[["document_id", "file_uuid", "batch_id", "url_host", "object_name"]],
            hide_index=True,
            height=table_height(len(flow.files)),
            alt="Files sent with this flow",
            placeholder="-",
            column_config={
                "document_id": "Document id (ours)",
                "file_uuid": "File id (Atlas's)",
                "batch_id": "Batch id",
                "url_host": "Kept at",
                "object_name": "As",
            },
        )


def support_reference(flow: FlowDetail) -> str:
    """What Atlas's support needs to find the flow: ids, statuses and times in UTC."""
    made = dt.datetime.fromtimestamp(flow.created_at / 1000, tz=dt.UTC)
    batches = ", ".join(dict.fromkeys(flow.files["batch_id"].dropna())) or "none"
    return "\n".join(
        [
            f"flow_uuid: {flow.flow_uuid}",
            f"application_id: {flow.application_id}",
            f"product_type: {flow.product_type}",
            f"batch_id: {batches}",
            f"created: {made:%Y-%m-%d %H:%M:%S} UTC",
            f"upload_status: {flow.upload_status or 'not known'}",
            f"processing_status: {flow.processing_status or 'not known'}",
            f"crossheck_status: {flow.crosscheck_status or 'not known'}",
            f"master_status: {flow.master_status or 'not known'}",
        ]
    )


def show_payload(user: User, flow: FlowDetail) -> None:
    """What Atlas sent, masked, as text."""
    shown = next((one for one in flow.versions if one["version"] == flow.version), None)
    payload = loaders.load_delivery_payload(shown["delivery_id"]) if shown else None
    if payload is None:
        show_empty(
            "No payload kept", "No results of this flow have come yet, or what came is no longer kept."
        )
        return
    show_payload_text(payload, shows_all=is_revealed(user, flow, PAYLOAD))


def show_payload_text(payload: str, *, shows_all: bool = False) -> None:
    """A payload as text, its personal values masked unless `shows_all`."""
    st.caption(
        "What Atlas sent, in its own words, with personal values masked. Of Aadhaar numbers the last four "
        "digits alone are kept at all, and of signed links host and name."
    )
    shown = payload if shows_all else masked_payload(payload)
    text = json.dumps(json.loads(shown), indent=2, ensure_ascii=False)
    if len(text) > SHOWN_CHARACTERS:
        st.text(f"The first {SHOWN_CHARACTERS:,} of {len(text):,} characters.")
    st.code(text[:SHOWN_CHARACTERS], language="json", height=600, wrap_lines=True)

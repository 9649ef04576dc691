"""The Operations page for tests: what stands in its tables, and what makes dead letters."""

from __future__ import annotations

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from atlas_core.api.payloads import parse_result
from atlas_core.books import attempts, inbox, store
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from tests.page_sessions import show
from tests.workers import empty_results, start_attempt

NOWHERE = "http://127.0.0.1:9"
NOT_JSON = "this is not JSON: Expecting value (at byte 4)"


def worker_runs(writer: AtlasWriter, *, seen_at: int | None = None) -> None:
    now = now_ms() if seen_at is None else seen_at
    writer.write(store.record_state, "worker", "running", "", now=now)
    writer.write(store.record_state, "atlas", "ok", "", now=now)


def begin(writer: AtlasWriter, number: int, *, flow: bool = True) -> int:
    """An attempt for APP-NUMBER, and its flow."""
    attempt_id = start_attempt(writer, number)
    if flow:
        writer.write(attempts.save_init_answer, attempt_id, f"flow-{number:04}", now=now_ms())
    return attempt_id


def dead_letter(writer: AtlasWriter, number: int, reason: str = NOT_JSON, *, flow: bool = True) -> None:
    """A callback that could not even be parsed, so that nothing of it is kept."""
    writer.write(
        inbox.record_dead_letter,
        begin(writer, number, flow=flow),
        digest=f"{number:064}",
        size=9,
        reason=reason,
        received_at=now_ms(),
    )


def kept_letter(writer: AtlasWriter, number: int) -> None:
    """A callback that an earlier edition of the program could not take up, and kept."""
    attempt_id = begin(writer, number)
    result = parse_result(empty_results(f"flow-{number:04}"))
    writer.write(inbox.save_callback, attempt_id, result, other_application=False, received_at=now_ms())
    writer.write(inbox.bury_delivery, number, "it could not be taken up (KeyError)")


def table(session: AppTest, column: str) -> list[Any]:
    """A column of the first table that has it."""
    for frame in session.dataframe:
        if column in frame.value:
            return list(frame.value[column])
    pytest.fail(f"no table has {column}")


def choices(session: AppTest) -> list[str]:
    return [option.content for group in session.get("button_group") for option in group.proto.options]


def links(session: AppTest) -> str:
    return "\n".join(link.proto.query_string for link in session.get("page_link"))


def operations(tab: str = "Ledger", **address: str) -> AppTest:
    return show("operations", tab=tab, **address)

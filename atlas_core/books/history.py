"""Flows that ended before we looked: written whole, through the same functions as live ones."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from atlas_core.books.attempts import save_files
from atlas_core.books.results import save_result
from atlas_core.books.standards import Standards
from atlas_core.books.store import save_flow, save_look
from atlas_core.models import FileToSend, FlowStatus, Result, UploadedFile


def save_history(
    connection: Connection,
    flow_uuid: str,
    *,
    application_id: str,
    product_type: str,
    created_at: int,
    files: Sequence[FileToSend],
    uploaded: Sequence[UploadedFile],
    looks: Sequence[tuple[int, FlowStatus]],
    result: Result | None,
    received_at: int,
    by_callback: bool,
    standards: Standards,
) -> int:
    """One past flow with its uploads, looks (looked_at, status) in order, and confirmed result.

    `by_callback`: a callback brought the result at `received_at`, and the fetch 5 s later confirmed it.
    Returns its flow_id.
    """
    flow_id = save_flow(
        connection,
        flow_uuid,
        application_id=application_id,
        product_type=product_type,
        created_at=created_at,
        watched=False,
    )
    save_files(connection, flow_id, files, uploaded, now=created_at)
    for looked_at, status in looks:
        save_look(connection, flow_id, status, looked_at=looked_at)
    if result is not None:
        if by_callback:
            save_result(
                connection,
                flow_id,
                result,
                channel="callback",
                received_at=received_at,
                confirmed=False,
                standards=standards,
            )
        save_result(
            connection,
            flow_id,
            result,
            channel="extracts",
            received_at=received_at + 5_000 if by_callback else received_at,
            confirmed=True,
            standards=standards,
        )
    return flow_id

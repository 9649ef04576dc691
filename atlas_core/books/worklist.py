"""What the worker must know of atlas.db before it acts: selects only, newest committed state."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from atlas_core.books.book import open_for_reading, speaking_of
from atlas_core.models import FlowStatus


@dataclass(frozen=True, slots=True)
class Door:
    """The attempt behind a path part that the receiver was asked at."""

    attempt_id: int
    application_id: str


@dataclass(frozen=True, slots=True)
class FlowToWatch:
    """A flow as the watcher takes it over. Times are milliseconds since 1970, UTC."""

    flow_id: int
    flow_uuid: str
    created_at: int
    status: FlowStatus
    looked_at: int | None
    ended_at: int | None
    has_result: bool
    is_confirmed: bool
    has_trouble: bool
    upload_unsure_since: int | None  # multiupload was called then and its answer is not known
    is_doubted: bool  # a callback brought other results since the last fetch after the end


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that is not finished, or about which a person decided."""

    attempt_id: int
    submission_id: int
    number: int
    state: str
    flow_id: int | None
    flow_uuid: str | None
    next_try_at: int | None


@dataclass(frozen=True, slots=True)
class WaitingDelivery:
    """A callback to be taken up. `flow_id` is None where only the callback itself names its flow. `body` is
    packed, as it is kept, and None where it is lost."""

    delivery_id: int
    attempt_id: int
    flow_id: int | None
    flow_uuid: str
    received_at: int
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class DeliveryToReplay:
    """A delivery that somebody wants read again. `flow_id` and `flow_uuid` are its own, or those of the
    attempt whose address it came to. `body` is None where its text was never kept."""

    delivery_id: int
    attempt_id: int | None
    flow_id: int | None
    flow_uuid: str | None
    claimed_flow_uuid: str | None
    received_at: int
    outcome: str
    body: bytes | None = field(repr=False)


_FLOW = """
SELECT f.flow_id, f.flow_uuid, f.created_at, f.upload_status, f.processing_status, f.crosscheck_status,
       f.master_status, f.looked_at, f.ended_at, f.result_id IS NOT NULL,
       f.confirmed_at IS NOT NULL, f.trouble IS NOT NULL,
       (SELECT max(a.changed_at) FROM attempts a
        WHERE a.flow_id = f.flow_id AND a.state IN ('upload sent', 'upload unknown')),
       f.confirmed_at IS NOT NULL AND EXISTS (
         SELECT 1 FROM deliveries d WHERE d.flow_id = f.flow_id AND d.channel = 'callback'
         AND d.outcome = 'late' AND d.received_at > (
           SELECT max(e.last_seen_at) FROM deliveries e
           WHERE e.flow_id = f.flow_id AND e.channel = 'extracts'))
FROM flows f
"""

_ATTEMPT = """
SELECT a.attempt_id, a.submission_id, a.number, a.state, a.flow_id, f.flow_uuid, a.next_try_at
FROM attempts a LEFT JOIN flows f ON f.flow_id = a.flow_id
"""

# By id first: what waits after an outage may be much more than is taken up at once.
_WAITING = """
WITH waiting AS (
  SELECT delivery_id FROM deliveries WHERE channel || ' ' || outcome = 'callback waiting'
  UNION ALL
  SELECT d.delivery_id FROM deliveries d JOIN attempts a ON a.attempt_id = d.attempt_id
  WHERE d.channel || ' ' || d.outcome = 'callback orphan' AND d.claimed_flow_uuid IS NOT NULL
    AND d.body IS NOT NULL
    AND a.state = 'init unknown'
  ORDER BY delivery_id LIMIT ?
)
SELECT d.delivery_id, d.attempt_id, d.flow_id, coalesce(f.flow_uuid, d.claimed_flow_uuid), d.received_at,
       coalesce(d.body, (SELECT o.body FROM deliveries o WHERE o.flow_id = d.flow_id
                         AND o.digest = d.digest AND o.body IS NOT NULL))
FROM waiting w JOIN deliveries d ON d.delivery_id = w.delivery_id
LEFT JOIN flows f ON f.flow_id = d.flow_id
ORDER BY d.delivery_id
"""

_TO_REPLAY = """
SELECT d.delivery_id, d.attempt_id, f.flow_id, f.flow_uuid, d.claimed_flow_uuid, d.received_at, d.outcome,
       coalesce(d.body, (SELECT o.body FROM deliveries o WHERE o.flow_id = d.flow_id
                         AND o.digest = d.digest AND o.body IS NOT NULL))
FROM deliveries d LEFT JOIN attempts a ON a.attempt_id = d.attempt_id
LEFT JOIN flows f ON f.flow_id = coalesce(d.flow_id, a.flow_id)
WHERE d.delivery_id = ?
"""


class Worklist:
    """A read-only view of atlas.db for the thread that opens it. Raises errors of `BookError` only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_for_reading(path)

    def __enter__(self) -> Worklist:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back."""
        self._connection.close()

    def auth_door(self, part_hash: str) -> Door | None:
        """The attempt whose auth_url ends in this part (sha256, hex)."""
        rows = self._rows("SELECT attempt_id, application_id FROM attempts WHERE auth_part = ?", part_hash)
        return Door(*rows[0]) if rows else None

    def callback_door(self, part_hash: str) -> Door | None:
        """The attempt whose callback_url ends in this part (sha256, hex)."""
        rows = self._rows(
            "SELECT attempt_id, application_id FROM attempts WHERE callback_part = ?", part_hash
        )
        return Door(*rows[0]) if rows else None

    def has_live_token(self, token_hash: str, now: int) -> bool:
        """Whether the receiver issued this token (sha256, hex) and it has not expired."""
        return bool(
            self._rows(
                "SELECT 1 FROM receiver_tokens WHERE token_hash = ? AND expires_at > ?", token_hash, now
            )
        )

    def watched_flows(self) -> list[FlowToWatch]:
        """All flows that are not ended and confirmed, oldest first."""
        return [_flow(row) for row in self._rows(f"{_FLOW} WHERE f.watched = 1 ORDER BY f.flow_id")]

    def flow(self, flow_uuid: str) -> FlowToWatch | None:
        """One flow, watched or not; none that was erased, for there is nothing more to ask about it."""
        rows = self._rows(f"{_FLOW} WHERE f.flow_uuid = ? AND f.erased_at IS NULL", flow_uuid)
        return _flow(rows[0]) if rows else None

    def open_attempts(self) -> list[OpenAttempt]:
        """Attempts that go on by themselves: never sent, or initialised without files."""
        return [
            OpenAttempt(*row)
            for row in self._rows(
                f"{_ATTEMPT} WHERE a.state IN ('not sent', 'initialised') ORDER BY a.attempt_id"
            )
        ]

    def attempt(self, submission_id: int, number: int) -> OpenAttempt | None:
        """One attempt, where it is its submission's newest."""
        rows = self._rows(
            f"{_ATTEMPT} WHERE a.submission_id = ?1 AND a.number = ?2 AND NOT EXISTS"  # noqa: S608 constant
            " (SELECT 1 FROM attempts l WHERE l.submission_id = ?1 AND l.number > ?2)",
            submission_id,
            number,
        )
        return OpenAttempt(*rows[0]) if rows else None

    def attempted_submissions(self) -> set[int]:
        """All submissions that have an attempt."""
        return {row[0] for row in self._rows("SELECT submission_id FROM attempts")}

    def uploaded_since(self, changed_at: int) -> list[int]:
        """Submissions whose upload Atlas acknowledged since then."""
        return [
            row[0]
            for row in self._rows(
                "SELECT submission_id FROM attempts WHERE state = 'uploaded' AND changed_at >= ?", changed_at
            )
        ]

    def waiting_deliveries(self, limit: int = 200) -> list[WaitingDelivery]:
        """Callbacks to be taken up, oldest first: those of known flows, and those that name the flow of an
        attempt whose flow/init answer was lost."""
        return [WaitingDelivery(*row) for row in self._rows(_WAITING, limit)]

    def replayed(self, replay_id: int) -> set[int]:
        """The deliveries of a replay of which is known what became of them."""
        rows = self._rows("SELECT delivery_id FROM replay_outcomes WHERE replay_id = ?", replay_id)
        return {delivery_id for (delivery_id,) in rows}

    def delivery(self, delivery_id: int) -> DeliveryToReplay | None:
        """One delivery as a replay needs it; its body as it is kept, packed."""
        rows = self._rows(_TO_REPLAY, delivery_id)
        return DeliveryToReplay(*rows[0]) if rows else None

    def _rows(self, sql: str, *parameters: object) -> list[tuple]:  # type: ignore[type-arg]
        with speaking_of(self._path):
            return self._connection.execute(sql, parameters).fetchall()


def _flow(row: tuple) -> FlowToWatch:  # type: ignore[type-arg]
    flow_id, flow_uuid, created_at, upload, processing, crosscheck, master, *rest = row
    looked_at, ended_at, has_result, is_confirmed, has_trouble, unsure_since, is_doubted = rest
    return FlowToWatch(
        flow_id,
        flow_uuid,
        created_at,
        FlowStatus(upload, processing, crosscheck, master),
        looked_at,
        ended_at,
        bool(has_result),
        bool(is_confirmed),
        bool(has_trouble),
        unsure_since,
        bool(is_doubted),
    )

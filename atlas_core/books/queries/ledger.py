"""The ledger of the door: every arrival and what became of it, page by page, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pandas as pd

from atlas_core.books.reading import Books, typed_frame

CHANNELS = ("callback", "extracts", "auth", "refusal")
"""How something arrives: by Atlas's call, by our fetch, to be given a token, or only to be refused."""

ARRIVAL_OUTCOMES = (
    *("waiting", "provisional", "confirmed", "confirms", "contradicted", "late"),
    *("orphan", "mismatch", "dead letter", "token given", "refused"),
)
"""What becomes of an arrival; the last two are those of the channels auth and refusal."""

_COLUMNS = (
    *("received_at", "last_seen_at", "channel", "size", "digest", "times_seen", "outcome", "reason"),
    *("flow_uuid", "application_id", "claimed_flow_uuid", "caller", "delivery_id"),
    *("replay_came", "replayed_at"),
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which arrivals are wanted; empty means all.

    `flow_uuid` and `application_id` are whole ids. They also find what came to a flow's own addresses and
    was put aside. `reason` is a part of the reason, in capitals or not.
    """

    channel: str = ""
    outcome: str = ""
    flow_uuid: str = ""
    application_id: str = ""
    reason: str = ""

    @property
    def is_of_one(self) -> bool:
        """Whether only one flow's or application's arrivals are wanted."""
        return bool(self.flow_uuid or self.application_id)


@dataclass(frozen=True, slots=True)
class After:
    """The place in the ledger behind which a page begins: the last row of the page before it."""

    received_at: int
    source: int
    row_id: int


@dataclass(frozen=True, slots=True)
class ArrivalsPage:
    """One page of the ledger, and where the next one begins (None: this is the last).

    `rows`, newest first: received_at, last_seen_at, channel, size (bytes on the wire), digest, times_seen,
    outcome, reason, flow_uuid and application_id (whose address it came to, or who was asked about),
    claimed_flow_uuid (which flow a callback itself names), caller, delivery_id (for its payload), replay_came
    and replayed_at (what its newest replay made of it, as `replay_outcomes` says; None without one). A token
    given has neither size nor digest; a refusal stands for all of one kind, address and hour, and its
    received_at is the last of them.
    """

    rows: pd.DataFrame
    following: After | None


@dataclass(frozen=True, slots=True)
class _Source:
    """A table of arrivals as a select; `number` orders those of one moment."""

    number: int
    sql: str
    at: str
    row_id: str


@dataclass(frozen=True, slots=True)
class _Part:
    """What of one table is wanted, so that an index brings it newest first."""

    source: _Source
    terms: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()

    def where(self, after: After | None) -> str:
        terms, source = self.terms, self.source
        if after is not None:
            place = f"({source.at}, {-source.number}, {source.row_id}) < (:at, -:source, :row)"
            terms = (*terms, f"{source.at} <= :at", place)
        return f"WHERE {' AND '.join(terms)}" if terms else ""


_DELIVERIES = """
    SELECT d.received_at, d.last_seen_at, d.channel, d.size, d.digest, d.times_seen, d.outcome, d.reason,
           coalesce(f.flow_uuid, o.flow_uuid) AS flow_uuid,
           coalesce(f.application_id, a.application_id) AS application_id,
           d.claimed_flow_uuid, NULL AS caller, d.delivery_id,
           (SELECT came FROM replay_outcomes r WHERE r.delivery_id = d.delivery_id
            ORDER BY r.replayed_at DESC, r.replay_id DESC LIMIT 1) AS replay_came,
           (SELECT max(replayed_at) FROM replay_outcomes r
            WHERE r.delivery_id = d.delivery_id) AS replayed_at,
           0 AS source, d.delivery_id AS row_id
    FROM deliveries d {}
    LEFT JOIN flows f ON f.flow_id = d.flow_id
    LEFT JOIN attempts a ON a.attempt_id = d.attempt_id
    LEFT JOIN flows o ON o.flow_id = a.flow_id
"""
_DELIVERY = _Source(0, _DELIVERIES.format(""), "d.received_at", "d.delivery_id")
_OF_ONE = replace(
    _DELIVERY, at="+d.received_at"
)  # few: better sorted than looked for among all by their time
_WITH_REASON = replace(_DELIVERY, sql=_DELIVERIES.format("INDEXED BY deliveries_with_reason"))
_AUTH = _Source(
    1,
    """
    SELECT c.called_at AS received_at, c.last_at AS last_seen_at, 'auth' AS channel, NULL AS size,
           NULL AS digest, c.times AS times_seen, 'token given' AS outcome, NULL AS reason,
           f.flow_uuid, a.application_id, NULL AS claimed_flow_uuid, c.caller, NULL AS delivery_id,
           NULL AS replay_came, NULL AS replayed_at, 1 AS source, c.auth_call_id AS row_id
    FROM auth_calls c
    JOIN attempts a ON a.attempt_id = c.attempt_id
    LEFT JOIN flows f ON f.flow_id = a.flow_id
    """,
    "c.called_at",
    "c.auth_call_id",
)
_SAID = "r.status || ' at ' || r.door"
_REFUSAL = _Source(
    2,
    f"""
    SELECT r.last_at AS received_at, r.last_at AS last_seen_at, 'refusal' AS channel, NULL AS size,
           NULL AS digest, r.times AS times_seen, 'refused' AS outcome, {_SAID} AS reason,
           NULL AS flow_uuid, NULL AS application_id, NULL AS claimed_flow_uuid, r.caller,
           NULL AS delivery_id, NULL AS replay_came, NULL AS replayed_at, 2 AS source, r.refusal_id AS row_id
    FROM refusals r
    """,  # noqa: S608
    "r.last_at",
    "r.refusal_id",
)

# Whose an arrival is: by its flow, or by the attempt whose address it came to.
_OF_FLOW = "SELECT flow_id FROM flows WHERE flow_uuid = :flow_uuid"
_OF_APPLICATION = "SELECT flow_id FROM flows WHERE application_id = :application_id"
_ATTEMPTS_OF_FLOW = f"SELECT attempt_id FROM attempts WHERE flow_id IN ({_OF_FLOW})"  # noqa: S608
_ATTEMPTS_OF_APPLICATION = "SELECT attempt_id FROM attempts WHERE application_id = :application_id"


def arrivals_page(
    books: Books, wanted: Wanted, *, after: After | None = None, limit: int = 50
) -> ArrivalsPage:
    """The newest arrivals that are wanted, or those behind `after`; at most `limit`."""
    parameters: dict[str, object] = {**_parameters(wanted), "limit": limit + 1}
    if after is not None:
        parameters |= {"at": after.received_at, "source": after.source, "row": after.row_id}
    with books.snapshot():
        selects = []
        for part in _parts(books, wanted):
            parameters |= part.values
            source = part.source
            newest = f"ORDER BY {source.at} DESC, {source.row_id} DESC LIMIT :limit"
            selects.append(f"SELECT * FROM ({source.sql} {part.where(after)} {newest})")  # noqa: S608
        order = " ORDER BY received_at DESC, source, row_id DESC LIMIT :limit"
        found = books.rows(" UNION ALL ".join(selects) + order, parameters) if selects else []
    shown = found[:limit]
    following = None
    if len(found) > limit:
        following = After(shown[-1]["received_at"], shown[-1]["source"], shown[-1]["row_id"])
    rows = [tuple(row[column] for column in _COLUMNS) for row in shown]
    return ArrivalsPage(typed_frame(_COLUMNS, rows), following)


def arrivals_total(books: Books, wanted: Wanted) -> int:
    """How many rows all the pages of these arrivals have together."""
    parameters = _parameters(wanted)
    with books.snapshot():
        if not wanted.is_of_one and not wanted.reason:
            selects = [part.source.sql for part in _calls(wanted)]
            total = sum(deliveries for *_, deliveries in _kinds(books, wanted))
        else:
            selects = [f"{part.source.sql} {part.where(None)}" for part in _parts(books, wanted)]
            total = 0
        return total + sum(
            int(books.rows(f"SELECT count(*) FROM ({select})", parameters)[0][0])  # noqa: S608
            for select in selects
        )


def deliveries_to_replay(books: Books, wanted: Wanted, *, limit: int = 10_000) -> list[int]:
    """The delivery_ids of the newest wanted arrivals that are deliveries, at most `limit`."""
    rows = arrivals_page(books, wanted, limit=limit).rows
    return [int(delivery_id) for delivery_id in rows["delivery_id"].dropna()]


def arrivals_per_outcome(books: Books) -> pd.DataFrame:
    """How many deliveries there are of each kind. Columns: channel, outcome, deliveries."""
    return books.frame(
        "SELECT channel, outcome, deliveries FROM delivery_counts WHERE deliveries > 0"
        " ORDER BY channel, outcome"
    )


def auth_calls_per_hour(books: Books, since: int) -> pd.DataFrame:
    """Tokens given since that moment. Columns: hour_at (its beginning), caller, calls, attempts."""
    return books.frame(
        """
        SELECT called_at / 3600000 * 3600000 AS hour_at, caller, sum(times) AS calls,
               count(DISTINCT attempt_id) AS attempts
        FROM auth_calls WHERE called_at >= ?
        GROUP BY 1, 2 ORDER BY 1 DESC, calls DESC, caller
        """,
        [since],
    )


def refusals_per_hour(books: Books, since: int) -> pd.DataFrame:
    """What was refused in the hours since that moment.

    Columns: hour_at (its beginning), door ('auth', 'callback' or 'other'), http_status, caller, times,
    last_at.
    """
    return books.frame(
        """
        SELECT hour * 3600000 AS hour_at, door, status AS http_status, caller, times, last_at
        FROM refusals WHERE last_at >= ?
        ORDER BY hour DESC, times DESC, door, status, caller
        """,
        [since],
    )


def _parts(books: Books, wanted: Wanted) -> Iterator[_Part]:
    """What of each table is wanted."""
    yield from _calls(wanted)
    of_kind = (
        *(("d.channel = :channel",) if wanted.channel else ()),
        *(("d.outcome = :outcome",) if wanted.outcome else ()),
        *(("instr(lower(d.reason), :reason)",) if wanted.reason else ()),
    )
    if wanted.is_of_one:
        yield _Part(_OF_ONE, (*_of_one(wanted), *of_kind))
    elif wanted.reason:
        yield _Part(_WITH_REASON, ("d.reason IS NOT NULL", *of_kind))
    elif not of_kind:
        yield _Part(_DELIVERY)
    else:
        # Kind by kind: a rare one would be looked for through everything else.
        for number, (channel, outcome, _) in enumerate(_kinds(books, wanted)):
            term = f"d.channel || ' ' || d.outcome = :kind_{number}"
            yield _Part(_DELIVERY, (term,), ((f"kind_{number}", f"{channel} {outcome}"),))


def _calls(wanted: Wanted) -> Iterator[_Part]:
    """What of the two tables without deliveries is wanted."""
    if wanted.channel in ("", "auth") and wanted.outcome in ("", "token given") and not wanted.reason:
        terms = []
        if wanted.flow_uuid:
            terms.append(f"c.attempt_id IN ({_ATTEMPTS_OF_FLOW})")
        if wanted.application_id:
            terms.append(f"c.attempt_id IN ({_ATTEMPTS_OF_APPLICATION})")
        yield _Part(_AUTH, tuple(terms))
    if wanted.channel in ("", "refusal") and wanted.outcome in ("", "refused") and not wanted.is_of_one:
        yield _Part(_REFUSAL, (f"instr(lower({_SAID}), :reason)",) if wanted.reason else ())


def _kinds(books: Books, wanted: Wanted) -> list[tuple[str, str, int]]:
    """The channel, outcome and number of each kind of delivery that there is and that is wanted."""
    rows = books.rows("SELECT channel, outcome, deliveries FROM delivery_counts WHERE deliveries > 0")
    return [
        (channel, outcome, deliveries)
        for channel, outcome, deliveries in rows
        if wanted.channel in ("", channel) and wanted.outcome in ("", outcome)
    ]


def _of_one(wanted: Wanted) -> Iterator[str]:
    """Of a flow or an application: also what came to its own address and was put aside."""
    for is_wanted, flows, attempts in (
        (wanted.flow_uuid, _OF_FLOW, _ATTEMPTS_OF_FLOW),
        (wanted.application_id, _OF_APPLICATION, _ATTEMPTS_OF_APPLICATION),
    ):
        if is_wanted:
            yield (
                f"d.delivery_id IN (SELECT delivery_id FROM deliveries WHERE flow_id IN ({flows})"  # noqa: S608
                " UNION SELECT delivery_id FROM deliveries"
                f" WHERE channel = 'callback' AND attempt_id IN ({attempts}))"
            )


def _parameters(wanted: Wanted) -> dict[str, object]:
    texts = {
        "channel": wanted.channel,
        "outcome": wanted.outcome,
        "flow_uuid": wanted.flow_uuid,
        "application_id": wanted.application_id,
        "reason": wanted.reason.lower(),
    }
    return {name: text.encode("utf-8", "replace").decode("utf-8") for name, text in texts.items()}

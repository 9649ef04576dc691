"""How the worker, Atlas and the books themselves are."""

from __future__ import annotations

from dataclasses import dataclass

from atlas_core.books.reading import Books

_ONE_MAKING_MS = 60_000


@dataclass(frozen=True, slots=True)
class WorkerState:
    """How one part is: its state, since when, when it last said so, and a sentence for people."""

    state: str
    since: int
    seen_at: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Workload:
    """What the worker has before it: flows under watch, callbacks not yet taken up, and flows that the column
    mirror is behind with (beyond 100,000 they are not counted)."""

    flows_watched: int
    callbacks_waiting: int
    mirror_behind: int


@dataclass(frozen=True, slots=True)
class Edition:
    """Which edition a book is of (the name of its last migration), when it was made, and when it was last
    brought up to a newer edition; None where it never was."""

    name: str
    made_at: int
    upgraded_at: int | None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new what we show is; None where nothing came yet.

    `received_at` is the newest delivery of any flow, `looked_at` the newest answered look at a flow that is
    still watched.
    """

    received_at: int | None
    looked_at: int | None


def worker_state(books: Books) -> dict[str, WorkerState]:
    """The state of each part by name: 'worker' (seen_at is its heartbeat) and 'atlas'."""
    return {
        row["name"]: WorkerState(row["state"], row["since"], row["seen_at"], row["sentence"])
        for row in books.rows("SELECT name, state, since, seen_at, sentence FROM worker_state")
    }


def freshness(books: Books) -> Freshness:
    """When the newest delivery and the newest look came."""
    row = books.rows(
        """
        SELECT (SELECT max(received_at) FROM deliveries) AS received_at,
               (SELECT max(looked_at) FROM flows WHERE watched = 1) AS looked_at
        """
    )[0]
    return Freshness(row["received_at"], row["looked_at"])


def workload(books: Books) -> Workload:
    """How much waits for the worker; no large table is read for it."""
    row = books.rows(
        """
        SELECT (SELECT count(*) FROM flows WHERE watched = 1) AS flows_watched,
               (SELECT coalesce(sum(deliveries), 0) FROM delivery_counts
                WHERE channel = 'callback' AND outcome = 'waiting') AS callbacks_waiting,
               (SELECT count(*) FROM (SELECT 1 FROM mirror_queue LIMIT 100000)) AS mirror_behind
        """
    )[0]
    return Workload(*row)


def editions(books: Books) -> dict[str, Edition]:
    """The edition of each book, by the name of its file."""
    found = {}
    for schema, file in (("main", "atlas.db"), ("desk", "desk.db")):
        rows = books.rows(
            f"SELECT name, CAST(strftime('%s', applied_at) AS INTEGER) * 1000 AS applied_at"  # noqa: S608
            f" FROM {schema}._sqlite_migrations ORDER BY id"
        )
        made_at, newest_at = rows[0]["applied_at"], rows[-1]["applied_at"]
        # All the migrations of a new book are applied within one transaction.
        upgraded_at = newest_at if newest_at - made_at > _ONE_MAKING_MS else None
        found[file] = Edition(max(row["name"] for row in rows), made_at, upgraded_at)
    return found


def book_counts(books: Books) -> dict[str, int]:
    """How many of each thing the books hold, by its table's name."""
    row = books.rows(
        """
        SELECT (SELECT count(*) FROM flows) AS flows,
               (SELECT count(*) FROM results) AS results,
               (SELECT count(*) FROM documents) AS documents,
               (SELECT count(*) FROM cross_checks) AS cross_checks,
               (SELECT count(*) FROM deliveries) AS deliveries,
               (SELECT count(*) FROM desk.submissions) AS submissions
        """
    )[0]
    return dict(row)

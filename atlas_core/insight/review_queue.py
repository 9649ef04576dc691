"""The queue of cases that need a person: which one is next, and how many wait.

A case waits as long as nobody has decided on the result that counts now: a newer result brings it back. The
worst come first, and of equal ones the oldest. Passes that were drawn by lot are mixed in evenly, so that
nothing tells one from the others but its score; and that is hidden, as it is in about as many ordinary cases.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from atlas_core.books.columns import OUTCOMES, Columns, Flags
from atlas_core.books.queries.lots import Lot, lots_since
from atlas_core.books.queries.reviews import (
    assigned_cases,
    decided_cases,
    erased_since,
    open_second_looks,
    taken_cases,
)
from atlas_core.books.reading import Books
from atlas_core.models import Outcome

Ids = npt.NDArray[np.int64]

_UNDECIDED = -1
_NONE = 0
_GONE = np.iinfo(np.int64).max  # a result that is not kept any more: it is not the one that counts
_REVIEW, _FAILED = (OUTCOMES.index(outcome) for outcome in (Outcome.REVIEW, Outcome.FAILED))
_AGES = 1 << 44  # more than any moment in milliseconds
_DECOYS_AT_MOST = 0.5


@dataclass(frozen=True, slots=True)
class NextCase:
    """A case to look at.

    `lots`: the positions of its cross-checks that were drawn, each with the share it was drawn by.
    `is_second`: it is judged once more, apart from the first time. `hides_scores`: a drawn one among its
    cross-checks must not be told from the others. `is_again`: somebody decided on an earlier result of it.
    """

    flow_id: int
    lots: Mapping[int, float]
    is_second: bool
    hides_scores: bool
    is_again: bool


@dataclass(frozen=True, slots=True)
class Waiting:
    """The cases that wait for one person: `total`; of them those `assigned` to that person, those that are
    there `again` because a newer result came, those to be judged a `second` time; and when the oldest flow
    among them began (ms; None). `to_review` of them are flows in review, `failed` failed ones; the rest,
    `by_lot`, passed."""

    total: int
    assigned: int
    again: int
    second: int
    oldest_at: int | None
    to_review: int
    failed: int

    @property
    def by_lot(self) -> int:
        """Those that nothing but a lot brought here."""
        return self.total - self.to_review - self.failed


@dataclass(slots=True)
class _Followed:
    """What people decided and what was drawn, row after row; arrays have a place for each flow_id."""

    source: object = None
    decided: Ids = field(default_factory=lambda: np.empty(0, np.int64))  # on which result
    drawn: Ids = field(default_factory=lambda: np.empty(0, np.int64))  # in which result
    erased: Ids = field(default_factory=lambda: np.empty(0, np.int64))  # when
    sent_on: dict[int, str] = field(default_factory=dict)  # to a second person, by whom
    lots: dict[int, list[Lot]] = field(default_factory=dict)
    last_decision: int = 0
    last_lot: int = 0
    last_erased: int = 0
    erasures: int = 0


@dataclass(frozen=True, slots=True)
class _Wait:
    """Which flows wait for one person: a place for each flow_id, and the flow_ids in order; which of them for
    what; and how many of them have cross-checks that were drawn."""

    mask: Flags
    ids: Ids
    assigned: Ids
    second: Ids
    drawn: int


class ReviewQueue:
    """The queue over one pair of books, for all sessions of a process; over another pair it begins anew."""

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._followed = _Followed()
        self._newest: tuple[Columns, Flags | None, tuple[object, ...], _Wait] | None = None

    def next_case(
        self, books: Books, columns: Columns, who: str, *, now: int, fits: Flags | None = None
    ) -> NextCase | None:
        """The first case that waits for this person, of the flows that fit; None where there is none.

        What is assigned to the person comes before all others; what somebody else has or is assigned never.
        """
        with self._door:
            wait = self._wait(books, columns, who, now, fits)
            ids = wait.assigned if len(wait.assigned) else wait.ids
            if not len(ids):
                return None
            return self._described(columns, self._first(columns, ids), wait)

    def waiting(
        self, books: Books, columns: Columns, who: str, *, now: int, fits: Flags | None = None
    ) -> Waiting:
        """How many cases wait for this person."""
        with self._door:
            wait = self._wait(books, columns, who, now, fits)
            began, outcome = columns.flows.created_at[wait.ids], columns.flows.outcome[wait.ids]
            again = np.count_nonzero(self._followed.decided[wait.ids] != _UNDECIDED)
            return Waiting(
                total=len(began),
                assigned=len(wait.assigned),
                again=int(again) - len(wait.second),
                second=len(wait.second),
                oldest_at=int(began.min()) if len(began) else None,
                to_review=int(np.count_nonzero(outcome == _REVIEW)),
                failed=int(np.count_nonzero(outcome == _FAILED)),
            )

    def worst(
        self, books: Books, columns: Columns, who: str, *, now: int, most: int, fits: Flags | None = None
    ) -> list[int]:
        """Up to `most` of the cases that nobody has, as a lead may give them away: in the order of the queue,
        passes drawn by lot scattered among them."""
        with self._door:
            wait = self._wait(books, columns, who, now, fits)
            ids = np.setdiff1d(wait.ids, wait.assigned, assume_unique=True)
            drawn = ids[self._is_drawn(columns)[ids] & ~_is_ordinary(columns, ids)]
            ordinary = ids[_is_ordinary(columns, ids)]
            some = _worst_first(columns, ordinary)[:most]
            share = len(drawn) / max(1, len(ids))
            lots = drawn[np.argsort(_hash(drawn))][: round(share * most)]
            return [*some[: most - len(lots)].tolist(), *lots.tolist()]

    def is_open(self, books: Books, columns: Columns) -> Flags:
        """Which flows nobody has decided on as they are now, and can still be: a place for each flow_id."""
        with self._door:
            self._follow(books, columns)
            return self._is_open(columns)

    def mask(self, books: Books, columns: Columns, who: str, *, now: int) -> Flags:
        """Which flows wait for this person."""
        with self._door:
            return self._wait(books, columns, who, now, None).mask

    def case(self, books: Books, columns: Columns, flow_id: int, who: str, *, now: int) -> NextCase:
        """The same of one case, which somebody opened by its address."""
        with self._door:
            return self._described(columns, flow_id, self._wait(books, columns, who, now, None))

    # ------------------------------------------------------------------------------------------- following

    def _follow(self, books: Books, columns: Columns) -> None:
        flows = columns.flows
        source = flows.result if flows.result.base is None else flows.result.base
        if self._followed.source is not source:
            # Another file may be another book's, in which the same numbers mean other flows.
            self._followed = _Followed(source)
        held = self._followed
        held.decided, held.drawn, held.erased = (
            _roomy(part, len(flows)) for part in (held.decided, held.drawn, held.erased)
        )
        for row in decided_cases(books, held.last_decision):
            held.last_decision = row.decision_id
            if row.flow_id is None or row.is_second or row.flow_id >= len(held.decided):
                continue
            held.sent_on.pop(row.flow_id, None)
            if row.decision == "second person":
                held.sent_on[row.flow_id] = row.decided_by
            if row.decision in ("undone", "second person"):
                held.decided[row.flow_id] = _UNDECIDED
            else:
                held.decided[row.flow_id] = row.result_id or (_GONE if row.had_result else _NONE)
        for lot in lots_since(books, held.last_lot):
            held.last_lot = lot.lot_id
            if lot.flow_id < len(held.drawn):
                held.lots.setdefault(lot.flow_id, []).append(lot)
                held.drawn[lot.flow_id] = max(held.drawn[lot.flow_id], lot.result_id)
        for flow_id, erased_at in erased_since(books, held.last_erased):
            held.last_erased = erased_at
            if flow_id < len(held.erased):
                held.erasures += held.erased[flow_id] != erased_at
                held.erased[flow_id] = erased_at

    def _wait(self, books: Books, columns: Columns, who: str, now: int, fits: Flags | None) -> _Wait:
        """Worked out anew only where something of it has changed: a page asks several times in one run."""
        self._follow(books, columns)
        held, size = self._followed, len(columns.flows)
        assigned = assigned_cases(books)
        away = [
            *(flow_id for flow_id, by in held.sent_on.items() if by == who),
            *(flow_id for flow_id, by in taken_cases(books, now=now) if by != who),
            *(flow_id for flow_id, by in assigned if by != who),
        ]
        mine = [flow_id for flow_id, by in assigned if by == who]
        second = [flow_id for flow_id, first in open_second_looks(books) if first != who]
        parts = tuple(tuple(ids) for ids in (away, mine, second))
        key = (held.last_decision, held.last_lot, held.erasures, *parts)
        newest = self._newest
        if newest is not None and newest[0] is columns and newest[1] is fits and newest[2] == key:
            return newest[3]
        wait = self._waiting_now(columns, fits, *(_within(ids, size) for ids in parts))
        self._newest = columns, fits, key, wait
        return wait

    def _waiting_now(self, columns: Columns, fits: Flags | None, away: Ids, mine: Ids, second: Ids) -> _Wait:
        flows = columns.flows
        is_drawn = self._is_drawn(columns)
        mask = (flows.outcome == _REVIEW) | (flows.outcome == _FAILED)
        mask |= is_drawn
        mask &= flows.exists
        mask &= self._is_open(columns)
        second = second[self._followed.decided[second] == flows.result[second]]
        mask[second] = True
        mask[away] = False
        if fits is not None:
            mask &= fits
        mask.setflags(write=False)  # it is shared
        drawn = int(np.count_nonzero(is_drawn & mask))
        return _Wait(mask, np.flatnonzero(mask), mine[mask[mine]], second[mask[second]], drawn)

    def _is_open(self, columns: Columns) -> Flags:
        """Nobody decided on the result that counts, and it has not been erased."""
        held, size = self._followed, len(columns.flows)
        return np.asarray((held.decided[:size] != columns.flows.result) & (held.erased[:size] == _UNDECIDED))

    def _is_drawn(self, columns: Columns) -> Flags:
        drawn = self._followed.drawn[: len(columns.flows)]
        return np.asarray((drawn == columns.flows.result) & (drawn > _NONE))

    # -------------------------------------------------------------------------------------------- choosing

    def _first(self, columns: Columns, ids: Ids) -> int:
        is_ordinary = _is_ordinary(columns, ids)
        ordinary, drawn = ids[is_ordinary], ids[~is_ordinary]
        if len(ordinary):
            worst = _worst(columns, ordinary)
            # Drawn ones come with a chance of their share; it is thrown anew whenever one of either is gone.
            if not _falls(worst * len(ids) + len(drawn), len(drawn) / len(ids)):
                return worst
        return int(drawn[np.argmin(_hash(drawn))])

    def _described(self, columns: Columns, flow_id: int, wait: _Wait) -> NextCase:
        held, result = self._followed, int(columns.flows.result[flow_id])
        decided = int(held.decided[flow_id])
        lots = {lot.position: lot.share for lot in held.lots.get(flow_id, ()) if lot.result_id == result}
        is_second = bool((wait.second == flow_id).any())
        share = min(_DECOYS_AT_MOST, wait.drawn / max(1, len(wait.ids) - wait.drawn))
        is_decoy = _falls(~flow_id, share)
        is_again = decided not in (_UNDECIDED, result) and not is_second
        return NextCase(flow_id, lots, is_second, bool(lots) or is_decoy, is_again)


QUEUE = ReviewQueue()
"""The one of this process."""


def _is_ordinary(columns: Columns, ids: Ids) -> Flags:
    outcome = columns.flows.outcome[ids]
    return np.asarray((outcome == _REVIEW) | (outcome == _FAILED))


def _worst(columns: Columns, ids: Ids) -> int:
    """The first of `_worst_first`, without ranking all of them."""
    failed = ids[columns.flows.outcome[ids] == _FAILED]
    if len(failed):
        ids = failed
    else:
        score = columns.flows.min_score[ids]
        ids = ids[score == score.min()]
    return int(ids[np.argmin(columns.flows.created_at[ids])])


def _rank(columns: Columns, ids: Ids) -> Ids:
    """What is met first is smallest: the worst, and of equals the oldest."""
    score = columns.flows.min_score[ids].astype(np.int64) + 1
    score[columns.flows.outcome[ids] == _FAILED] = 0
    return np.asarray(score * _AGES + columns.flows.created_at[ids])


def _worst_first(columns: Columns, ids: Ids) -> Ids:
    return ids[np.argsort(_rank(columns, ids), kind="stable")]


def _roomy(held: Ids, size: int) -> Ids:
    if len(held) >= size:
        return held
    return np.concatenate([held, np.full(size + size // 8 - len(held), _UNDECIDED, np.int64)])


def _within(flow_ids: Iterable[int], size: int) -> Ids:
    return np.array([flow_id for flow_id in flow_ids if flow_id < size], np.int64)


def _falls(number: int, share: float) -> bool:
    """True for that share of all numbers, the same ones each time."""
    return int(_hash(np.array([number]))[0]) < share * 2.0**64


def _hash(ids: Ids) -> npt.NDArray[np.uint64]:
    """A number for each id in which nothing of the id can be seen (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = ids.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))

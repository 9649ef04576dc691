"""Makes the two books tell one story after one of them was restored, lost or replaced.

Done at every start of the worker before anything is called, and by `restore`. Where nothing of the kind
happened it reads a few numbers and is done.

- atlas.db is **behind** where it is a copy, or where the desk counts more calls. It learns the attempts it
  lacks from the desk's notes: a flow whose flow_uuid is noted is watched again, and so fetched from Atlas;
  an attempt without one is unknown, for flow/init may have been called.
- The notes are **partial** where desk.db is a copy too. Then whatever atlas.db would let the worker call next
  may have been called since: it is unknown, and a person decides.
- The desk learns from atlas.db the notes it lacks and, of attempts that may need a person, the submissions.
- Two books that never were together are refused.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from atlas_core.books import recovery
from atlas_core.books.call_notes import CallNote, CallNotes, LostSubmission
from atlas_core.books.reading import Books, open_books
from atlas_core.books.recovery import Doubt, SentFile
from atlas_core.books.standing import Standing, read_standing
from atlas_core.books.writer import AtlasWriter
from atlas_core.errors import BookError

T = TypeVar("T")

_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Agreed:
    """What the books learnt from each other: flows watched again, attempts that are unknown now, and
    submissions and notes that the desk lacked."""

    was_behind: bool
    flows: int = 0
    unknown: int = 0
    submissions: int = 0
    notes: int = 0

    @property
    def sentence(self) -> str:
        """What happened, for people; empty where nothing did."""
        parts = []
        if self.flows:
            parts.append(f"{self.flows:,} flows are fetched from Atlas again.")
        if self.unknown:
            parts.append(
                f"Of {self.unknown:,} attempts it is unknown whether flow/init was called: a person decides."
            )
        if self.submissions:
            parts.append(f"{self.submissions:,} submissions came back into desk.db without their links.")
        if self.was_behind:
            parts.insert(0, "atlas.db was an earlier copy, or a new one.")
        return " ".join(parts)


def agree(writer: AtlasWriter, atlas: Path, desk: Path, *, now: int) -> Agreed:
    """Brings both books to one story, while nobody calls Atlas. Safe to do again after a kill.

    Raises `BookError` where the books do not belong together, and what opening them raises.
    """
    with open_books(atlas, desk) as books:
        standing = read_standing(books)
        if standing.is_foreign:
            raise BookError(
                f"{atlas.name} and {desk.name} do not belong together: each was kept beside another book. "
                f"Put the {desk.name} that belongs to it in place, or move {atlas.name} away: a new one is "
                "filled from Atlas by what the desk noted."
            )
        agreed = Agreed(standing.is_behind)
        if standing.is_behind:
            agreed = _teach_atlas(books, writer, standing, now)
        if standing.desk_lacks_notes:
            agreed = _teach_desk(books, CallNotes(desk), standing, agreed)
    if standing.is_behind or standing.known_desk != standing.desk_id:
        writer.write(
            recovery.settle,
            desk_id=standing.desk_id,
            calls=max(standing.atlas_calls, standing.desk_calls),
            behind_since=standing.atlas_copied_at if standing.is_behind else None,
            sentence=agreed.sentence,
            now=now,
        )
    if standing.notes_are_partial:
        CallNotes(desk).live_on()
    return agreed


# ------------------------------------------------------------------------------- what atlas.db learns


def _teach_atlas(books: Books, writer: AtlasWriter, standing: Standing, now: int) -> Agreed:
    lost = _lost_calls(books)
    for notes in _portions(lost):
        files = _files_of(books, [note.submission_id for note in notes])
        writer.write(recovery.bring_in, notes, files, now=now)
    unknown = sum(note.flow_uuid is None for note in lost)
    if standing.notes_are_partial:
        unknown += writer.write(recovery.doubt_unsent, now=now)
    uploads = _doubted_uploads(books, every=standing.notes_are_partial)
    for portion in _portions(uploads):
        files = _files_of(books, [submission_id for _, _, submission_id in portion])
        writer.write(recovery.doubt_uploads, portion, files, now=now)
    flows = len({note.flow_uuid for note in lost} - {None}) + len(uploads)
    if standing.notes_are_partial:
        doubts = [*_doubted_decisions(books), *_doubted_submissions(books)]
        for doubted in _portions(doubts):
            writer.write(recovery.add_doubts, doubted, now=now)
        unknown += sum(doubt.flow_id is None for doubt in doubts)
    return Agreed(True, flows, unknown)


def _lost_calls(books: Books) -> list[CallNote]:
    """Attempts that the desk noted and atlas.db lacks, has on earlier addresses, or has without a flow."""
    return [
        CallNote(*row)
        for row in books.rows(
            """
            SELECT n.submission_id, n.number, n.application_id, n.product_type,
                   nullif(lower(hex(n.auth_part)), ''), nullif(lower(hex(n.callback_part)), ''),
                   n.noted_at, n.flow_uuid
            FROM desk.call_notes n
            LEFT JOIN attempts a ON a.submission_id = n.submission_id AND a.number = n.number
            WHERE a.attempt_id IS NULL
               OR (a.flow_id IS NULL AND n.flow_uuid IS NOT NULL)
               OR (a.flow_id IS NULL AND a.callback_part <> lower(hex(n.callback_part)))
            ORDER BY n.submission_id, n.number
            """
        )
    ]


def _doubted_uploads(books: Books, *, every: bool) -> list[tuple[int, int, int]]:
    """Attempts (attempt_id, flow_id, submission_id) that have a flow and no files, though files were about
    to be sent, or, with `every`, may have been."""
    return [
        tuple(row)
        for row in books.rows(
            """
            SELECT a.attempt_id, a.flow_id, a.submission_id
            FROM attempts a
            LEFT JOIN desk.call_notes n ON n.submission_id = a.submission_id AND n.number = a.number
            WHERE a.state = 'initialised' AND (? OR n.flow_uuid IS NOT NULL)
            """,
            [every],
        )
    ]


def _doubted_decisions(books: Books) -> list[Doubt]:
    """What people decided about the newest attempts and what may have been done since."""
    return [
        Doubt(*row)
        for row in books.rows(
            """
            SELECT a.submission_id, a.number + 1, a.application_id, a.product_type,
                   iif(d.decision = 'send files again', a.flow_id, NULL)
            FROM desk.decisions d
            JOIN attempts a ON a.submission_id = d.submission_id AND a.number = d.attempt_number
            WHERE NOT EXISTS (SELECT 1 FROM attempts later
                              WHERE later.submission_id = a.submission_id AND later.number > a.number)
              AND ((d.decision = 'start again' AND a.state IN ('init unknown', 'upload unknown', 'refused'))
                OR (d.decision = 'send files again' AND a.state = 'upload unknown'))
            """
        )
    ]


def _doubted_submissions(books: Books) -> list[Doubt]:
    """Submissions of which nobody knows whether they were sent since."""
    return [
        Doubt(*row)
        for row in books.rows(
            """
            SELECT s.submission_id, 1, s.application_id, s.product_type FROM desk.submissions s
            WHERE NOT EXISTS (SELECT 1 FROM attempts a WHERE a.submission_id = s.submission_id)
            """
        )
    ]


def _files_of(books: Books, submission_ids: Sequence[int]) -> dict[int, list[SentFile]]:
    files: dict[int, list[SentFile]] = defaultdict(list)
    for row in books.rows(
        """
        SELECT submission_id, position, document_id, url_host, object_name FROM desk.submission_files
        WHERE submission_id IN (SELECT value FROM json_each(?)) ORDER BY submission_id, position
        """,
        [json.dumps(list(submission_ids))],
    ):
        submission_id, *file = row
        files[submission_id].append((file[0], file[1], file[2], file[3]))
    return files


# -------------------------------------------------------------------------------- what the desk learns


def _teach_desk(books: Books, notes: CallNotes, standing: Standing, agreed: Agreed) -> Agreed:
    lost = [
        LostSubmission(*row)
        for row in books.rows(
            """
            SELECT a.submission_id, a.application_id, a.product_type, min(a.started_at) FROM attempts a
            WHERE a.state <> 'uploaded'
              AND NOT EXISTS (SELECT 1 FROM desk.submissions s WHERE s.submission_id = a.submission_id)
            GROUP BY a.submission_id
            """
        )
    ]
    notes.bring_back(lost)
    missing = [
        CallNote(*row)
        for row in books.rows(
            """
            SELECT a.submission_id, a.number, a.application_id, a.product_type, a.auth_part, a.callback_part,
                   a.started_at, iif(a.state = 'initialised', NULL, f.flow_uuid)
            FROM attempts a
            LEFT JOIN flows f ON f.flow_id = a.flow_id
            LEFT JOIN desk.call_notes n ON n.submission_id = a.submission_id AND n.number = a.number
            WHERE n.submission_id IS NULL
               OR (n.flow_uuid IS NULL AND a.state <> 'initialised' AND a.flow_id IS NOT NULL)
            """
        )
    ]
    calls = max(standing.atlas_calls, standing.desk_calls)
    for portion in _portions(missing):
        notes.add(portion, calls)
    notes.add([], calls)
    return replace(agreed, submissions=len(lost), notes=len(missing))


def _portions(items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))

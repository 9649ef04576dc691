"""`erase`, `hold` and `release`: a case's values gone from everything there is, or kept from that."""

from __future__ import annotations

import time
from contextlib import closing

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.eraser import Eraser
from atlas_core.books.erasing_atlas import texts_of_case
from atlas_core.books.erasures import (
    Erasure,
    find_erasure,
    held_applications,
    hold,
    release,
    require_free,
    want_erased,
)
from atlas_core.books.mirror import Mirror
from atlas_core.books.other_files import SANDBOX_FILE
from atlas_core.books.queries import find_case
from atlas_core.books.reading import open_books
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.books.tombstones import Tombstone, tombstones_in
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookBusy, BookError, CaseHeld, InputError
from atlas_core.settings import Settings

WAIT_SECONDS = 600.0
_PAUSE_SECONDS = 0.2


def run_erase(settings: Settings, application_id: str | None, flow_uuid: str | None, reason: str) -> int:
    """Erases an application or a flow, and prints what was found afterwards; returns 1 where something was
    left. A running worker does the work, else this process does."""
    desk = _opened(settings)
    with open_books(settings.atlas_book, settings.desk_book) as books:
        known = find_case(books, application_id=application_id, flow_uuid=flow_uuid)
        texts = books.read(texts_of_case, Tombstone(now_ms(), application_id, flow_uuid))
    if known is None:
        raise InputError(
            f"The books hold nothing of {flow_uuid or application_id}. Ids are compared letter by letter."
        )
    started = time.monotonic()
    erasure_id = want_erased(
        desk, COMMAND, application_id=known, flow_uuid=flow_uuid, reason=reason, texts=texts
    )
    erasure = _done(settings, desk, erasure_id, known)
    print(_in_words(erasure, flow_uuid or known, time.monotonic() - started))
    if (settings.data_dir / SANDBOX_FILE).exists():
        print(
            f"Not looked through: {SANDBOX_FILE}, the sandbox's own, which keeps what it was told. Delete it "
            "while the sandbox is stopped."
        )
    return 0 if erasure.done_at is not None else 1


def run_hold(settings: Settings, application_id: str | None, reason: str) -> int:
    """Holds an application, known or not; lists what is held where none is named. Raises `InputError` for a
    reason without an application."""
    desk = _opened(settings)
    if application_id is None:
        if reason:
            raise InputError("Say which application is to be held for that reason: --application ID.")
        held = desk.read(held_applications)
        for held_id, why in held.items():
            print(f"{held_id}: {why}")
        print(f"{len(held):,} application{' is' if len(held) == 1 else 's are'} held.")
        return 0
    hold(desk, COMMAND, application_id, reason=reason)
    print(f"{application_id} is held: nothing of it is erased, by command or by age, until it is released.")
    with open_books(settings.atlas_book, settings.desk_book) as books:
        if find_case(books, application_id=application_id, flow_uuid=None) is None:
            print(
                f"The books hold nothing of {application_id} yet, so it is held in advance. Ids are compared "
                "letter by letter; if this one is mistyped, release it and hold the right one."
            )
    if any(tombstone.application_id == application_id for tombstone in tombstones_in(settings.data_dir)):
        print("It was to be erased before, and that had begun: what went is not brought back.")
    return 0


def run_release(settings: Settings, application_id: str, reason: str) -> int:
    """Ends a hold."""
    release(_opened(settings), COMMAND, application_id, reason=reason)
    print(f"{application_id} is not held any more. It is erased once it is old enough, or by command.")
    return 0


def _opened(settings: Settings) -> Desk:
    migrate_atlas(settings.atlas_book, settings.backup_dir)
    migrate_desk(settings.desk_book, settings.backup_dir)
    return Desk(settings.desk_book)


def _done(settings: Settings, desk: Desk, erasure_id: int, application_id: str) -> Erasure:
    """The wish once somebody has done it, or has looked and found something left. Raises `CaseHeld` where
    the application was held before that."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        erasure = desk.read(find_erasure, erasure_id)
        if erasure.looked_at is not None:
            return erasure
        if erasure.tombstone not in tombstones_in(settings.data_dir):
            _require_free(desk, application_id)
        try:
            writer = AtlasWriter(settings.atlas_book)
        except BookBusy:
            if time.monotonic() > until:
                raise BookBusy(
                    "The worker has not done it yet, and goes on with it. Run the same command again to see."
                ) from None
            time.sleep(_PAUSE_SECONDS)
            continue
        with writer, closing(Mirror(writer, settings.atlas_book)) as mirror:
            eraser = Eraser(
                writer,
                settings.atlas_book,
                settings.desk_book,
                settings.backup_dir,
                lambda anew: mirror.rebuild() if anew else mirror.catch_up(),
            )
            try:
                eraser.run_open(again_after_ms=0)
            except BookError:
                if desk.read(find_erasure, erasure_id).looked_at is None:
                    raise


def _require_free(desk: Desk, application_id: str) -> None:
    try:
        require_free(desk.read(held_applications), [application_id])
    except CaseHeld as error:
        raise CaseHeld(f"{error} The wish is kept, and done once the hold has ended.") from None


def _in_words(erasure: Erasure, what: str, seconds: float) -> str:
    counts = erasure.counts
    sentences = [
        f"{what} is erased: {_count(counts['flows'], 'flow')}, {_count(counts['rows'], 'row')}, in "
        f"{seconds:.1f} s.",
        f"Looked for {_count(counts['texts'], 'text')} of it in {_count(counts['files'], 'file')}, backups "
        "among them. "
        f"Found: {counts['found']:,}.",
    ]
    if erasure.places:
        sentences.append(f"It stands in {', '.join(erasure.places)}.")
    if counts["shared"]:
        sentences.append(f"Not counted, for other cases say them too: {_count(counts['shared'], 'text')}.")
    if counts["backups"]:
        sentences.append(f"Written anew without it: {_count(counts['backups'], 'backup')}.")
    sentences.append(
        "Copies of the books and exports that were taken elsewhere still hold it. A copy that is restored "
        "here is erased at once; delete the others."
    )
    if erasure.done_at is None:
        sentences[0] = f"{what} is not wholly erased yet."
        sentences.append(
            "The worker tries again every hour. Something may still read an old state of the book, or "
            "somebody put such a text where it is never changed, as into a reason in the audit log."
        )
    return "\n".join(sentences)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"

"""`check`: can we reach Atlas, are the credentials good, can Atlas reach us, are the books sound?"""

from __future__ import annotations

from urllib.parse import urlsplit

from atlas_core.api.client import AtlasClient
from atlas_core.books.backups import LATE_TURNS, cadence_of, copies_in
from atlas_core.books.invented import refuse_invented
from atlas_core.books.queries import book_counts, worker_state
from atlas_core.books.reading import open_books
from atlas_core.books.schema import check_book
from atlas_core.books.verification import verify_columns
from atlas_core.cli.answers import Answer, Question, say
from atlas_core.clock import now_ms
from atlas_core.errors import BookMissing
from atlas_core.selftest import find_way_in
from atlas_core.settings import Settings

HEARTBEAT_MS = 10_000


def run_check(settings: Settings) -> int:
    """Prints one line a question; returns 0 where every answer is good, else 1."""
    questions: list[tuple[str, Question]] = [
        ("Atlas and the credentials", _atlas),
        ("The worker", _worker),
        ("The way in for Atlas", _receiver),
        ("The books", _books),
        ("The column mirror", _mirror),
        ("The backups", _backups),
    ]
    return 0 if say(questions, settings) else 1


def _atlas(settings: Settings) -> Answer:
    with AtlasClient(
        settings.base_url,
        settings.client_id,
        settings.client_secret,
        proxy=settings.proxy,
        ca_bundle=settings.ca_bundle,
    ) as client:
        token = client.fetch_token()
    where = "the sandbox" if settings.uses_sandbox else urlsplit(settings.base_url).hostname
    return True, f"{where} answered and gave a token for {token.expires_in:g} s."


def _worker(settings: Settings) -> Answer:
    try:
        with open_books(settings.atlas_book, settings.desk_book) as books:
            state = worker_state(books).get("worker")
    except BookMissing:
        state = None
    if state is None or abs(now_ms() - state.seen_at) > HEARTBEAT_MS:
        return False, "it is not running. Start it with: python -m atlas_core up"
    return True, "it is running."


def _receiver(settings: Settings) -> Answer:
    """Asks the worker to call itself at the address that Atlas is given."""
    way_in = find_way_in(settings)
    return way_in.good, way_in.sentence


def _books(settings: Settings) -> Answer:
    for path in (settings.atlas_book, settings.desk_book):
        check_book(path)
    if settings.uses_real_atlas:
        refuse_invented(settings.atlas_book, settings.desk_book)
    try:
        with open_books(settings.atlas_book, settings.desk_book) as books:
            counts = book_counts(books)
    except BookMissing:
        return False, "there are none yet; the worker makes them at its first start."
    return True, "sound; " + ", ".join(f"{count:,} {name}" for name, count in counts.items()) + "."


def _mirror(settings: Settings) -> Answer:
    found = verify_columns(settings.data_dir)
    if found.differences:
        sentences = "; ".join(found.differences)
        return False, f"{sentences}. Stop the worker and run: python -m atlas_core rebuild"
    behind = f"; {found.waiting:,} flows still wait for the worker" if found.waiting else ""
    return True, (
        f"it agrees with the book on {found.flows:,} flows, {found.checks:,} cross-checks and "
        f"{found.documents:,} documents{behind}."
    )


def _backups(settings: Settings) -> Answer:
    if not settings.backup_hours:
        return True, "the worker takes none, for ATLAS_BACKUP_HOURS is 0."
    newest = {copy.book: copy for copy in copies_in(settings.backup_dir) if not copy.label}
    ages = []
    for name in ("atlas.db", "desk.db"):
        if name not in newest:
            return False, f"there is none of {name} in {settings.backup_dir}. The worker takes them."
        copy = newest[name]
        hours = (now_ms() - copy.taken_at) / 3_600_000
        every = cadence_of(name.removesuffix(".db"), copy.size).every * settings.backup_hours
        if hours > LATE_TURNS * every:
            return False, f"the newest of {name} is {hours:,.0f} hours old. Look at the worker's log."
        ages.append(f"{name} {max(0.0, hours):.1f} hours ago")
    return True, f"{', '.join(ages)}, in {settings.backup_dir}."

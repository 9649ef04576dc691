"""`submit FILE.csv [--wait]`: the CSV page without a browser."""

from __future__ import annotations

import sys
import time
import uuid
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.desk import Desk
from atlas_core.books.queries import applications_sent, group_progress, worker_state
from atlas_core.books.reading import open_books
from atlas_core.books.schema import migrate_atlas, migrate_desk
from atlas_core.clock import now_ms
from atlas_core.errors import InputError
from atlas_core.intake import Checked, check_product_type, check_rows, read_csv
from atlas_core.models import SubmissionToSave
from atlas_core.settings import Settings

HEARTBEAT_MS = 10_000


def run_submit(settings: Settings, file: Path, *, wait: bool) -> int:
    """Checks the whole CSV, sends it only where no row has a problem, and waits where asked.

    Returns 0 where everything was queued (with `wait`: has ended), 1 where a row has a problem or a flow
    needs a person before it can end.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}.") from None
    check_product_type(settings.product_type)
    rows = read_csv(content)
    migrate_atlas(settings.atlas_book, settings.backup_dir)
    migrate_desk(settings.desk_book, settings.backup_dir)
    now = now_ms()
    with open_books(settings.atlas_book, settings.desk_book) as books:
        sent = applications_sent(books, [row.application_id for row in rows])
    checked = check_rows(
        rows,
        now=now,
        sent_before=sent,
        local_atlas=settings.local_atlas,
        file_hosts=settings.file_hosts,
    )
    _print_findings(checked)
    if checked.problems:
        print(f"Nothing was sent. Mend the {_count(len(checked.problems), 'problem')} and try again.")
        return 1
    group_id = uuid.uuid4().hex
    Desk(settings.desk_book).save_submissions(
        [
            SubmissionToSave(item.application_id, settings.product_type, item.flow_params, item.files)
            for item in checked.applications
        ],
        "command",
        group_id,
        now,
        by=COMMAND,
    )
    applications = _count(len(checked.applications), "application")
    print(f"{applications} with {_count(checked.row_count, 'document')} queued.")
    if not wait:
        print("The worker sends them; watch them on the Watch page.")
        return 0
    return _wait(settings, group_id)


def _wait(settings: Settings, group_id: str) -> int:
    shown = ""
    warned = False
    while True:
        with open_books(settings.atlas_book, settings.desk_book) as books:
            progress = group_progress(books, group_id)
            worker = worker_state(books).get("worker")
        line = ", ".join(f"{count} {state}" for state, count in progress.counts.items())
        if line != shown:
            print(line, flush=True)
            shown = line
        if progress.is_settled:
            break
        if not warned and (worker is None or abs(now_ms() - worker.seen_at) > HEARTBEAT_MS):
            print("The worker is not running. Start it with: python -m atlas_core up", file=sys.stderr)
            warned = True
        time.sleep(0.5)
    if progress.needs_person:
        held_up = _count(progress.needs_person, "application")
        print(f"{held_up} cannot go on without a person: see the Submit page.")
        return 1
    print("Every flow has ended.")
    return 0


def _print_findings(checked: Checked) -> None:
    for finding in checked.findings:
        kind = "problem" if finding.is_problem else "warning"
        print(f"line {finding.row}, {finding.column}: {kind}: {finding.sentence}")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

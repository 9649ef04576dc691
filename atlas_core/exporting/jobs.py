"""Long exports in a process of their own, so that no page waits: started, followed, stopped, swept.

An export is two files in `<data_dir>/exports`, for their owner alone: `<job_id>.json` tells how far it is,
and `<job_id>.csv` (or another ending) is there when it is done. Both go after 24 hours.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from atlas_core.access import User
from atlas_core.books.queries import What
from atlas_core.clock import now_ms
from atlas_core.errors import AtlasDeskError, ExportCancelled, InputError
from atlas_core.exporting.exports import Progress, in_words, write_export
from atlas_core.exporting.orders import Order
from atlas_core.exporting.sheets import Format
from atlas_core.insight.addresses import address_text, read_address
from atlas_core.settings import Settings

KEPT_MS = 24 * 3_600_000
_SILENT_MS = 60_000  # a living export tells of itself at least every few seconds
_TOLD_EVERY_MS = 500
_NICE = 10

_ID = re.compile(r"[0-9a-f]{16}")
_children: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Job:
    """One export: what was asked, how far it is, and in `sentence` how it ended.

    `state` is running, done, cancelled or failed. Times are milliseconds since 1970, UTC.
    """

    job_id: str
    what: What
    format: Format
    address: str
    is_masked: bool
    asked_by: str
    asked_at: int
    state: str
    seen_at: int
    progress: Progress
    sentence: str = ""

    @property
    def file_name(self) -> str:
        """The name of the file as its reader should have it."""
        return f"{self.what.value}-{self.job_id[:6]}.{self.format.value}"

    @property
    def order(self) -> Order:
        """What was asked."""
        return Order(read_address(self.address), self.what, self.format, self.is_masked)


def exports_folder(settings: Settings) -> Path:
    """Where exports are kept for a day."""
    return settings.data_dir / "exports"


def job_file(settings: Settings, job: Job) -> Path:
    """Where the export's file is once it is done."""
    return exports_folder(settings) / f"{job.job_id}.{job.format.value}"


def new_file(settings: Settings, kind: Format) -> Path:
    """A place for an export that somebody waits for."""
    return _made_folder(settings) / f"{secrets.token_hex(8)}.{kind.value}"


def _made_folder(settings: Settings) -> Path:
    folder = exports_folder(settings)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def start_job(settings: Settings, by: User, order: Order) -> str:
    """Starts an export in a process of its own and returns its job_id. `note_order` comes first."""
    now = now_ms()
    job_id = secrets.token_hex(8)
    job = Job(
        job_id,
        order.what,
        order.format,
        address_text(order.wanted),
        order.is_masked,
        by.who,
        now,
        "running",
        now,
        Progress(0, 0, 0, 0),
    )
    _write(settings, job)
    command = [sys.executable, "-m", "atlas_core", "export", "--job", job_id]
    quiet = subprocess.DEVNULL
    _children.append(subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet))
    return job_id


def run_job(settings: Settings, job_id: str) -> Job:
    """Does what `start_job` wrote down, and returns how it ended. Raises `InputError` as `find_job` does."""
    job = find_job(settings, job_id)
    os.nice(_NICE)

    def tell(progress: Progress) -> None:
        nonlocal job
        now = now_ms()
        if now - job.seen_at >= _TOLD_EVERY_MS or not progress.flows:
            job = replace(job, progress=progress, seen_at=now)
            _write(settings, job)

    try:
        progress = write_export(
            settings,
            job.order,
            job_file(settings, job),
            told=tell,
            is_cancelled=_stop_sign(settings, job_id).exists,
        )
        ended = replace(job, state="done", progress=progress, sentence=in_words(progress, job.what))
    except ExportCancelled as error:
        ended = replace(job, state="cancelled", sentence=str(error))
    except AtlasDeskError as error:
        ended = replace(job, state="failed", sentence=str(error))
    ended = replace(ended, seen_at=now_ms())
    _write(settings, ended)
    return ended


def cancel_job(settings: Settings, job_id: str) -> None:
    """Asks an export to stop; it does within a second, and nothing of it is kept."""
    _stop_sign(settings, find_job(settings, job_id).job_id).touch(mode=0o600)


def jobs(settings: Settings, by: User) -> list[Job]:
    """Somebody's exports of the last 24 hours, the newest first; what is older is swept away.

    Where nobody signs in, all are the local user's.
    """
    _children[:] = [child for child in _children if child.poll() is None]
    sweep_exports(settings)
    found = [_read(path) for path in exports_folder(settings).glob("*.json")]
    own = (job for job in found if job and (job.asked_by == by.who or not by.is_signed_in))
    return sorted(own, key=lambda job: job.asked_at, reverse=True)


def find_job(settings: Settings, job_id: str) -> Job:
    """One export. Raises `InputError` where there is none of this id (any more)."""
    path = exports_folder(settings) / f"{job_id}.json"
    job = _read(path) if _ID.fullmatch(job_id) else None
    if job is None:
        raise InputError("There is no such export any more: files are kept for 24 hours.")
    return job


def sweep_exports(settings: Settings, *, now: int | None = None) -> None:
    """Deletes what is older than 24 hours, unfinished files included."""
    oldest = (now_ms() if now is None else now) - KEPT_MS
    for path in exports_folder(settings).glob("*"):
        try:
            if path.stat().st_mtime_ns // 1_000_000 < oldest:
                path.unlink()
        except FileNotFoundError:
            continue  # another process swept it


def _stop_sign(settings: Settings, job_id: str) -> Path:
    return exports_folder(settings) / f"{job_id}.stop"


def _write(settings: Settings, job: Job) -> None:
    path = _made_folder(settings) / f"{job.job_id}.json"
    unfinished = path.with_suffix(".new")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(job), file)
    unfinished.replace(path)


def _read(path: Path) -> Job | None:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        kept |= {"what": What(kept["what"]), "format": Format(kept["format"])}
        job = Job(**kept | {"progress": Progress(**kept["progress"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if job.state == "running" and now_ms() - job.seen_at > _SILENT_MS:
        return replace(job, state="failed", sentence="It ended before it was done. Start it again.")
    return job

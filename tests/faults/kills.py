"""Kills at random moments of all that writes books: they stay sound, nothing kept is lost, a start is quick.

    python -m tests.faults.kills [--kills 200] [--seed 7]

Half of the kills fall on a worker at work (tests/kills.py), the others on an upgrade, on backups while
results are written, on a restore, on a rebuild of the column mirror and on an erasure. After each kill the
next start is timed, the books are read whole, and what the killed work was about is looked at.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from atlas_core.access import COMMAND
from atlas_core.books.agreement import agree
from atlas_core.books.backups import copies_in, take_backup
from atlas_core.books.copies import verify_copy
from atlas_core.books.desk import Desk
from atlas_core.books.eraser import Eraser
from atlas_core.books.erasures import want_erased
from atlas_core.books.mirror import Mirror
from atlas_core.books.restoring import restore
from atlas_core.books.schema import migrate, migrate_atlas, migrate_desk
from atlas_core.books.verification import verify_columns
from atlas_core.books.writer import AtlasWriter
from atlas_core.clock import now_ms
from atlas_core.errors import BookError
from tests.benchmarks.table import Goal, Row, show
from tests.kills import run
from tests.made_books import START, add_flow, make_result
from tests.marked import MARK, files_with, make_marked_books_in
from tests.mirrored import follow
from tests.old_books import make_old_books, next_edition

FLOWS = 3_000
FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Scene:
    """What is killed: the books before it, the work, the next start, and what has to be true after that."""

    name: str
    prepare: Callable[[Path], object]
    work: Callable[[Path], object]
    start: Callable[[Path], object]
    judge: Callable[[Path], Iterator[str]]


@dataclass
class Survived:
    """How a scene went: `kills` that fell into the work, the slowest start afterwards, and what was wrong."""

    kills: int = 0
    slowest_start: float = 0.0
    faults: list[str] = field(default_factory=list)


def survive(scene: Scene, folder: Path, *, kills: int, seed: int = 7) -> Survived:
    """Kills the scene's work so many times, each time over fresh copies of its books.

    A work that was done before its kill counts for nothing; the next kill then comes sooner.
    """
    chance, survived = random.Random(seed), Survived()
    first = folder / "first"
    scene.prepare(first)
    rehearsed = shutil.copytree(first, folder / "rehearsed")
    begun = time.monotonic()
    scene.work(rehearsed)
    whole = time.monotonic() - begun
    for number in range(10 * kills):
        if survived.kills == kills:
            break
        place = shutil.copytree(first, folder / str(number))
        child = FORK.Process(target=scene.work, args=(place,))
        begun = time.monotonic()
        child.start()
        child.join(chance.uniform(0.0, whole))
        if child.exitcode is None:
            child.kill()
            child.join()
        else:
            whole = time.monotonic() - begun
        survived.kills += child.exitcode == -signal.SIGKILL
        begun = time.monotonic()
        scene.start(place)
        survived.slowest_start = max(survived.slowest_start, time.monotonic() - begun)
        faults = [*_unsound(place), *scene.judge(place)]
        survived.faults += [f"{scene.name}, kill {number}: {fault}" for fault in faults]
        shutil.rmtree(place)
    return survived


def _unsound(folder: Path) -> Iterator[str]:
    for name in ("atlas.db", "desk.db"):
        with closing(sqlite3.connect(folder / name)) as book:
            if book.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                yield f"{name} is damaged"
            if book.execute("PRAGMA foreign_key_check").fetchone():
                yield f"{name} has rows that point nowhere"


def _count(book: Path, select: str) -> int:
    with closing(sqlite3.connect(book)) as connection:
        return int(connection.execute(select).fetchone()[0])


# ----------------------------------------------------------------------------------------- an upgrade


def _old(folder: Path) -> None:
    make_old_books(folder, FLOWS)


def _upgrade(folder: Path) -> None:
    migrate(folder / "atlas.db", next_edition(), folder / "backups")
    migrate_desk(folder / "desk.db", folder / "backups")


def _upgraded_whole(folder: Path) -> Iterator[str]:
    if _count(folder / "atlas.db", "SELECT count(*) FROM flows WHERE said = application_id") != FLOWS:
        yield "not every flow was upgraded"
    if _count(folder / "desk.db", "SELECT count(*) FROM submissions") != FLOWS:
        yield "submissions are lost"
    yield from _harmed_copies(folder)


# ------------------------------------------------------------------------------------------- backups


def _present(folder: Path) -> None:
    make_old_books(folder, FLOWS)
    migrate_atlas(folder / "atlas.db")
    migrate_desk(folder / "desk.db")
    shutil.rmtree(folder / "backups")
    with AtlasWriter(folder / "atlas.db") as writer:
        agree(writer, folder / "atlas.db", folder / "desk.db", now=now_ms())
        follow(writer, folder / "atlas.db")


def _back_up_while_results_come(folder: Path) -> None:
    ending = threading.Event()

    def write(writer: AtlasWriter) -> None:
        with (folder / "kept").open("ab", buffering=0) as kept:
            for number in range(100_000):
                if ending.is_set():
                    return
                flow_uuid = f"late-{number:08d}"
                add_flow(writer, flow_uuid, result=make_result(flow_uuid), by_callback=True)
                kept.write(f"{flow_uuid}\n".encode())

    with AtlasWriter(folder / "atlas.db") as writer:
        thread = threading.Thread(target=write, args=(writer,))
        thread.start()
        for _ in range(4):
            for book in ("atlas.db", "desk.db"):
                take_backup(folder / book, folder / "backups", now=now_ms())
        ending.set()
        thread.join()


def _start_worker_books(folder: Path) -> None:
    migrate_atlas(folder / "atlas.db")
    migrate_desk(folder / "desk.db")
    with AtlasWriter(folder / "atlas.db") as writer:
        agree(writer, folder / "atlas.db", folder / "desk.db", now=now_ms())


def _kept_and_copied(folder: Path) -> Iterator[str]:
    kept = (folder / "kept").read_text().split() if (folder / "kept").exists() else []
    found = _count(folder / "atlas.db", "SELECT count(*) FROM flows WHERE flow_uuid LIKE 'late-%'")
    if not len(kept) <= found <= len(kept) + 1:
        yield f"{len(kept)} results were kept, {found} are there"
    yield from _harmed_copies(folder)
    take_backup(folder / "desk.db", folder / "backups", now=now_ms() + 60_000)
    if left := [place.name for place in (folder / "backups").iterdir() if place.name.startswith(".")]:
        yield f"left over: {', '.join(left)}"


def _harmed_copies(folder: Path) -> Iterator[str]:
    for copy in copies_in(folder / "backups"):
        try:
            verify_copy(copy)
        except BookError as error:
            yield f"a backup under its final name is none: {error}"


# ----------------------------------------------------------------------------------------- a restore


def _later(folder: Path) -> None:
    """Books with backups, and one more flow since."""
    _present(folder)
    for book in ("atlas.db", "desk.db"):
        take_backup(folder / book, folder / "backups", now=now_ms())
    with AtlasWriter(folder / "atlas.db") as writer:
        add_flow(writer, "late-00000001", result=make_result("late-00000001"))


def _restore(folder: Path) -> None:
    restore(copies_in(folder / "backups"), folder, now=now_ms())


def _restored_and_set_aside(folder: Path) -> Iterator[str]:
    of_flows = "SELECT count(*) FROM flows"
    if _count(folder / "atlas.db", of_flows) != FLOWS:
        yield "atlas.db is not the backup"
    if FLOWS + 1 not in [_count(book, of_flows) for book in folder.glob("set-aside-*/atlas.db")]:
        yield "the book that was there is lost"
    if left := [place.name for place in folder.iterdir() if place.name.startswith(".")]:
        yield f"left over: {', '.join(left)}"


# ----------------------------------------------------------------------------------------- a rebuild


def _rebuild(folder: Path) -> None:
    with AtlasWriter(folder / "atlas.db") as writer, closing(Mirror(writer, folder / "atlas.db")) as mirror:
        mirror.rebuild()


def _start_and_follow(folder: Path) -> None:
    migrate_atlas(folder / "atlas.db")
    with AtlasWriter(folder / "atlas.db") as writer:
        follow(writer, folder / "atlas.db")


def _mirrored(folder: Path) -> Iterator[str]:
    yield from verify_columns(folder).differences


# ---------------------------------------------------------------------------------------- an erasure


def _marked(folder: Path) -> None:
    """A marked case among others, with backups of both books and books set aside."""
    made = make_marked_books_in(folder, folder / "backups", others=200)
    for name in ("atlas.db", "desk.db"):
        take_backup(folder / name, folder / "backups", now=START)
    restore(copies_in(folder / "backups"), folder, now=START)
    with AtlasWriter(made.atlas) as writer:
        follow(writer, made.atlas)


def _erase(folder: Path) -> None:
    desk = Desk(folder / "desk.db")
    want_erased(desk, COMMAND, application_id="APP-M", reason="a rehearsal")
    _erase_open(folder)


def _erase_open(folder: Path) -> None:
    """What the worker does at its start."""
    book = folder / "atlas.db"
    with AtlasWriter(book) as writer, closing(Mirror(writer, book)) as mirror:
        eraser = Eraser(
            *(writer, book, folder / "desk.db", folder / "backups"),
            lambda anew: mirror.rebuild() if anew else mirror.catch_up(),
        )
        eraser.apply_tombstones()
        mirror.catch_up()
        eraser.run_open()


def _erased_whole(folder: Path) -> Iterator[str]:
    wished = _count(folder / "desk.db", "SELECT count(*) FROM erasures")
    if wished != _count(folder / "desk.db", "SELECT count(*) FROM erasures WHERE done_at IS NOT NULL"):
        yield "an erasure is not done"
    found = files_with(MARK, folder)
    if wished and found:
        yield f"{', '.join(found)} still hold the case"
    if not wished and not found:
        yield "a case was erased that nobody wished erased"
    if _count(folder / "atlas.db", "SELECT count(*) FROM fields WHERE value LIKE 'Another Person%'") != 200:
        yield "other cases lost something"
    if len(copies_in(folder / "backups")) != 2:
        yield "a backup is lost"
    yield from _harmed_copies(folder)
    yield from verify_columns(folder).differences


SCENES = (
    Scene("upgrade", _old, _upgrade, _upgrade, _upgraded_whole),
    Scene("backup", _present, _back_up_while_results_come, _start_worker_books, _kept_and_copied),
    Scene("restore", _later, _restore, _restore, _restored_and_set_aside),
    Scene("rebuild", _present, _rebuild, _start_and_follow, _mirrored),
    Scene("erase", _marked, _erase, _erase_open, _erased_whole),
)
"""What is killed beside the worker."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Kills the worker and each scene's work, and prints a row for each."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--seed", type=int, default=7)
    given = options.parse_args(arguments)
    of_worker = given.kills // 2
    with tempfile.TemporaryDirectory() as place:
        left = run(Path(place), kills=of_worker, flows=2 * of_worker, seed=given.seed)
    table = _rows_of("worker", Survived(left.kills, left.slowest_start, left.faults))
    for scene in SCENES:
        with tempfile.TemporaryDirectory() as place:
            kills = (given.kills - of_worker) // len(SCENES)
            table += _rows_of(scene.name, survive(scene, Path(place), kills=kills, seed=given.seed))
    show(table, ("killed", "kills at work", ""))
    return int(any(row.goal and not row.goal.is_met(row.figure) for row in table))


def _rows_of(name: str, survived: Survived) -> list[Row]:
    for fault in survived.faults:
        print(fault)
    kills = f"{survived.kills}"
    return [
        Row(f"{name}: faults", kills, "", len(survived.faults), Goal("<=", 0, "")),
        Row(f"{name}: slowest start after a kill", kills, "", survived.slowest_start, Goal("<=", 5, " s")),
    ]


if __name__ == "__main__":
    sys.exit(main())

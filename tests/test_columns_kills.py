"""Whoever writes the mirror may be killed at any moment: the next start says exactly what the book says."""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import numpy as np
import pytest

from atlas_core.books import results
from atlas_core.books.columns import open_columns
from atlas_core.books.mirror import Mirror
from atlas_core.books.standards import Standards
from atlas_core.books.writer import AtlasWriter
from tests.made_books import START, add_flow, make_books, make_result
from tests.mirrored import counted_by_book, counted_by_mirror, follow, require_same

_WITH_EFFECT = frozenset(
    {"open", "ftruncate", "pwrite", "write", "fsync", "replace", "rename", "unlink", "mkdir", "close", "put"}
)
_FORK = multiprocessing.get_context("fork")


def deliver(writer: AtlasWriter, flow_id: int, *scores: float) -> None:
    result = make_result(f"delivered {flow_id} {scores}", similarities=scores)
    moment = {
        "channel": "extracts",
        "received_at": START + 90_000,
        "confirmed": True,
        "standards": Standards(),
    }
    writer.write(results.save_result, flow_id, result, **moment)  # type: ignore[arg-type]


def killed_at_call(number: int, book: Path, work: Callable[[Mirror], object]) -> bool:
    """Does the work in a process of its own that is killed before that call of those that change files or
    ask the book's writer; whether it was killed before it was through."""

    def run() -> None:
        with AtlasWriter(book) as writer:
            mirror = Mirror(writer, book)
            calls = 0

            def count(_frame: FrameType, event: str, called: object) -> None:
                nonlocal calls
                if event == "c_call" and called.__name__ in _WITH_EFFECT:  # type: ignore[attr-defined]
                    calls += 1
                    if calls == number:
                        os.kill(os.getpid(), signal.SIGKILL)

            sys.setprofile(count)
            work(mirror)
            sys.setprofile(None)
        os._exit(0)

    process = _FORK.Process(target=run)
    process.start()
    process.join()
    return process.exitcode == -signal.SIGKILL


def book_with_a_change(folder: Path) -> Path:
    """Six mirrored flows, of which three have since got other results, and a seventh came."""
    book = make_books(folder).atlas
    with AtlasWriter(book) as writer:
        for number in range(1, 7):
            add_flow(
                writer, f"flow-{number:04d}", result=make_result(f"flow-{number}", similarities=(95, 40))
            )
        follow(writer, book)
        for flow_id in (2, 5, 6):
            deliver(writer, flow_id, 80 + flow_id, 12)
        add_flow(writer, "flow-0007", result=make_result("flow-7", similarities=(1, 2)))
    return book


@pytest.mark.parametrize("work", [Mirror.catch_up, Mirror.rebuild], ids=["a step", "a rebuild"])
def test_killed_before_any_of_its_calls_a_start_later_everything_is_there_once(
    tmp_path: Path, work: Callable[[Mirror], object]
) -> None:
    first = book_with_a_change(tmp_path / "first")
    before, after = counted_by_mirror(open_columns(first.parent)), counted_by_book(first)
    number, was_killed = 0, True
    while was_killed:
        number += 1
        folder = tmp_path / str(number)
        shutil.copytree(tmp_path / "first" / "data", folder)
        book = folder / "atlas.db"
        was_killed = killed_at_call(number, book, work)
        columns = open_columns(folder)  # as a page reads it while nobody mends it
        per_flow = np.bincount(columns.checks.flow, minlength=len(columns.flows))[1:]
        assert per_flow.max() <= 2, f"after call {number} a flow counts twice"
        assert counted_by_mirror(columns) in (before, after), f"after call {number} counts are half done"
        with AtlasWriter(book) as writer:
            follow(writer, book)
        require_same(book)
        assert len(list((folder / "mirror").iterdir())) == 7, f"after call {number} files are left over"
        shutil.rmtree(folder)
    assert number > 50, "the work was not killed often enough to tell"


def test_killed_again_and_again_at_any_moment_it_catches_up(tmp_path: Path) -> None:
    book = make_books(tmp_path).atlas
    chance = random.Random(11)

    def run(seed: int) -> None:
        deeds = random.Random(seed)
        with AtlasWriter(book) as writer:
            mirror = Mirror(writer, book)
            for turn in range(100_000):
                known = add_flow(
                    writer,
                    f"flow-{seed:04d}-{turn:06d}",
                    result=make_result(f"{seed} {turn}"),
                    by_callback=True,
                )
                deliver(writer, deeds.randint(1, known), deeds.randint(0, 100), turn % 101)
                mirror.catch_up()

    for life in range(20):
        process = _FORK.Process(target=run, args=(life,))
        process.start()
        time.sleep(chance.uniform(0.03, 0.25))
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        with AtlasWriter(book) as writer:
            follow(writer, book)
        require_same(book)
    assert len(open_columns(book.parent).flows) > 50
